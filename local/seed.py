"""Demo customers, so that a first look shows something: verified, expired, blocked, and a month of attempts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared.platform.clock import Clock
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.verification.models import Claim
from shared.verification.service import VerificationService

STATES = ("TX", "TX", "TX", "CA", "NM", "LA", "OK", "FL")
GOOD = Claim(full_name="Demo Customer", date_of_birth="1988-04-09", id_number_last4="4242", state="TX")


class PastClock(Clock):
    """A clock that stands at one moment."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> datetime:
        return self._moment


def seed(platform: Platform) -> list[str]:
    """Store the demo customers; the ids of those worth a look. Running it again changes nothing that is valid."""
    now = datetime.now(UTC)
    for day in range(30, 0, -1):
        _attempts_of_a_day(platform, now - timedelta(days=day), day)
    _verify(platform, "demo-expired", now - timedelta(days=400), GOOD)
    _verify(platform, "demo-verified", now - timedelta(days=30), GOOD)
    for _ in range(3):
        _verify(platform, "demo-blocked", now - timedelta(hours=1), _with_digits("12"))
    return ["demo-verified", "demo-expired", "demo-blocked"]


def _attempts_of_a_day(platform: Platform, moment: datetime, day: int) -> None:
    state = STATES[day % len(STATES)]
    claim = Claim(full_name="Demo Customer", date_of_birth="1990-01-31", id_number_last4="1234", state=state)
    _verify(platform, f"demo-{day:02}", moment, claim if day % 7 else _with_digits("1"))


def _with_digits(digits: str) -> Claim:
    return Claim(full_name="Demo Customer", date_of_birth="1990-01-31", id_number_last4=digits, state="TX")


def _verify(platform: Platform, customer_id: str, moment: datetime, claim: Claim) -> None:
    clock = PastClock(moment)
    then = Platform(platform.settings, clock, Ids(clock))
    # The clients are the same: only the time is another.
    then.__dict__["firestore"], then.__dict__["publisher"] = platform.firestore, platform.publisher
    VerificationService.on(then).verify(customer_id, claim, "demo@example.com", "seed")
