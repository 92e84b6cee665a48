"""A body with a card number is refused wherever it stands; what only looks like one is not."""

from __future__ import annotations

import random
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.card_data import NAMES, CardDataRefused, refuse

# The well-known test numbers, of 14 to 19 digits.
CARDS = [
    "4111111111111111",
    "4007000000027",
    "4012888818888",
    "4242424242424242",
    "5424000000000015",
    "5555555555554444",
    "2223000010309703",
    "370000000000002",
    "378282246310005",
    "6011000000000012",
    "3088000000000017",
    "38000000000006",
    "6205500000000000004",
]
CARD = CARDS[0]
GOOD = {
    "customerId": "c-1",
    "email": "c-1@example.com",
    "tier": "SILVER",
    "paymentMethod": {"type": "card", "token": "tok_visa", "last4": "1111"},
}
# Where the numbers of the networks begin, and how long they are.
NETWORKS = {
    "Visa": (["4"], [13, 16, 19]),
    "Mastercard": (["51", "52", "53", "54", "55", "2221", "2229", "223", "26", "271", "2720"], [16]),
    "American Express": (["34", "37"], [15]),
    "Diners Club": (["300", "305", "36", "38", "39"], [14, 16, 19]),
    "JCB": (["3528", "3589"], [16, 19]),
    "Discover": (["6011", "644", "649", "65"], [16, 19]),
    "UnionPay": (["62"], [16, 17, 18, 19]),
}
PLACES = {
    "customerId": lambda card: {**GOOD, "customerId": card},
    "reason": lambda card: {"reason": f"Please charge {card}, thanks."},
    "nested": lambda card: {"a": {"b": {"c": [{"d": card}]}}},
    "in a list": lambda card: {"cards": ["x", card]},
    "in lists of lists": lambda card: {"a": [[["x"], [card]]]},
    "a name": lambda card: {card: "x"},
    "a name inside": lambda card: {"a": [{"b": {card: None}}]},
    "token": lambda card: {**GOOD, "paymentMethod": {"type": "card", "token": card}},
    "tokens": lambda card: {"token": ["x", card]},
    "last4": lambda card: {**GOOD, "paymentMethod": {"type": "card", "token": "t", "last4": card}},
    "id": lambda card: {**GOOD, "paymentMethod": {"type": "card", "id": card}},
}


def refused(body: dict[str, Any]) -> bool:
    try:
        refuse(body)
    except CardDataRefused:
        return True
    return False


def luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(int(d) for d in reversed(digits)):
        total += digit if place % 2 == 0 else sum(map(int, str(digit * 2)))
    return total % 10 == 0


def grouped(card: str, separator: str, size: int = 4) -> str:
    return separator.join(card[at : at + size] for at in range(0, len(card), size))


# --- what is refused


@pytest.mark.parametrize("place", list(PLACES))
@pytest.mark.parametrize("card", CARDS)
def test_a_card_number_anywhere(place: str, card: str) -> None:
    for written in (card, grouped(card, " "), grouped(card, "-"), grouped(card, "."), f" {card} "):
        assert refused(PLACES[place](written)), written


@pytest.mark.parametrize("card", CARDS[:-1])
def test_a_card_number_as_a_json_number(card: str) -> None:
    assert refused({"n": int(card)})
    assert refused({"n": float(card)})
    assert refused({"a": [{"token": int(card)}]})


def test_a_card_number_of_19_digits_as_a_json_number() -> None:
    assert refused({"n": int(CARDS[-1])})


def test_a_very_long_number_is_no_card() -> None:
    assert not refused({"n": 10**400})


@pytest.mark.parametrize("text", ["{} 12/27", "{} 123", "{} 12 27 123", "1 {}", "card 1 {} exp 12/27", "2026-07-01 {}"])
@pytest.mark.parametrize("card", [CARD, "5424 0000 0000 0015"])
def test_a_card_number_beside_other_digits(text: str, card: str) -> None:
    assert refused({"reason": text.format(card)})


@pytest.mark.parametrize("separator", ["  ", "_", "/", "\u00a0", "\u2003", "\t", "- ", " /"])
def test_other_ways_to_group(separator: str) -> None:
    assert refused({"reason": grouped(CARD, separator)})


@pytest.mark.parametrize("separator", ["\u2011", "\u2010", "\u2013", "\u2014", "\u2212", " - "])
def test_dashes(separator: str) -> None:
    assert refused({"reason": grouped(CARD, separator)})


@pytest.mark.parametrize(
    "written", ["3782 822463 10005", "6205 5000 0000 0000 004", "6205500 000000000004", "411 1111111 111111"]
)
def test_groups_of_other_lengths(written: str) -> None:
    assert luhn(written.replace(" ", ""))
    assert refused({"reason": written})


def test_wide_digits() -> None:
    assert refused({"reason": "".join(chr(ord(digit) + 0xFEE0) for digit in CARD)})


@pytest.mark.parametrize("name", sorted(NAMES))
@pytest.mark.parametrize("value", ["x", "", 12, None, True, ["x"]])
def test_a_field_that_is_named_as_card_data(name: str, value: Any) -> None:
    assert refused({"paymentMethod": {name: value}})
    assert refused({name.upper(): value})


