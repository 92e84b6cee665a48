"""The hash chain: what a row's hash covers, and which break is named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.audit.errors import UnfitEvent
from shared.audit.models import Break, Head, Row
from shared.audit.rules import FIRST_PREVIOUS, first_break, link_after, row_hash, row_of, without_newer
from tests.factories.chains import chain, flipped, table
from tests.factories.events import AT, attempt, success

DAY = "2026-07-01"
ROWS, HEAD = chain(4)


def found(rows: list[Row], head: Head | None = HEAD) -> tuple[str, int, str] | None:
    """(kind, sequence, event id) of the first break."""
    broken = first_break("commerce.t", DAY, rows, head)
    return (broken.kind, broken.sequence, broken.event_id) if broken else None


# --- rows


def test_a_row_has_the_columns_of_its_table() -> None:
    row = row_of(table(), attempt(AT, "evt_1"))
    assert row == {
        "event_id": "evt_1",
        "created_at": AT,
        "customer_hash": "a" * 64,
        "request_id": "req_1",
        "attempt_id": "att_1",
        "success": False,
        "method": "id_validation",
        "reason": "ID number must be exactly 4 digits",
        "code": "id_digits",
        "field": "idNumberLast4",
        "state": "TX",
        "verification_id": None,
        "policy_version": None,
        "evidence_class": None,
    }


def test_times_in_the_data_become_times() -> None:
    row = row_of(table("age_verifications"), success(AT))
    assert (row["verified_at"], row["expires_at"]) == (AT, AT.replace(year=2027))


def test_a_field_without_a_column_is_left_out() -> None:
    assert "surprise" not in row_of(table(), attempt(surprise="x"))


@pytest.mark.parametrize("name", ["attemptId", "method", "reason", "success"])
def test_what_the_table_requires_is_required(name: str) -> None:
    with pytest.raises(UnfitEvent, match=r"Event evt_1 has no .* for commerce\.age_verification_attempts"):
        row_of(table(), attempt(AT, "evt_1", **{name: None}))


@pytest.mark.parametrize("name", ["eventId", "type", "occurredAt", "customerHash", "requestId", "data"])
def test_an_envelope_that_lacks_something_is_no_event(name: str) -> None:
    event = attempt()
    del event[name]
    with pytest.raises(KeyError):
        row_of(table(), event)


@pytest.mark.parametrize(
    ("name", "value"),
    [("success", "yes"), ("success", 1), ("method", 7), ("reason", ["x"]), ("state", {"a": 1}), ("code", True)],
)
def test_a_value_of_another_type_never_gets_a_place(name: str, value: Any) -> None:
    """The table would refuse the row, and the chain would have a hole for ever."""
    with pytest.raises(UnfitEvent, match=rf"Event evt_1 has a wrong {name} for"):
        row_of(table(), attempt(AT, "evt_1", **{name: value}))


def test_a_time_without_a_zone_never_gets_a_place() -> None:
    with pytest.raises(UnfitEvent, match="created_at"):
        row_of(table(), {**attempt(), "occurredAt": "2026-07-01T17:00:00"})


def test_the_data_of_an_event_cannot_take_the_envelope_s_place() -> None:
    row = row_of(table(), attempt(AT, "evt_1", eventId="evt_2", createdAt="x", customerHash="y", chainSequence=9))
    assert (row["event_id"], row["created_at"], row["customer_hash"]) == ("evt_1", AT, "a" * 64)
    assert "chain_sequence" not in row


@pytest.mark.parametrize("moment", ["yesterday", "", "2026-13-01T00:00:00Z"])
def test_a_time_that_is_none_is_no_event(moment: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        row_of(table(), {**attempt(), "occurredAt": moment})


# --- hashes


def test_the_hash_is_the_same_wherever_the_row_is_read() -> None:
    row = row_of(table(), attempt(AT, "evt_1"))
    elsewhere = {**row, "created_at": AT.astimezone(timezone(timedelta(hours=-5)))}
    shuffled = dict(reversed(elsewhere.items()))
    assert row_hash(row, 1, FIRST_PREVIOUS) == row_hash(shuffled, 1, FIRST_PREVIOUS)


def test_the_hash_of_a_row_never_changes() -> None:
    """Rows of seven years are checked with it: a change here is a change of every stored chain."""
    row = row_of(table(), attempt(AT, "evt_1"))
    assert row_hash(row, 1, FIRST_PREVIOUS) == "6aa65157aa11efc75c49c6c81d45cccc692ba787d600ad91bea1124ee91ac2ba"


def test_the_first_row_of_a_day_follows_zeros_and_each_other_its_predecessor() -> None:
    assert ROWS[0]["previous_hash"] == "0" * 64
    assert [r["previous_hash"] for r in ROWS[1:]] == [r["row_hash"] for r in ROWS[:-1]]
    assert [r["chain_sequence"] for r in ROWS] == [1, 2, 3, 4]


@given(st.text(), st.text())
def test_no_two_rows_share_a_hash_by_moving_text_between_columns(left: str, right: str) -> None:
    row = row_of(table(), attempt(AT, "evt_1"))
    one, other = ({**row, "code": a, "field": b} for a, b in ((left, right), (left + right, "")))
    same = (one["code"], one["field"]) == (other["code"], other["field"])
    assert (row_hash(one, 1, FIRST_PREVIOUS) == row_hash(other, 1, FIRST_PREVIOUS)) == same


def test_the_place_and_the_hash_before_are_covered() -> None:
    row = row_of(table(), attempt(AT, "evt_1"))
    hashes = {row_hash(row, n, previous) for n in (1, 2) for previous in (FIRST_PREVIOUS, "1" * 64)}
    assert len(hashes) == 4
    assert link_after(Head(7, "f" * 64), row).sequence == 8


# --- breaks


@pytest.mark.parametrize("length", [0, 1, 2, 5])
def test_a_whole_chain_has_no_break(length: int) -> None:
    rows, head = chain(length)
    assert found(rows, head) is None


@pytest.mark.parametrize("column", [name for name in ROWS[0] if name != "chain_sequence"])
@pytest.mark.parametrize("position", [0, 1, 3])
def test_one_changed_bit_in_any_column_of_any_row_is_named(position: int, column: str) -> None:
    rows = [dict(row) for row in ROWS]
    rows[position][column] = flipped(rows[position][column])
    assert found(rows) == ("altered", position + 1, rows[position]["event_id"])


@pytest.mark.parametrize("column", ["customer_hash", "state", "code", "field"])
def test_a_value_that_was_emptied_is_named(column: str) -> None:
    for emptied in (None, ""):
        rows = [dict(row) for row in ROWS]
        rows[1][column] = emptied
        assert found(rows) == ("altered", 2, "evt_2")


def without(*sequences: int) -> Callable[[list[Row]], list[Row]]:
    return lambda rows: [row for row in rows if row["chain_sequence"] not in sequences]


def moved(sequence: int, to: int) -> Callable[[list[Row]], list[Row]]:
    changed = [
        {**row, "chain_sequence": to if row["chain_sequence"] == sequence else row["chain_sequence"]} for row in ROWS
    ]
    return lambda rows: sorted(changed, key=lambda row: (row["chain_sequence"], row["event_id"]))


def forged(rows: list[Row], sequence: int, event_id: str) -> list[Row]:
    """A row of another event at a place that is taken, with a hash that fits."""
    row = row_of(table(), attempt(AT, event_id))
    previous = rows[sequence - 1]["previous_hash"]
    link = link_after(Head(sequence - 1, previous), row)
    added = {**row, "chain_sequence": sequence, "previous_hash": previous, "row_hash": link.row_hash}
    return sorted([*rows, added], key=lambda r: (r["chain_sequence"], r["event_id"]))


def rewritten(rows: list[Row], length: int) -> list[Row]:
    """By somebody who knows how a chain is made, but cannot write to Firestore."""
    fresh, _ = chain(length, AT + timedelta(seconds=1))
    return fresh


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param(without(1), ("missing", 1, ""), id="the first row deleted"),
        pytest.param(without(3), ("missing", 3, ""), id="a row in the middle deleted"),
        pytest.param(without(2, 3), ("missing", 2, ""), id="two rows deleted"),
        pytest.param(without(4), ("missing", 4, ""), id="the last row deleted"),
        pytest.param(without(3, 4), ("missing", 3, ""), id="the tail deleted"),
        pytest.param(without(1, 2, 3, 4), ("missing", 1, ""), id="everything deleted"),
        pytest.param(lambda rows: [*rows[:2], rows[1], *rows[2:]], ("duplicate", 2, "evt_2"), id="a row doubled"),
        pytest.param(lambda rows: [*rows, rows[3]], ("duplicate", 4, "evt_4"), id="the last row doubled"),
        pytest.param(lambda rows: forged(rows, 2, "evt_0"), ("duplicate", 2, "evt_2"), id="a row put before another"),
        pytest.param(lambda rows: forged(rows, 2, "evt_9"), ("duplicate", 2, "evt_9"), id="a row put behind another"),
        pytest.param(moved(2, 3), ("missing", 2, ""), id="a row moved onto another"),
        pytest.param(moved(4, 5), ("missing", 4, ""), id="the last row moved away"),
        pytest.param(moved(1, 0), ("altered", 0, "evt_1"), id="the first row moved before the chain"),
        pytest.param(lambda rows: rewritten(rows, 4), ("altered", 4, "evt_4"), id="the whole chain written anew"),
        pytest.param(lambda rows: rewritten(rows, 3), ("missing", 4, ""), id="written anew and shorter"),
        pytest.param(lambda rows: rewritten(rows, 5), ("extra", 5, "evt_5"), id="written anew and longer"),
    ],
)
def test_the_first_break_is_named(change: Callable[[list[Row]], list[Row]], named: tuple[str, int, str]) -> None:
    assert found(change([dict(row) for row in ROWS])) == named


def test_a_forged_row_after_the_last_is_named() -> None:
    longer, _ = chain(5)
    assert found(longer) == ("extra", 5, "evt_5")


def test_rows_of_a_day_that_has_no_chain_are_named() -> None:
    assert found(list(ROWS), None) == ("extra", 1, "evt_1")
    assert found([], None) is None


def test_a_row_without_a_place_is_named() -> None:
    rows: list[Any] = [{**ROWS[0], "chain_sequence": None}, *ROWS[1:]]
    assert found(rows) == ("altered", 0, "evt_1")


# --- rows on their way


@pytest.mark.parametrize("waiting", [{2}, {1}, {4}, {2, 3}, {1, 2, 3, 4}, {3, 4}])
def test_a_row_that_is_still_being_stored_is_no_break(waiting: set[int]) -> None:
    pending = {row["chain_sequence"]: row["row_hash"] for row in ROWS if row["chain_sequence"] in waiting}
    rows = without(*waiting)(list(ROWS))
    assert first_break("commerce.t", DAY, rows, HEAD, pending) is None
    assert first_break("commerce.t", DAY, ROWS, HEAD, pending) is None


def test_a_row_that_is_being_stored_hides_no_other_break() -> None:
    pending = {2: ROWS[1]["row_hash"]}
    broken = first_break("commerce.t", DAY, without(2, 3)(list(ROWS)), HEAD, pending)
    assert broken is not None
    assert (broken.kind, broken.sequence) == ("missing", 3)


def test_rows_that_came_while_the_chain_was_read_are_left_to_the_next_time() -> None:
    rows, newest = chain(6)
    assert without_newer(rows, HEAD, newest) == rows[:4]
    assert without_newer(rows, HEAD, HEAD) == rows
    assert without_newer(rows, None, newest) == []
    assert first_break("commerce.t", DAY, without_newer(rows, HEAD, newest), HEAD) is None


def test_a_break_says_where_and_why() -> None:
    rows = [dict(row) for row in ROWS]
    rows[1]["code"] = "other"
    broken = first_break("commerce.t", DAY, rows, HEAD)
    assert broken == Break("commerce.t", DAY, 2, "evt_2", "altered", "its content does not give its hash")


def test_times_are_covered_to_the_microsecond() -> None:
    row = {"created_at": datetime(2026, 7, 1, 17, tzinfo=UTC)}
    later = {"created_at": datetime(2026, 7, 1, 17, 0, 0, 1, tzinfo=UTC)}
    assert row_hash(row, 1, FIRST_PREVIOUS) != row_hash(later, 1, FIRST_PREVIOUS)
