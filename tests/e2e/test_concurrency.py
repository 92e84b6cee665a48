"""Many requests for one customer at once, over three processes of the real function as well as over one."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from local.provision import PubSub
from shared.platform.context import Platform
from shared.platform.settings import Settings
from tests.factories.api import BASE
from tests.factories.claims import verify_body
from tests.factories.documents import documents
from tests.factories.environment import environment
from tests.factories.messages import data_of, pulled
from tests.factories.processes import FunctionProcess, new_project
from tests.factories.tokens import bearer

pytestmark = pytest.mark.xdist_group("concurrency")  # one worker, so that the processes start once
CALLER = bearer("service", "orders")


class Fleet:
    """Processes of verification_verify on one project."""

    def __init__(self, project: str, processes: list[FunctionProcess]) -> None:
        self.platform = Platform.start(Settings.load(environment(project)))
        self.pubsub = PubSub(os.environ["PUBSUB_EMULATOR_HOST"], project)
        self._urls = [process.url for process in processes]

    def at_once(self, count: int, customer: str, **changes: Any) -> list[requests.Response]:
        """`count` requests at the same time, dealt out to the processes in turn."""
        body = verify_body(customer, **changes)

        def post(number: int) -> requests.Response:
            url = self._urls[number % len(self._urls)] + f"{BASE}/verify"
            return requests.post(url, json=body, headers=CALLER, timeout=60)

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(post, range(count)))

    def events(self, customer: str) -> Counter[str]:
        customer_hash = self.platform.customer_hash(customer)
        found = [data_of(message) for message in pulled(self.pubsub)]
        return Counter(event["type"] for event in found if event["customerHash"] == customer_hash)


@pytest.fixture(scope="module", params=[3, 1], ids=["three processes", "one process"])
def fleet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    project, logs = new_project(), tmp_path_factory.mktemp("fleet")
    with ExitStack() as running:
        processes = [
            FunctionProcess("verification_verify", project, Path(logs / str(number)), RATE_LIMIT_SIGNED_IN="100000")
            for number in range(request.param)
        ]
        for process in processes:
            running.callback(process.stop)
        yield Fleet(project, [process.ready() for process in processes])


def test_of_20_bad_first_attempts_exactly_3_are_evaluated(fleet: Fleet) -> None:
    answers = fleet.at_once(20, "c-bad", idNumberLast4="12")
    assert Counter(a.status_code for a in answers) == {400: 3, 429: 17}
    refused = [a.json() for a in answers if a.status_code == 400]
    assert sorted(a["attemptsRemaining"] for a in refused) == [0, 1, 2]
    # All of them name the same end: when the first failure leaves the window.
    assert len({a.json()["resetAt"] for a in answers}) == 1
    (window,) = (
        d for p, d in documents(fleet.platform.firestore, "verification_attempts").items() if _is(fleet, p, "c-bad")
    )
    assert len(window["failures"]) == 3
    assert fleet.events("c-bad") == {"verification.failed": 3, "verification.rate_limited": 17}


def test_of_200_good_ones_one_becomes_the_record_and_all_are_answered_from_it(fleet: Fleet) -> None:
    answers = fleet.at_once(200, "c-good")
    assert Counter(a.status_code for a in answers) == {200: 200}
    assert Counter(a.json()["method"] for a in answers) == {"full_verification": 1, "cache": 199}
    assert len({a.json()["verificationId"] for a in answers}) == 1
    (record,) = (d for p, d in documents(fleet.platform.firestore, "verifications").items() if _is(fleet, p, "c-good"))
    assert record["verificationId"] == answers[0].json()["verificationId"]
    assert fleet.events("c-good") == {"verification.succeeded": 1}


def test_good_and_bad_ones_mixed_never_let_a_fourth_failure_be_evaluated(fleet: Fleet) -> None:
    with ThreadPoolExecutor(2) as pool:
        bad = pool.submit(fleet.at_once, 20, "c-mixed", state="ZZ")
        good = pool.submit(fleet.at_once, 20, "c-mixed")
    statuses = Counter(a.status_code for a in bad.result())
    assert statuses[400] <= 3
    assert statuses[400] + statuses[429] == 20
    assert {a.status_code for a in good.result()} <= {200, 429}
    events = fleet.events("c-mixed")
    assert events["verification.failed"] == statuses[400]
    assert events["verification.succeeded"] <= 1


def _is(fleet: Fleet, path: str, customer: str) -> bool:
    return path.endswith("/" + fleet.platform.customer_hash(customer))