@pytest.mark.parametrize("name", ["cardNumber", "card_number", "Card Number", "card-number", "CVV", "expMonth"])
def test_however_it_is_written(name: str) -> None:
    assert refused({**GOOD, name: "x"})


def completed(begin: str, length: int, filling: str) -> str:
    """A number of this length that passes the check."""
    digits = (begin + filling)[: length - 1]
    (number,) = [f"{digits}{last}" for last in range(10) if luhn(f"{digits}{last}")]
    return number


@pytest.mark.parametrize(("begins", "lengths"), NETWORKS.values(), ids=NETWORKS)
@given(data=st.data())
def test_every_number_of_a_network(begins: list[str], lengths: list[int], data: st.DataObject) -> None:
    filling = data.draw(st.text("0123456789", min_size=18, max_size=18))
    number = completed(data.draw(st.sampled_from(begins)), data.draw(st.sampled_from(lengths)), filling)
    written = grouped(number, data.draw(st.sampled_from(["", " ", "-", ". "])))
    assert refused({"reason": written})
    assert refused({"token": written})
    assert refused({"n": int(number)})


def test_a_card_number_deep_inside() -> None:
    deep: Any = CARD
    for _ in range(20_000):
        deep = [deep]
    assert refused({"a": deep})


# --- what is not


@given(st.text("0123456789", min_size=13, max_size=19).filter(lambda digits: not luhn(digits)))
def test_as_many_digits_without_the_check(digits: str) -> None:
    assert not refused({"customerId": digits, "reason": digits, "token": digits, "n": int(digits)})


@pytest.mark.parametrize("begin", ["0", "1", "7", "8", "9", "20", "21", "28", "29"])
@given(length=st.integers(13, 19), filling=st.text("0123456789", min_size=18, max_size=18))
def test_numbers_of_no_network(begin: str, length: int, filling: str) -> None:
    number = completed(begin, length, filling)
    assert not refused({"customerId": number, "reason": number, "token": number})


@pytest.mark.parametrize("written", ["41 11 11 11 11 11 11 11", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "41111111 11111111"])
def test_numbers_in_groups_of_fewer_than_three_or_more_than_seven(written: str) -> None:
    assert not refused({"reason": written})


@given(st.text("0123456789", max_size=12) | st.text("0123456789", min_size=20, max_size=40))
def test_too_few_or_too_many_digits(digits: str) -> None:
    assert not refused({"customerId": digits, "token": digits})


@pytest.mark.parametrize(
    "body",
    [
        {},
        GOOD,
        {"reason": None},
        {"a": True, "b": False, "c": 1.5, "d": 0, "e": float("inf")},
        {"reason": "0000 0000 0000 0000"},
        {"reason": "2026-07-01T12:34:56.789Z to 2026-08-01T12:34:56.789Z"},
        {"reason": "2026-07-01 12:34:56"},
        {"reason": "Call +1 512-555-0100 or (512) 555-0199."},
        {"reason": "+44 20 7946 0958"},
        {"customerId": "ORD-2026-07-01-000124"},
        {"customerId": "order:10045:3"},
        {"customerId": "MEM_01KYCDYB407NQQYM2SZT6B1C9T"},
        {"customerId": "7e57d004-2b97-4e7a-b45f-5387367791cd"},
        {"paymentMethod": {"id": "pm_1234567890_9876543210", "type": "card"}},
        {"paymentMethod": {"token": "eyJjb2RlIjoiNTBfMl8wNjAwMDUyN", "type": "card"}},
    ],
)
def test_what_a_good_body_holds(body: dict[str, Any]) -> None:
    assert not refused(body)


@given(
    st.from_regex(r"[A-F+/=_]{0,40}[a-f]", fullmatch=True),
    st.sampled_from(CARDS),
    st.from_regex(r"([x-z][X-Z+/=]*)?", fullmatch=True),
)
def test_a_token_that_holds_a_run_of_digits(before: str, run: str, after: str) -> None:
    token = f"{before}{run}{after}"
    assert not refused({"paymentMethod": {"type": "card", "token": token}})
    assert refused({"paymentMethod": {"type": "card", "other": token}})


def test_no_uuid_is_a_card() -> None:
    numbers = random.Random(1)  # the same ones at every run
    ids = [str(uuid.UUID(int=numbers.getrandbits(128), version=4)) for _ in range(2000)]
    assert [found for found in ids if refused({"customerId": found})] == []


@pytest.mark.parametrize("customer", ["1782925200000", "6940095564028", "ORD-2026-07-01-000123"])
def test_a_time_in_milliseconds_another_shops_customer_and_an_order_are_no_card(customer: str) -> None:
    assert luhn("".join(filter(str.isdigit, customer)))
    assert not refused({"customerId": customer})


# --- what is said


@pytest.mark.parametrize("card", CARDS)
def test_the_refusal_holds_nothing_of_the_body(card: str) -> None:
    with pytest.raises(CardDataRefused) as raised:
        refuse({"reason": f"secret {card}", card: "hidden"})
    told = raised.value
    assert (told.status, told.code, told.fields, told.headers) == (400, "card_data_not_accepted", {}, {})
    for text in (str(told), repr(told), told.sentence):
        assert not any(part in text for part in (card, card[:6], card[-4:], "secret", "hidden"))
