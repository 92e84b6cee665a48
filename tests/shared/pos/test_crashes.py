"""Processes killed at any request, and two at once: afterwards everything is there once."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.factories.processes import LEAN, ROOT
from tests.factories.shop import LIFE, Shop

PAYMENTS_TABLE = "analytics.square_payments"


# As `python -m tools.sync`. What a shell starts in the background ignores Ctrl-C, and so do these tests then.
IN_THE_FOREGROUND = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("tools.sync", run_name="__main__", alter_sys=True)
"""


def begun(shop: Shop, *options: str) -> subprocess.Popen[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.Popen(
        [LEAN / "python", "-c", IN_THE_FOREGROUND, "square", "--backfill", LIFE, *options],
        cwd=ROOT,
        env={**kept, **shop.variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=100)
    return process.returncode, output


def killed_at(shop: Shop, request: int, *options: str) -> bool:
    """Whether the process was alive when the simulator had answered so many requests."""
    shop.square.reset_requests()
    process = begun(shop, *options)
    while shop.square.requests()["total"] < request and process.poll() is None:
        time.sleep(0.002)
    alive = process.poll() is None
    process.send_signal(signal.SIGKILL)
    ended(process)
    return alive


def assert_complete(shop: Shop) -> None:
    assert shop.places(PAYMENTS_TABLE, "amount") == shop.ledger("payments")
    assert shop.places("analytics.square_order_lines", "gross") == shop.ledger("order_lines")
    customers = shop.rows("commerce.customers", "COUNT(*) AS n, COUNT(DISTINCT customer_id) AS ids", "TRUE")[0]
    assert customers["n"] == customers["ids"] == 130


@pytest.mark.parametrize("request_number", [9, 24])
def test_killed_at_a_request_and_gone_on_with(shop: Shop, request_number: int) -> None:
    shop.square.trap(latency_ms=20)
    assert killed_at(shop, request_number)
    code, output = ended(begun(shop, "--resume"))
    assert code == 0, output
    assert_complete(shop)


def test_killed_again_and_again(shop: Shop) -> None:
    shop.square.trap(latency_ms=15)
    kills = 0
    while killed_at(shop, 3 + 4 * kills, "--resume") and kills < 4:
        kills += 1
    code, output = ended(begun(shop, "--resume"))
    assert code == 0, output
    assert kills > 1
    assert_complete(shop)


def test_without_a_word_a_living_run_is_left_alone_and_a_dead_one_taken_up(shop: Shop) -> None:
    shop.square.trap(latency_ms=20)
    assert killed_at(shop, 12)
    code, output = ended(begun(shop))
    assert code == 1
    assert "synced already" in output
    shop.advance(minutes=5)
    code, output = ended(begun(shop))
    assert code == 0, output
    assert_complete(shop)


def test_two_processes_on_one_run(shop: Shop) -> None:
    """Each takes the other for dead: what both load is there once."""
    shop.square.trap(latency_ms=20)
    with ThreadPoolExecutor(2) as pool:
        first = begun(shop)
        while shop.square.requests()["total"] < 5:
            time.sleep(0.002)
        second = begun(shop, "--resume")
        list(pool.map(ended, (first, second)))
    shop.advance(minutes=5)
    ended(begun(shop, "--resume"))
    assert_complete(shop)


def test_interrupted_by_hand_the_same_command_goes_on(shop: Shop) -> None:
    shop.square.trap(latency_ms=20)
    shop.square.reset_requests()
    process = begun(shop)
    while shop.square.requests()["total"] < 10:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    code, output = ended(process)
    assert code == 130, output
    code, output = ended(begun(shop))
    assert code == 0, output
    assert_complete(shop)
