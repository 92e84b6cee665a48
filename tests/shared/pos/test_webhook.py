"""Square's signatures, and what its events ask for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.pos.requests import SyncRequest
from shared.pos.webhook import is_genuine, request_of, signature

# The vector that Square's SDK is tested with.
KEY, URL, BODY = "asdf1234", "https://example.com/webhook", b'{"hello":"world"}'
SIGNED = "2kRE5qRU2tR+tBGlDwMEw2avJ7QM4ikPYD/PJ3bd9Og="

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "object", "refund", "payment_id", "type", "data"]), inner, max_size=3)
    ),
    max_leaves=8,
)
kinds = st.sampled_from(["payment.created", "payment.updated", "refund.created", "catalog.version.updated", "x", ""])


# --- signatures


def test_the_published_example() -> None:
    assert signature(KEY, URL, BODY) == SIGNED
    assert is_genuine(KEY, URL, BODY, SIGNED)


@pytest.mark.parametrize(
    ("key", "url", "body", "sent"),
    [
        ("asdf1235", URL, BODY, SIGNED),
        (KEY, "https://example.com/webhook/", BODY, SIGNED),
        (KEY, "http://example.com/webhook", BODY, SIGNED),
        (KEY, URL, b'{"hello": "world"}', SIGNED),
        (KEY, URL, BODY + b"\n", SIGNED),
        (KEY, URL, BODY, ""),
        (KEY, URL, BODY, SIGNED.rstrip("=")),
        (KEY, URL, BODY, SIGNED + " "),
        (KEY, URL, BODY, SIGNED.swapcase()),
        (KEY, URL, BODY, "é€\udcff"),
        # The address and the body, divided elsewhere: what is signed is the same text.
        (KEY, URL[:-1], BODY, SIGNED),
    ],
)
def test_anything_else_is_not_genuine(key: str, url: str, body: bytes, sent: str) -> None:
    assert not is_genuine(key, url, body, sent)


def test_an_empty_body_is_never_genuine() -> None:
    assert not is_genuine(KEY, URL, b"", signature(KEY, URL, b""))


def test_a_query_in_the_address_is_signed_too() -> None:
    assert is_genuine(KEY, URL + "?shop=1", BODY, signature(KEY, URL + "?shop=1", BODY))
    assert not is_genuine(KEY, URL, BODY, signature(KEY, URL + "?shop=1", BODY))


@given(st.text(min_size=1), st.text(), st.binary(min_size=1), st.text())
def test_only_the_signature_itself_is_genuine(key: str, url: str, body: bytes, sent: str) -> None:
    right = signature(key, url, body)
    assert is_genuine(key, url, body, right)
    assert is_genuine(key, url, body, sent) == (sent == right)


# --- events


def event(kind: str, **data: Any) -> dict[str, Any]:
    return {"event_id": "e-1", "type": kind, "data": data}


@pytest.mark.parametrize("kind", ["payment.created", "payment.updated"])
def test_a_payment_is_read_again(kind: str) -> None:
    found = request_of(event(kind, type="payment", id="pAyMent_1-x", object={"payment": {"amount_money": 1}}), "r-1")
    assert found == SyncRequest(
        id="r-1", source="square", mode="objects", stream="square_payments", ids=("pAyMent_1-x",)
    )


@pytest.mark.parametrize("kind", ["refund.created", "refund.updated"])
def test_of_a_refund_its_payment_is_read_again(kind: str) -> None:
    found = request_of(event(kind, type="refund", id="r9", object={"refund": {"id": "r9", "payment_id": "p1"}}), "r-1")
    assert found is not None
    assert (found.mode, found.stream, found.ids) == ("objects", "square_payments", ("p1",))


def test_of_the_catalogue_no_event_says_what_changed() -> None:
    wanted = event("catalog.version.updated", type="catalog", object={"catalog_version": {"updated_at": "x"}})
    assert request_of(wanted, "r-1") == SyncRequest(id="r-1", source="square", mode="incremental")


@pytest.mark.parametrize("kind", ["inventory.count.updated", "labor.shift.created", "", "payments", "refund"])
def test_what_concerns_no_table_asks_for_nothing(kind: str) -> None:
    assert request_of(event(kind, id="x"), "r-1") is None


def test_a_refund_of_no_payment_changes_none() -> None:
    refund = {"refund": {"id": "r9", "unlinked": True}}
    assert request_of(event("refund.created", type="refund", id="r9", object=refund), "r-1") is None


@pytest.mark.parametrize(
    "junk",
    [
        {},
        {"type": "payment.created"},
        {"type": "payment.created", "data": None},
        {"type": "payment.created", "data": ["p1"]},
        {"type": 7, "data": {}},
        event("payment.created"),
        event("payment.created", id=None),
        event("payment.created", id=7),
        event("payment.created", id=""),
        event("payment.created", id="../locations"),
        event("payment.created", id="p1?x=1"),
        event("payment.created", id="p 1"),
        event("refund.created", id="r9"),
        event("refund.created", id="r9", object=[]),
        event("refund.created", id="r9", object={"refund": "r9"}),
        event("refund.created", id="r9", object={"refund": {"id": "r9"}}),
    ],
    ids=str,
)
def test_junk(junk: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is missing"):
        request_of(junk, "r-1")


@given(st.fixed_dictionaries({}, optional={"type": kinds | junk, "data": junk}))
def test_any_event_is_a_request_or_junk_or_nothing_to_us(found: dict[str, Any]) -> None:
    try:
        wanted = request_of(found, "r-1")
    except ValueError:
        return
    if wanted is not None:
        # It goes on as a message, and its ids into an address.
        assert SyncRequest.of("r-1", {"source": wanted.source, "mode": wanted.mode}) is not None
        assert all("/" not in one and "?" not in one for one in wanted.ids)
