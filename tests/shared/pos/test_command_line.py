"""`python -m tools.sync`: what a person sees, and the exit code."""

from __future__ import annotations

import os
import re
import subprocess

from tests.factories.processes import LEAN, ROOT
from tests.factories.shop import Shop


def called(shop: Shop, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [LEAN / "python", "-m", "tools.sync", *arguments],
        cwd=ROOT,
        env={**kept, **shop.variables, **changes},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_a_backfill_shows_how_far_it_is_and_what_it_came_to(shop: Shop) -> None:
    done = called(shop, "square", "--backfill", "90d")
    assert done.returncode == 0, done.stderr
    assert re.search(r"square \[#{30}\] (\d+)/\1 windows, [\d,]+ rows", done.stderr)
    assert re.search(r"square_payments +560 read +560 changed +certificate green: 560 rows", done.stdout)
    again = called(shop, "square")
    assert re.search(r"square_payments +\d+ read +0 changed +certificate green", again.stdout)


def test_a_red_certificate_is_shown_and_is_no_success(shop: Shop) -> None:
    called(shop, "square", "--backfill", "90d")
    shop.warehouse.run(
        "INSERT INTO `analytics.square_payments` "
        "(id, amount, refunded_amount, currency, status, location_id, created_at, updated_at) "
        "SELECT 'invented', 77, 0, 'USD', 'COMPLETED', location_id, created_at, updated_at FROM "
        "`analytics.square_payments` WHERE created_at >= '2026-07-01' LIMIT 1"
    )
    done = called(shop, "square")
    assert done.returncode == 1
    assert "certificate RED" in done.stdout
    assert "2026-07-01" in done.stdout


def test_a_wrong_token_is_a_sentence(shop: Shop) -> None:
    done = called(shop, "square", SQUARE_ACCESS_TOKEN="wrong")
    assert done.returncode == 1
    assert "SQUARE_ACCESS_TOKEN" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_time_that_is_none_is_a_sentence(shop: Shop) -> None:
    done = called(shop, "square", "--backfill", "yesterday")
    assert done.returncode == 1
    assert "yesterday" in done.stderr
    assert "Traceback" not in done.stderr
