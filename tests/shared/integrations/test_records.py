"""Reading single values, and what becomes of records that are none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.integrations import records
from shared.integrations.records import LARGEST, REJECT_CHARACTERS, Unfit
from shared.platform.clock import wire_time
from tests.factories.columns import TIMESTAMP, is_string
from tests.factories.json_values import texts, values


def named(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """A row of one column; a record that says `skip` is not wanted."""
    return None if record.get("skip") else {"id": records.required_text(record, "id")}


# --- pages


def test_a_page_has_rows_and_rejects() -> None:
    page = records.page([{"id": "1"}, {"id": ""}, {"skip": True}, ["x"], {"id": "2"}, {"id": 3}], named, retries=2)
    assert page.rows == [{"id": "1"}, {"id": "2"}]
    assert [found.reason for found in page.rejects] == [
        "id is missing or no text",
        "the record is no object",
        "id is missing or no text",
    ]
    assert page.retries == 2


@given(st.lists(values, max_size=6))
def test_whatever_comes_is_a_row_or_a_reject(found: list[Any]) -> None:
    page = records.page(found, named)
    skipped = sum(1 for record in found if isinstance(record, dict) and record.get("skip"))
    assert len(page.rows) + len(page.rejects) + skipped == len(found)
    for one in page.rejects:
        assert one.reason
        assert is_string(one.record)
        assert is_string(one.record_id)
        assert len(one.record) <= REJECT_CHARACTERS


# --- values


@given(texts)
def test_a_text_is_kept_or_refused(text: str) -> None:
    try:
        found = records.required_text({"a": text}, "a")
    except Unfit:
        assert not text or not is_string(text)
        return
    assert found == text
    assert is_string(found)


@pytest.mark.parametrize("value", [None, "", 0, 1, True, [], {}, ["a"], "\ud800", "a\udfff"])
def test_what_is_no_text(value: Any) -> None:
    with pytest.raises(Unfit, match="a is missing or no text"):
        records.required_text({"a": value}, "a")
    if value in (None, ""):
        assert records.optional_text({"a": value}, "a") is None
    else:
        with pytest.raises(Unfit, match="a is no text"):
            records.optional_text({"a": value}, "a")


def test_a_missing_text_is_none_where_it_may_be() -> None:
    assert records.optional_text({}, "a") is None
    with pytest.raises(Unfit):
        records.required_text({}, "a")


@pytest.mark.parametrize("value", [0, 1, -1, LARGEST, -LARGEST])
def test_whole_numbers(value: int) -> None:
    assert records.whole(value, "a") == value


@pytest.mark.parametrize("value", [None, True, 1.0, "1", [1], LARGEST + 1, -LARGEST - 1, 2**63, 10**400])
def test_what_is_no_whole_number(value: Any) -> None:
    with pytest.raises(Unfit, match="a is no whole number"):
        records.whole(value, "a")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-06-30T12:00:00.000Z", "2026-06-30T12:00:00.000Z"),
        ("2026-06-30T12:00:00Z", "2026-06-30T12:00:00.000Z"),
        ("2026-06-30T12:00:00.123456Z", "2026-06-30T12:00:00.123Z"),
        ("2026-06-30T12:00:00.9Z", "2026-06-30T12:00:00.900Z"),
        ("2026-06-30T07:00:00-05:00", "2026-06-30T12:00:00.000Z"),
        ("2026-06-30T23:30:00-05:00", "2026-07-01T04:30:00.000Z"),
        ("2026-06-30 12:00:00+00:00", "2026-06-30T12:00:00.000Z"),
        ("20260630T120000Z", "2026-06-30T12:00:00.000Z"),
        # A week's day: as long as a time of ours, with the same marks in the same places.
        ("2026-W27-2T12:00:00.000Z", "2026-06-30T12:00:00.000Z"),
    ],
)
def test_times_are_written_in_one_way(text: str, expected: str) -> None:
    assert records.moment({"a": text}, "a") == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "yesterday",
        "2026-06-30",
        "2026-06-30T12:00:00",
        "2026-02-30T12:00:00.000Z",
        "2026-06-30T25:00:00.000Z",
        "2026-06-30T12:00:60.000Z",
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00.000Z",
        "1969-12-31T23:59:59.999Z",
        "2200-01-01T00:00:00.000Z",
        "9999-12-31T23:59:59-14:00",
        1_782_820_800,
        ["2026-06-30T12:00:00.000Z"],
        "２026-06-30T12:00:00.000Z",
    ],
)
def test_what_is_no_time(value: Any) -> None:
    with pytest.raises(Unfit, match="a is no time"):
        records.moment({"a": value}, "a")


@given(st.datetimes(datetime(1980, 1, 1), datetime(2190, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_a_time_of_any_zone_is_the_same_moment(at: datetime) -> None:
    found = records.moment({"a": at.isoformat()}, "a")
    assert TIMESTAMP.fullmatch(found)
    assert found == wire_time(at.astimezone(UTC))


@given(texts)
def test_any_text_is_a_time_or_refused(text: str) -> None:
    try:
        found = records.moment({"a": text}, "a")
    except Unfit:
        return
    assert TIMESTAMP.fullmatch(found)


# --- rejects

ANN = {"Ann", "Example", "ann@example.com", "+1 512 555 0100", "1 Main St", "1990-01-31", "Annie", "leave at the door"}
PERSON = {
    "given_name": "Ann",
    "family_name": "Example",
    "nickname": "Annie",
    "company_name": "Ann",
    "email_address": "ann@example.com",
    "phone_number": "+1 512 555 0100",
    "birthday": "1990-01-31",
    "note": "leave at the door",
    "address": {"address_line_1": "1 Main St", "first_name": "Ann", "locality": "Example"},
}
SQUARES = {
    "payment": {
        "id": "p-1",
        "amount_money": {"amount": "1"},
        "buyer_email_address": "ann@example.com",
        "billing_address": PERSON["address"],
        "shipping_address": PERSON["address"],
        "note": "leave at the door",
        "card_details": {"card": {"card_brand": "VISA", "cardholder_name": "Ann", "billing_address": {"x": "Ann"}}},
    },
    "order": {
        "id": "o-1",
        "ticket_name": "Ann",
        "fulfillments": [
            {
                "type": "SHIPMENT",
                "shipment_details": {
                    "recipient": {
                        "display_name": "Ann",
                        "email_address": "ann@example.com",
                        "phone_number": "+1 512 555 0100",
                        "address": PERSON["address"],
                    },
                    "shipping_note": "leave at the door",
                },
            }
        ],
    },
    "customer": {"id": "c-1", **PERSON},
}
LIGHTSPEEDS = {
    "customerID": "1",
    "firstName": "Ann",
    "lastName": "Example",
    "company": "Ann",
    "dateOfBirth": "1990-01-31",
    "Contact": {
        "Addresses": {"ContactAddress": {"address1": "1 Main St"}},
        "Emails": {"ContactEmail": [{"address": "ann@example.com", "useType": "Primary"}]},
        "Phones": {"ContactPhone": {"number": "+1 512 555 0100"}},
    },
    "Note": {"note": "leave at the door"},
}


@pytest.mark.parametrize("record", [*SQUARES.values(), LIGHTSPEEDS], ids=[*SQUARES, "lightspeed's customer"])
def test_a_reject_holds_nothing_personal(record: dict[str, Any]) -> None:
    found = records.reject(record, "no")
    assert not [text for text in ANN if text in found.record]
    assert "[removed]" in found.record


def test_a_reject_says_what_it_was_and_why() -> None:
    found = records.reject(SQUARES["payment"], "amount_money.amount is no whole number")
    assert (found.record_id, found.reason) == ("p-1", "amount_money.amount is no whole number")
    kept = json.loads(found.record)
    assert (kept["id"], kept["amount_money"], kept["card_details"]["card"]["card_brand"]) == (
        "p-1",
        {"amount": "1"},
        "VISA",
    )
    assert records.reject({"saleID": "7"}, "no", "saleID").record_id == "7"


@pytest.mark.parametrize("record", [{}, {"id": 7}, {"id": None}, [], "x", None, {"id": "\ud800"}])
def test_a_record_without_an_id_has_none(record: Any) -> None:
    assert records.reject(record, "no").record_id == ""


def test_a_long_record_is_cut() -> None:
    assert len(records.reject({"id": "1", "x": "y" * 10_000}, "no").record) == REJECT_CHARACTERS
