"""kill -9 at every write of verify, resubmit, erase and record_event: afterwards state, events and rows agree."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from local.provision import PubSub
from shared.runtime import instance
from tests.factories.api import BASE, VerificationApi
from tests.factories.claims import verify_body
from tests.factories.clock_file import ClockFile
from tests.factories.environment import environment
from tests.factories.events import success
from tests.factories.messages import message_of, push
from tests.factories.trail import Trail, once
from tests.faults.processes import Launcher

PERMIT = "rate_limits"
PUBLISHED = ["publish verification-events", "-outbox"]


@dataclass(frozen=True)
class Scenario:
    """A request, what happened before it, its writes in order, and what the same request gives afterwards."""

    function: str
    writes: tuple[str, ...]
    before: Callable[[VerificationApi, str], Any] = lambda api, customer: None
    body: tuple[tuple[str, str], ...] = ()
    keyed: bool = False
    # (status, method) of the request when it is sent again: had its commit been reached, or not.
    again: tuple[tuple[int, str | None], tuple[int, str | None]] = ((200, "full_verification"), (200, "cache"))


def _two_failures_after_a_success(api: VerificationApi, customer: str) -> None:
    api.verify(customer)
    for _ in range(2):
        api.verify(customer, idNumberLast4="12")


def key(customer: str) -> dict[str, str]:
    return {"Idempotency-Key": f"order-of-{customer}"}


BAD = (("idNumberLast4", "12"),)
SCENARIOS = {
    "success": Scenario("verification_verify", (PERMIT, "verification_attempts verifications outbox", *PUBLISHED)),
    "success with an idempotency key": Scenario(
        "verification_verify",
        (PERMIT, "idempotency", "verification_attempts verifications outbox", *PUBLISHED, "idempotency"),
        keyed=True,
    ),
    "failure": Scenario(
        "verification_verify",
        (PERMIT, "verification_attempts outbox", *PUBLISHED),
        body=BAD,
        again=((400, "id_validation"), (400, "id_validation")),
    ),
    "the failure that fills the window": Scenario(
        "verification_verify",
        (PERMIT, "verification_attempts verifications outbox", *PUBLISHED),
        before=_two_failures_after_a_success,
        body=BAD,
        again=((400, "id_validation"), (429, None)),
    ),
    "resubmit": Scenario(
        "verification_resubmit",
        (PERMIT, "verification_attempts verifications outbox", *PUBLISHED),
        before=lambda api, customer: api.verify(customer),
        again=((200, "full_verification"), (200, "full_verification")),
    ),
    "erase": Scenario(
        "verification_erase",
        (PERMIT, "-verifications outbox", *PUBLISHED, "-idempotency"),
        before=lambda api, customer: api.verify(customer, headers=key(customer)),
        again=((200, None), (200, None)),
    ),
}


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    with Launcher(tmp_path_factory.mktemp("faults")) as running:
        yield running


@pytest.fixture
def clock_file(project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClockFile:
    file = ClockFile(tmp_path / "clock.json")
    monkeypatch.setenv("CLOCK_FILE", str(file.path))
    instance.forget()
    return file


@pytest.fixture
def clean(clock_file: ClockFile, function: Callable[[str], FlaskClient]) -> VerificationApi:
    """The functions as a restart finds them."""
    return VerificationApi(function)


@pytest.fixture
def trail(clean: VerificationApi, pubsub: PubSub, tables: None) -> Trail:
    return Trail(instance.platform(), pubsub, clean.client_for)


def send(scenario: Scenario, call: Callable[..., Any], customer: str, caller: dict[str, str]) -> Any:
    """The scenario's request, byte for byte the same each time, through `call(method, path, ...)`."""
    headers = {**caller, **(key(customer) if scenario.keyed else {}), "Content-Type": "application/json"}
    if scenario.function == "verification_erase":
        return call("DELETE", f"{BASE}/{customer}", headers=headers)
    path = f"{BASE}/{scenario.function.removeprefix('verification_')}"
    return call("POST", path, data=json.dumps(verify_body(customer, **dict(scenario.body))), headers=headers)


