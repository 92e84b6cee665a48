"""Idempotency-Key at verify over two processes, one of which may die at the worst moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from google.cloud.firestore import Client

from tests.factories.claims import verify_body
from tests.factories.clock_file import ClockFile
from tests.factories.documents import documents
from tests.factories.personal import personal_in
from tests.factories.processes import WATCHED, FunctionProcess, new_project
from tests.factories.tokens import bearer

NEVER = 4_102_444_800
Start = Callable[..., FunctionProcess]
NAME, BORN, CUSTOMER = "Zelda Example", "1987-12-24", "c-secret"
PERSONAL = (NAME, "Zelda", BORN, "9371", CUSTOMER, "zelda@example.com")


@pytest.fixture
def project() -> str:
    return new_project()


@pytest.fixture
def clock(tmp_path: Path) -> ClockFile:
    return ClockFile(tmp_path / "clock.json")


@pytest.fixture
def start(project: str, clock: ClockFile, tmp_path: Path) -> Iterator[Start]:
    """Starts another process of verify in the same project."""
    with ExitStack() as stack:

        def another(**options: Any) -> FunctionProcess:
            log = tmp_path / f"{len(list(tmp_path.iterdir()))}.log"
            process = FunctionProcess("verification_verify", project, log, CLOCK_FILE=str(clock.path), **options)
            stack.callback(process.stop)
            return process

        yield another


def post(process: FunctionProcess, key: str = "k-1", **changes: Any) -> requests.Response:
    person = {"fullName": NAME, "dateOfBirth": BORN, "idNumberLast4": "9371", "email": "zelda@example.com"}
    headers = {**bearer("customer", CUSTOMER, exp=NEVER), "Idempotency-Key": key}
    body = verify_body(CUSTOMER, **{**person, **changes})
    return requests.post(f"{process.url}/verify", json=body, headers=headers, timeout=60)


def test_one_runs_and_the_other_process_replays(start: Start, project: str) -> None:
    first, second = (process.ready() for process in (start(), start()))
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(post, [first, second] * 3))
    ran = [a for a in answers if a.status_code == 200 and "Idempotent-Replayed" not in a.headers]
    assert [a.json()["method"] for a in ran] == ["full_verification"]
    assert {(a.status_code, a.json().get("code")) for a in answers} <= {(200, None), (409, "request_in_progress")}

    for process in (first, second):
        again = post(process)
        assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
        assert again.json() == ran[0].json()
        other = post(process, fullName="Somebody Else")
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")

    assert_unreadable(project, ran[0].json())


def assert_unreadable(project: str, answer: dict[str, Any]) -> None:
    """Neither the person nor the answer can be read where it is kept."""
    (kept,) = documents(Client(project=project), "idempotency").items()
    secrets = (*PERSONAL, answer["ageToken"], answer["verificationId"], "k-1")
    assert personal_in(str(kept), *secrets) == []
    blobs = [value for value in kept[1].values() if isinstance(value, bytes)]
    assert not [secret for secret in secrets for blob in blobs if secret.encode() in blob]


def test_a_claim_whose_process_was_killed_is_taken_over_after_its_lease(
    start: Start, project: str, clock: ClockFile
) -> None:
    dying, living = start(launcher=WATCHED, DIE_BEFORE="verifications"), start()
    dying.ready()
    with pytest.raises(requests.ConnectionError):
        post(dying)
    assert dying.exit_code() != 0
    client = Client(project=project)
    assert {name: len(documents(client, name)) for name in ("idempotency", "verifications", "outbox")} == {
        "idempotency": 1,
        "verifications": 0,
        "outbox": 0,
    }

    living.ready()
    waiting = post(living)
    assert (waiting.status_code, waiting.json()["code"]) == (409, "request_in_progress")
    clock.advance(seconds=91)
    taken = post(living)
    assert (taken.status_code, taken.json()["method"]) == (200, "full_verification")
    assert "Idempotent-Replayed" not in taken.headers
    assert post(living).headers["Idempotent-Replayed"] == "true"
