"""`python -m tools.verify_audit`, over the trail that record_event has written."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.audit.service import AuditService
from shared.platform.context import Platform
from tests.factories.events import AT, attempt, success
from tests.factories.silence import closed_port
from tests.factories.warehouse import Warehouse
from tools.verify_audit import main

ROOT = Path(__file__).parents[2]
PERIOD = ["--from", "2026-07-01", "--to", "2026-07-02"]
Run = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def run(project: str, capsys: pytest.CaptureFixture[str]) -> Run:
    """Exit status, lines of standard output, standard error."""

    def verify_audit(*arguments: str) -> tuple[int, list[str], str]:
        try:
            status = main(arguments)
        except SystemExit as stopped:
            status = int(str(stopped.code))
        written = capsys.readouterr()
        return status, written.out.splitlines(), written.err

    return verify_audit


@pytest.fixture
def trail(platform: Platform, tables: None) -> None:
    audit = AuditService.on(platform)
    for number in (1, 2, 3):
        audit.record(attempt(AT, f"evt_{number}"))
    audit.record(success(AT + timedelta(days=1), "evt_4"))


def test_a_whole_trail(run: Run, trail: None) -> None:
    status, lines, errors = run(*PERIOD)
    assert (status, errors) == (0, "")
    assert [line.split() for line in lines[:-1]] == [
        ["2026-07-01", "commerce.age_verification_attempts", "3", "rows", "whole"],
        ["2026-07-02", "commerce.age_verification_attempts", "1", "row", "whole"],
        ["2026-07-02", "commerce.age_verifications", "1", "row", "whole"],
    ]
    assert lines[-1] == "All 3 chains from 2026-07-01 to 2026-07-02 (UTC) are whole: 5 rows."


def test_one_flipped_byte_is_named_with_table_day_place_and_event(run: Run, trail: None, project: str) -> None:
    Warehouse(project).run("UPDATE `commerce.age_verification_attempts` SET state = 'TY' WHERE event_id = 'evt_2'")
    status, lines, _ = run(*PERIOD)
    assert status == 1
    assert lines[0].split() == ["2026-07-01", "commerce.age_verification_attempts", "3", "rows", "BROKEN"]
    assert lines[1].strip() == "row 2 (evt_2) altered: its content does not give its hash"
    assert lines[-1] == (
        "1 of 3 chains broken. The first break: commerce.age_verification_attempts, 2026-07-01: "
        "row 2 (evt_2) altered: its content does not give its hash"
    )


def test_a_day_whose_rows_are_all_gone_is_told_too(run: Run, trail: None, project: str) -> None:
    Warehouse(project).run("DELETE FROM `commerce.age_verifications` WHERE TRUE")
    status, lines, _ = run(*PERIOD)
    assert status == 1
    assert "row 1 missing: the chain has 1 rows" in lines[-1]


def test_by_default_it_reads_the_last_seven_utc_days(run: Run, platform: Platform, tables: None) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    audit = AuditService.on(platform)
    for age in (0, 6, 7):
        audit.record(attempt(today - timedelta(days=age)))
    status, lines, _ = run()
    assert status == 0
    assert [line.split()[0] for line in lines[:-1]] == [
        (today - timedelta(days=age)).date().isoformat() for age in (6, 0)
    ]


def test_an_empty_trail_is_whole(run: Run, tables: None) -> None:
    status, lines, _ = run(*PERIOD)
    assert (status, lines) == (0, ["All 0 chains from 2026-07-01 to 2026-07-02 (UTC) are whole: 0 rows."])


@pytest.mark.parametrize(
    ("arguments", "first", "last"),
    [
        (["--from", "2026-07-05", "--to", "2026-07-05"], "2026-07-05", "2026-07-05"),
        (["--to", "2026-07-07"], "2026-07-01", "2026-07-07"),
        (["--from", "2099-01-01"], "2099-01-01", "2099-01-01"),
    ],
)
def test_one_end_of_the_period_gives_the_other(
    run: Run, tables: None, arguments: list[str], first: str, last: str
) -> None:
    assert run(*arguments)[1][-1].startswith(f"All 0 chains from {first} to {last} ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "yesterday"], "'yesterday' is no day. Write YYYY-MM-DD."),
        (["--from", "2026-07-02", "--to", "2026-07-01"], "--from 2026-07-02 lies after --to 2026-07-01."),
        (["--day", "2026-07-02"], "unrecognized arguments"),
    ],
)
def test_a_wrong_argument_is_said(run: Run, arguments: list[str], said: str) -> None:
    status, lines, errors = run(*arguments)
    assert (status, lines) == (2, [])
    assert said in errors


def test_help_says_what_it_does_and_how_it_ends(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT")
    status, lines, _ = run("--help")
    text = "\n".join(lines)
    assert status == 0
    assert all(part in text for part in ("--from DAY", "--to DAY", "UTC", "Exit status: 0", "writes nothing"))


def test_without_settings_it_says_what_is_missing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT")
    status, _, errors = run()
    assert status == 2
    assert errors == "verify_audit: GOOGLE_CLOUD_PROJECT is not set. Set it to the project id.\n"


def test_a_store_that_does_not_answer_is_no_broken_chain(
    run: Run, tables: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", closed_port())
    status, lines, errors = run(*PERIOD)
    assert (status, lines) == (2, [])
    assert "temporarily unavailable" in errors


def test_it_runs_as_a_command_in_the_lean_environment(trail: None) -> None:
    command = [str(ROOT / ".venv/functions/bin/python"), "-m", "tools.verify_audit", *PERIOD]
    done = subprocess.run(
        command, check=False, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "3 chains" in done.stdout