@pytest.mark.parametrize("name", SCENARIOS)
def test_after_a_kill_at_any_write_state_events_and_rows_agree(
    name: str, project: str, clock_file: ClockFile, clean: VerificationApi, trail: Trail, launcher: Launcher
) -> None:
    scenario = SCENARIOS[name]
    variables = environment(project, CLOCK_FILE=str(clock_file.path))
    # One customer for each write. Their callers differ, so that the first write is always the lease of a permit.
    killed = {f"c-{after}": after for after in range(1, len(scenario.writes) + 1)}
    callers = {customer: clean.as_("admin", f"admin-{customer}").caller for customer in killed}
    for customer, after in killed.items():
        scenario.before(clean, customer)
        process = launcher.start(scenario.function, variables, after)
        assert send(scenario, process.call, customer, callers[customer]) is None
        assert process.writes() == list(scenario.writes[:after])
    clock_file.advance(seconds=100)  # beyond the outbox's grace, and the lease of an idempotency key
    trail.catch_up()
    trail.check(*killed)
    committed = next(n for n, write in enumerate(scenario.writes, 1) if "outbox" in write)
    for customer, after in killed.items():
        answer = send(scenario, partial(clean.call, scenario.function), customer, callers[customer])
        kept = scenario.keyed and after == len(scenario.writes)  # the first run's answer was kept
        expected = scenario.again[after >= committed and not kept]
        assert (answer.status_code, answer.json.get("method")) == expected, f"killed after write {after}"
    clock_file.advance(seconds=20)
    trail.catch_up()
    trail.check(*killed)


@pytest.mark.parametrize("name", SCENARIOS)
def test_these_are_all_the_writes_there_are(
    name: str, project: str, clock_file: ClockFile, clean: VerificationApi, launcher: Launcher
) -> None:
    """A new write fails here until the scenario names it, and so is killed at as well."""
    scenario = SCENARIOS[name]
    scenario.before(clean, "c-1")
    process = launcher.start(scenario.function, environment(project, CLOCK_FILE=str(clock_file.path)))
    caller = clean.as_("admin", "admin-c-1").caller
    answer = send(scenario, process.call, "c-1", caller)
    assert answer.status_code in (200, 400)
    assert process.writes() == list(scenario.writes)


RECORDED = [
    "audit_chains audit_links",
    "merge age_verification_attempts",
    "audit_links",
    "audit_chains audit_links",
    "merge age_verifications",
    "audit_links",
]


def test_after_a_kill_of_record_event_at_any_write_a_redelivery_mends_the_trail(
    project: str, clock_file: ClockFile, clean: VerificationApi, trail: Trail, launcher: Launcher
) -> None:
    recorder = clean.client_for("audit_record_event")
    variables = environment(project, CLOCK_FILE=str(clock_file.path))
    now = datetime.now(UTC)
    messages = [message_of(success(now, f"evt_{n}", verificationId=f"av_{n}")) for n in range(len(RECORDED) + 1)]
    for kill_after, message in enumerate(messages):
        process = launcher.start("audit_record_event", variables, kill_after)
        body = {"subscription": "s", "message": message}
        assert process.call("POST", "/projects/p/topics/verification-events", json=body) is None
        assert process.writes() == RECORDED[:kill_after]
        # Others go on; the dead one's place stays its own until its lease has ended.
        other = message_of(success(now, f"evt_other_{kill_after}", verificationId=f"av_other_{kill_after}"))
        assert push(recorder, other).status_code == 200
        leased = kill_after % 3 != 0
        assert push(recorder, message).status_code == (503 if leased else 200)
    clock_file.advance(seconds=61)
    for message in reversed(messages):
        assert push(recorder, message).status_code == 200
    trail.check()
    for table in ("age_verifications", "age_verification_attempts"):
        ids = [row["event_id"] for row in trail.warehouse.rows(table)]
        once(ids)
        assert len(ids) == 2 * len(messages)
