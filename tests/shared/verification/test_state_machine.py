"""Attempts and validity, as a state machine: the model predicts every answer exactly."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import jwt
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from werkzeug.test import TestResponse

from local.provision import PubSub
from shared.platform.clock import wire_time
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from tests.factories.api import VerificationApi
from tests.factories.clock import TestClock
from tests.factories.serving import serving

SETTINGS = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    derandomize="CI" in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
DAY = timedelta(hours=24)
YEAR = timedelta(days=365)
MILLISECOND = timedelta(milliseconds=1)
BIRTH_DATES = ("1990-05-15", "1985-02-28")
BAD = {
    "id_validation": {"idNumberLast4": "12"},
    "input_validation": {"state": "ZZ"},
    "age_check": {"dateOfBirth": "2999-01-01"},
}
customers = count()


@dataclass
class Model:
    """What is known of one customer, by the contract."""

    failures: list[datetime] = field(default_factory=list)
    verified_at: datetime | None = None
    verification_id: str = ""
    birth_date: str = ""

    def in_window(self, now: datetime) -> list[datetime]:
        return [failure for failure in self.failures if now - failure < DAY]

    def valid(self, now: datetime) -> bool:
        return self.verified_at is not None and now < self.verified_at + YEAR

    def verify(self, now: datetime, birth_date: str, bad: str | None, *, anew: bool) -> dict[str, Any]:
        """The answer; the model moves on."""
        window = self.in_window(now)
        if len(window) == 3:
            return {"status": 429, "attemptsRemaining": 0, "resetAt": wire_time(window[0] + DAY)}
        if bad:
            self.failures.append(now)
            reset = wire_time((window or [now])[0] + DAY)
            return {"status": 400, "method": bad, "attemptsRemaining": 2 - len(window), "resetAt": reset}
        if self.valid(now) and birth_date == self.birth_date and not anew:
            return {"status": 200, "method": "cache", "same": True, **self.validity()}
        self.verified_at, self.birth_date = now, birth_date
        return {"status": 200, "method": "full_verification", "same": False, **self.validity()}

    def validity(self) -> dict[str, str]:
        assert self.verified_at
        return {"verifiedAt": wire_time(self.verified_at), "expiresAt": wire_time(self.verified_at + YEAR)}


class Customer(RuleBasedStateMachine):
    """One customer and everything that can happen to them."""

    def __init__(self, api: VerificationApi, clock: TestClock) -> None:
        super().__init__()
        self.api, self.clock = api, clock
        self.clock.at = TestClock().at
        self.id = f"c-{next(customers)}"
        self.model = Model()

    @rule(birth_date=st.sampled_from(BIRTH_DATES))
    def verify(self, birth_date: str) -> None:
        expected = self.model.verify(self.clock.at, birth_date, None, anew=False)
        self.compare(self.api.verify(self.id, dateOfBirth=birth_date), expected)

    @rule(bad=st.sampled_from(sorted(BAD)))
    def verify_badly(self, bad: str) -> None:
        expected = self.model.verify(self.clock.at, "", bad, anew=False)
        self.compare(self.api.verify(self.id, **BAD[bad]), expected)

    @rule(birth_date=st.sampled_from(BIRTH_DATES))
    def resubmit(self, birth_date: str) -> None:
        expected = self.model.verify(self.clock.at, birth_date, None, anew=True)
        self.compare(self.api.resubmit(self.id, dateOfBirth=birth_date), expected)

    @rule(bad=st.sampled_from(sorted(BAD)))
    def resubmit_badly(self, bad: str) -> None:
        expected = self.model.verify(self.clock.at, "", bad, anew=True)
        self.compare(self.api.resubmit(self.id, **BAD[bad]), expected)

    @rule(length=st.sampled_from([MILLISECOND, timedelta(hours=1), timedelta(hours=11), DAY - MILLISECOND, DAY]))
    def wait(self, length: timedelta) -> None:
        self.clock.at += length

    @rule(before=st.sampled_from([timedelta(), MILLISECOND]))
    def wait_until_the_oldest_failure_leaves(self, before: timedelta) -> None:
        window = self.model.in_window(self.clock.at)
        if window and window[0] + DAY - before > self.clock.at:
            self.clock.at = window[0] + DAY - before

    @rule(before=st.sampled_from([timedelta(), MILLISECOND]))
    def wait_until_the_verification_expires(self, before: timedelta) -> None:
        if self.model.valid(self.clock.at) and self.model.verified_at:
            self.clock.at = max(self.clock.at, self.model.verified_at + YEAR - before)

    @rule()
    def erase(self) -> None:
        assert self.api.erase(self.id).status_code == 200
        self.model.verified_at = None

    @rule()
    def status(self) -> None:
        answer = self.api.status(self.id)
        if self.model.verified_at is None:
            assert answer.status_code == 404
            return
        valid = self.model.valid(self.clock.at)
        expected = {
            "verified": valid,
            "expired": not valid,
            "verificationId": self.model.verification_id,
            "method": "full_verification",
            **self.model.validity(),
        }
        assert {name: answer.json[name] for name in expected} == expected
        self.check_token(answer.json["ageToken"] if valid else None)

    def compare(self, answer: TestResponse, expected: dict[str, Any]) -> None:
        body = answer.json
        if "same" in expected:
            same = expected.pop("same")
            assert (body["verificationId"] == self.model.verification_id) == same
            self.model.verification_id = body["verificationId"]
            self.check_token(body["ageToken"])
        assert {"status": answer.status_code, **{n: body[n] for n in expected if n != "status"}} == expected

    def check_token(self, age_token: str | None) -> None:
        if age_token:
            assert self.model.verified_at
            expires = int(min(self.clock.at + DAY, self.model.verified_at + YEAR).timestamp())
            assert jwt.decode(age_token, options={"verify_signature": False})["exp"] == expires


@pytest.mark.timeout(600)  # a failure is reported by its shortest example, which takes minutes to find
def test_every_answer_is_the_one_that_the_model_predicts(
    pubsub: PubSub, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATE_LIMIT_ADMIN", "1000000000")  # the clock stands still, so no permit comes back
    api = VerificationApi(serving(Platform(Settings.load(), clock, Ids(clock))))
    run_state_machine_as_test(lambda: Customer(api, clock), settings=SETTINGS)
