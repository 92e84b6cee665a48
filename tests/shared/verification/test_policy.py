from dataclasses import FrozenInstanceError, replace
from datetime import date

import pytest

from shared.verification.jurisdictions import JURISDICTIONS, UnknownStateError
from shared.verification.policy import POLICIES, PolicyRule, policy_for

HOUSE, *DATED = POLICIES


def rule(version: str, state: str | None, in_force_from: date) -> PolicyRule:
    return replace(HOUSE, version=version, state=state, in_force_from=in_force_from)


@pytest.mark.parametrize("day", [date.min, date(2018, 12, 20), date(2026, 1, 1), date.max])
@pytest.mark.parametrize("state", [None, *JURISDICTIONS])
def test_every_place_has_a_rule_of_21_years_and_365_days_on_every_day(state: str | None, day: date) -> None:
    found = policy_for(state, day)
    assert (found.minimum_age, found.validity_days) == (21, 365)


@pytest.mark.parametrize(
    ("state", "day", "version"),
    [
        ("TX", date(2025, 10, 1), "house-1/US"),
        ("TX", date(2025, 10, 2), "2025-10-02/TX"),
        ("TX", date(2026, 7, 1), "2025-10-02/TX"),
        ("CA", date(2024, 9, 22), "house-1/US"),
        ("CA", date(2024, 9, 23), "2024-09-23/CA"),
        ("NY", date(2026, 7, 1), "house-1/US"),
        (None, date(2026, 7, 1), "house-1/US"),
    ],
)
def test_the_rule_in_force(state: str | None, day: date, version: str) -> None:
    assert policy_for(state, day).version == version


def test_versions_are_unique_and_name_day_and_state() -> None:
    assert len({found.version for found in POLICIES}) == len(POLICIES)
    for found in DATED:
        assert found.version == f"{found.in_force_from.isoformat()}/{found.state}"
        assert found.state in JURISDICTIONS
        assert found.citation


def test_the_newest_rule_wins_in_any_order_of_the_table() -> None:
    old = rule("old", "NY", date(2020, 1, 1))
    new = rule("new", "NY", date(2024, 1, 1))
    for table in ([HOUSE, old, new], [new, old, HOUSE]):
        assert policy_for("NY", date(2023, 12, 31), table) is old
        assert policy_for("NY", date(2024, 1, 1), table) is new
        assert policy_for("NY", date(2019, 12, 31), table) is HOUSE


def test_a_states_own_rule_stands_before_a_newer_one_for_every_state() -> None:
    own = rule("own", "NY", date(2020, 1, 1))
    general = rule("general", None, date(2024, 1, 1))
    table = [HOUSE, own, general]
    assert policy_for("NY", date(2025, 1, 1), table) is own
    assert policy_for("NJ", date(2025, 1, 1), table) is general
    assert policy_for(None, date(2025, 1, 1), table) is general


@pytest.mark.parametrize("state", ["ZZ", "", "tx", "Texas"])
def test_an_unknown_state_is_an_error(state: str) -> None:
    with pytest.raises(UnknownStateError) as caught:
        policy_for(state, date(2026, 1, 1))
    assert isinstance(caught.value, LookupError)


def test_a_rule_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        HOUSE.minimum_age = 18  # type: ignore[misc]
