"""The command as `make dead-letters` runs it; what its orders do is in tests/functions/monitoring/test_poison.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.monitoring.letters import Letter
from shared.monitoring.parking import park
from shared.platform.context import Platform
from tools.dead_letters import main

ROOT = Path(__file__).parents[2]
ADDRESS = "somebody@example.com"


@pytest.fixture
def _parked(platform: Platform) -> None:
    for number, function in enumerate(("pos-sync", "audit-record-event", "pos-sync")):
        source = {"CloudPubSubDeadLetterSourceSubscription": f"{function}.a-topic"}
        content = b'{"to": "%s", "eventId": "evt_1"}' % ADDRESS.encode()
        park(platform, Letter(f"m-{number}", content, {"type": "x.happened", **source}, platform.clock.now()))


@pytest.mark.usefixtures("_parked")
def test_it_lists_and_shows_nothing_personal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert [line.split()[0] for line in listed.splitlines()] == ["m-0", "m-1", "m-2", "2", "1", "3"]
    assert main(["list", "--function", "pos-sync"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["m-0", "m-2", "2", "2"]
    assert main(["show", "m-1"]) == 0
    shown = capsys.readouterr().out
    assert "m-1: parked, given up by audit-record-event after 0 tries" in shown
    assert '"eventId": "evt_1"' in shown
    assert ADDRESS not in listed + shown


@pytest.mark.parametrize("arguments", [["replay"], ["discard", "m-1", "--all"], ["replay", "--all", "--function", "x"]])
def test_which_ones_are_meant_is_said_in_one_way(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)


@pytest.mark.usefixtures("_parked")
def test_what_is_not_parked_is_said_and_nothing_ordered(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "m-9"]) == main(["replay", "m-1", "m-9"]) == 1
    assert "not parked: m-9" in capsys.readouterr().err


def test_nothing_is_parked(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == main(["replay", "--all"]) == 0
    assert capsys.readouterr().out == "Nothing is parked.\n" * 2


def test_of_a_deployment_it_needs_its_project_only() -> None:
    """Here the address of the emulator stands for Google's."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "FIRESTORE_EMULATOR_HOST")}
    ended = subprocess.run(
        [sys.executable, "-m", "tools.dead_letters", "list"],
        cwd=ROOT,
        env={**kept, "PROJECT": "a-project"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "Nothing is parked.\n"), ended.stderr
