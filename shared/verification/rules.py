"""What a customer must state to be taken as old enough, and how often they may try. The time is passed in."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from shared.verification.jurisdictions import UnknownStateError, jurisdiction, state_code, zone_of
from shared.verification.models import MAX_ATTEMPTS, WINDOW, Checked, Claim, PolicyView, Refusal
from shared.verification.names import name_refusal, trimmed
from shared.verification.policy import POLICIES, PolicyRule, policy_for

MAX_AGE = 120


_DATE_FORMAT = Refusal(
    method="age_check",
    reason="Invalid date format. Use YYYY-MM-DD",
    field="dateOfBirth",
    code="date_format",
    next_step="Write the date of birth as year, month and day, for example 1990-01-31.",
)
_DATE_INVALID = replace(
    _DATE_FORMAT,
    reason="Invalid date of birth",
    code="date_invalid",
    next_step="Compare the date of birth with your ID and send it again.",
)
_DATE_IN_FUTURE = replace(_DATE_INVALID, reason="Date of birth cannot be in the future", code="date_in_future")
_STATE = Refusal(
    method="input_validation",
    reason="Invalid state code",
    field="state",
    code="state_invalid",
    next_step="Use the two-letter postal code of a US state, DC or a territory, for example TX.",
)
_ID_DIGITS = Refusal(
    method="id_validation",
    reason="ID number must be exactly 4 digits",
    field="idNumberLast4",
    code="id_digits",
    next_step="Give the last four digits of the number on your ID.",
)


def check(claim: Claim, now: datetime, policies: Sequence[PolicyRule] = POLICIES) -> Checked | Refusal:
    """Check a claim at the instant `now` (aware): name, then date and age, then state, then ID digits.

    A claim with an unknown state is aged by the latest zone and the rule of every state. No text raises.
    """
    name = trimmed(claim.full_name)
    state = state_code(claim.state)
    today = local_date(now, state)
    policy = policy_for(state, today, policies)
    refusal = name_refusal(name) or _birth_refusal(claim.date_of_birth, today, policy)
    if refusal or state is None:
        return replace(refusal or _STATE, state=state)
    if not re.fullmatch("[0-9]{4}", claim.id_number_last4):
        return replace(_ID_DIGITS, state=state)
    born = date.fromisoformat(claim.date_of_birth)
    return Checked(
        full_name=" ".join(name.split()),
        date_of_birth=born,
        id_number_last4=claim.id_number_last4,
        state=state,
        age=age_on(born, today),
        policy=policy,
    )


# --- birth date and age


def local_date(now: datetime, state: str | None) -> date:
    """The day on the calendar of `state` (None: not known) at `now`. Raises ValueError for a naive time."""
    if now.tzinfo is None:
        raise ValueError("now must carry its time zone")
    try:
        return now.astimezone(zone_of(state)).date()
    except OverflowError:  # the first or last day that a date can hold: there is no day beyond it to be on
        return now.date()


def age_on(born: date, today: date) -> int:
    """Completed calendar years; born on 29 February, they are completed on 1 March of a common year.

    Negative before birth.
    """
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _birth_refusal(text: str, today: date, policy: PolicyRule) -> Refusal | None:
    if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return _DATE_FORMAT
    try:
        born = date.fromisoformat(text)
    except ValueError:
        return _DATE_INVALID
    if born > today:
        return _DATE_IN_FUTURE
    # 120 to the day still counts; who had turned 120 by yesterday is a typing error.
    if born < today and age_on(born, today - timedelta(days=1)) >= MAX_AGE:
        return _DATE_INVALID
    return _under_age(age_on(born, today), policy.minimum_age)


def _under_age(age: int, minimum: int) -> Refusal | None:
    if age >= minimum:
        return None
    return replace(
        _DATE_INVALID,
        reason=f"Must be at least {minimum} years old",
        code="under_age",
        next_step=f"Come back when you are {minimum}, or correct the date of birth if it is wrong.",
        age=age,
    )


# --- validity


def expires_at(verified_at: datetime, policy: PolicyRule) -> datetime:
    """The instant from which a verification no longer holds."""
    return verified_at + timedelta(days=policy.validity_days)


# --- policy


def explain(state: str, day: date | None, now: datetime) -> PolicyView:
    """The rule that applies in `state` (a USPS code, any case) on `day`, by default today there.

    Raises UnknownStateError.
    """
    code = state_code(state)
    if code is None:
        raise UnknownStateError(state)
    day = day or local_date(now, code)
    place = jurisdiction(code)
    return PolicyView(state=code, state_name=place.name, time_zone=place.zone, date=day, rule=policy_for(code, day))


# --- attempt limit


def counted(attempts: Sequence[datetime], now: datetime) -> tuple[datetime, ...]:
    """The failed attempts still in the sliding window, oldest first. One leaves exactly 24 hours later.

    One that lies ahead of `now` counts: between two instances' clocks, the limit errs on the closed side.
    """
    return tuple(sorted(attempt for attempt in attempts if now - attempt < WINDOW))


def remaining(counted: Sequence[datetime]) -> int:
    """How many attempts are left, given those that count."""
    return max(0, MAX_ATTEMPTS - len(counted))


def reset_at(counted: Sequence[datetime]) -> datetime | None:
    """When the oldest attempt that counts leaves the window; None when there is none."""
    return min(counted) + WINDOW if counted else None
