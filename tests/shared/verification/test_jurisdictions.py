from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.verification.jurisdictions import (
    JURISDICTIONS,
    LATEST_ZONE,
    UnknownStateError,
    jurisdiction,
    state_code,
    zone_of,
)

STATES = {
    *("AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "FL", "GA", "HI", "ID", "IL", "IN", "IA", "KS", "KY"),
    *("LA", "ME", "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND"),
    *("OH", "OK", "OR", "PA", "RI", "SC", "SD", "TN", "TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY"),
}
TERRITORIES = {"PR", "GU", "VI", "AS", "MP"}

# Every zone of each split state, from 49 CFR part 71 and tzdata's zone.tab.
SPLIT_STATES = {
    "AK": ["America/Adak", "America/Anchorage", "America/Juneau", "America/Metlakatla", "America/Nome"],
    "AZ": ["America/Phoenix", "America/Denver"],
    "FL": ["America/Chicago", "America/New_York"],
    "ID": ["America/Los_Angeles", "America/Boise"],
    "IN": ["America/Chicago", "America/Indiana/Indianapolis", "America/Indiana/Knox"],
    "KS": ["America/Denver", "America/Chicago"],
    "KY": ["America/Chicago", "America/Kentucky/Louisville", "America/Kentucky/Monticello"],
    "MI": ["America/Chicago", "America/Detroit", "America/Menominee"],
    "ND": ["America/Denver", "America/Chicago", "America/North_Dakota/Beulah"],
    "NE": ["America/Denver", "America/Chicago"],
    "NV": ["America/Los_Angeles", "America/Denver"],
    "OR": ["America/Los_Angeles", "America/Boise"],
    "SD": ["America/Denver", "America/Chicago"],
    "TN": ["America/Chicago", "America/New_York"],
}
WHOLE_STATES = {
    "America/New_York": "CT DC DE GA MA MD ME NC NH NJ NY OH PA RI SC VA VT WV",
    "America/Chicago": "AL AR IA IL LA MN MO MS OK WI",
    "America/Denver": "CO MT NM UT WY",
    "America/Los_Angeles": "CA WA",
    "Pacific/Honolulu": "HI",
    "America/Puerto_Rico": "PR",
    "America/St_Thomas": "VI",
    "Pacific/Guam": "GU",
    "Pacific/Saipan": "MP",
    "Pacific/Pago_Pago": "AS",
}
HOURS_OF_A_YEAR = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(366 * 24)]


def test_the_table_is_fifty_states_the_district_and_five_territories() -> None:
    assert set(JURISDICTIONS) == STATES | {"DC"} | TERRITORIES
    assert len(STATES) == 50
    assert len({place.name for place in JURISDICTIONS.values()}) == 56


@pytest.mark.parametrize("code", JURISDICTIONS)
def test_every_zone_loads(code: str) -> None:
    assert zone_of(code).utcoffset(HOURS_OF_A_YEAR[0].replace(tzinfo=None)) is not None
    assert zone_of(code) is zone_of(code)


@pytest.mark.parametrize(
    ("code", "zone"), [(code, zone) for zone, codes in WHOLE_STATES.items() for code in codes.split()]
)
def test_zones_of_states_that_keep_one_time(code: str, zone: str) -> None:
    assert JURISDICTIONS[code].zone == zone


def test_texas_is_america_chicago_as_the_contract_says() -> None:
    assert JURISDICTIONS["TX"].zone == "America/Chicago"


def test_each_place_is_whole_or_split_or_texas() -> None:
    whole = {code for codes in WHOLE_STATES.values() for code in codes.split()}
    assert whole | set(SPLIT_STATES) | {"TX"} == set(JURISDICTIONS)


@pytest.mark.parametrize(("code", "zones"), SPLIT_STATES.items())
def test_midnight_comes_last_in_the_zone_of_a_split_state_all_year(code: str, zones: list[str]) -> None:
    assert JURISDICTIONS[code].zone in zones
    for hour in HOURS_OF_A_YEAR:
        chosen = hour.astimezone(zone_of(code)).utcoffset()
        assert chosen == min(hour.astimezone(ZoneInfo(zone)).utcoffset() for zone in zones)


@pytest.mark.parametrize("code", JURISDICTIONS)
def test_midnight_comes_nowhere_later_than_in_the_latest_zone(code: str) -> None:
    assert zone_of(None) == ZoneInfo(LATEST_ZONE)
    for hour in HOURS_OF_A_YEAR[::12]:
        assert hour.astimezone(zone_of(None)).utcoffset() <= hour.astimezone(zone_of(code)).utcoffset()


@pytest.mark.parametrize(
    ("text", "code"),
    [("TX", "TX"), ("tx", "TX"), ("Tx", "TX"), (" tx ", "TX"), ("\tdc\n", "DC"), ("gu", "GU")],
)
def test_state_codes_are_trimmed_and_upper_cased(text: str, code: str) -> None:
    assert state_code(text) == code


@pytest.mark.parametrize("code", JURISDICTIONS)
def test_every_code_is_read_in_lower_case(code: str) -> None:
    assert state_code(code.lower()) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "T",
        "ZZ",
        "TXX",
        "T X",
        "Texas",
        "12",
        "US",
        "FM",  # freely associated, not a territory
        "AE",  # armed forces post
        "T\x00",
        "TX\x00",
        "\u0131d",  # dotless i: upper-cases to ID
        "\ufb02",  # ligature fl: upper-cases to FL
        "\u017fc",  # long s: upper-cases to SC
        "\uff34\uff38",  # full-width TX
        "\u0422\u0425",  # Cyrillic TX
        "T\u200dX",
    ],
)
def test_anything_else_is_no_state(text: str) -> None:
    assert state_code(text) is None


@pytest.mark.parametrize("code", ["ZZ", "tx", ""])
def test_an_unknown_code_has_neither_entry_nor_zone(code: str) -> None:
    with pytest.raises(UnknownStateError):
        jurisdiction(code)
    with pytest.raises(UnknownStateError):
        zone_of(code)
