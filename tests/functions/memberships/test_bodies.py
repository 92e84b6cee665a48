"""What the endpoints refuse, and with which words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.factories.club import AREA, Club, a_customer
from tests.factories.tokens import bearer

CARD = "4111 1111 1111 1111"


def body(**changes: Any) -> dict[str, Any]:
    found = {
        "customerId": "c-1",
        "email": "member@example.com",
        "tier": "GOLD",
        "paymentMethod": {"type": "card", "token": "tok_visa"},
        **changes,
    }
    return {name: value for name, value in found.items() if value is not None}


def subscribe(club: Club, sent: dict[str, Any], **options: Any) -> Any:
    return club.call("memberships_subscribe", "POST", f"{AREA}/subscribe", json=sent, **options)


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"email": None, "tier": None}, "email", "Missing required fields: email, tier"),
        ({"tier": "PLATINUM"}, "tier", "tier: must be BRONZE, SILVER or GOLD."),
        ({"email": "nobody"}, "email", "email: Not a valid email address."),
        ({"paymentMethod": {"type": "card"}}, "paymentMethod.token", ""),
        ({"paymentMethod": {"token": "tok_visa"}}, "paymentMethod.type", ""),
        ({"paymentMethod": "tok_visa"}, "paymentMethod", ""),
        ({"customerId": "a/b"}, "customerId", ""),
        ({"coupon": "x"}, "coupon", ""),
    ],
)
def test_a_wrong_body(club: Club, changes: dict[str, Any], field: str, sentence: str) -> None:
    answer = subscribe(club, body(**changes))
    assert answer.status_code == 400
    assert answer.json["field"] == field
    assert not sentence or answer.json["error"] == sentence


@pytest.mark.parametrize(
    "changes",
    [
        {"paymentMethod": {"type": "card", "cardNumber": "4111111111111111", "cvv": "900"}},
        {"paymentMethod": {"type": "card", "token": "4111111111111111"}},
        {"paymentMethod": {"type": CARD, "token": "tok_visa"}},
        {"card": 4111111111111111},
        {"customerId": "4111111111111111"},
        {"paymentMethod": {"type": "card", "token": "tok_visa", "last4": CARD}},
    ],
)
def test_a_card_number_is_refused_and_kept_nowhere(
    club: Club, changes: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    answer = subscribe(club, body(**changes), headers={"Idempotency-Key": "k-card"})
    assert (answer.status_code, answer.json["code"]) == (400, "card_data_not_accepted")
    printed = capfd.readouterr()
    stored = [
        json.dumps(document.to_dict(), default=str)
        for collection in club.platform.firestore.collections()
        for document in collection.stream()
    ]
    told = [
        event for topic in ("security-events", "membership-events", "payment-events") for event in club.events(topic)
    ]
    for text in (answer.text, printed.out, printed.err, *stored, json.dumps(told)):
        assert "4111" not in text


def test_a_card_number_as_a_reason(club: Club) -> None:
    customer = a_customer()
    club.subscribe(customer)
    assert club.cancel(customer, reason=f"my card {CARD} is lost").json["code"] == "card_data_not_accepted"
    assert club.get(customer).json["membership"]["status"] == "active"


@pytest.mark.parametrize("subtotal", ["-1", "abc", "NaN", "Infinity", "-Infinity", "1000000.01", "1_0", "1e9", "١"])
def test_a_subtotal_that_is_none(club: Club, subtotal: str) -> None:
    answer = club.discount("c-nobody", subtotal)
    assert (answer.status_code, answer.json["field"]) == (400, "subtotal")


def test_a_missing_subtotal(club: Club) -> None:
    answer = club.call("memberships_discount", "GET", f"{AREA}/discount/c-1")
    assert (answer.status_code, answer.json["error"]) == (400, "subtotal query parameter is required")


def test_nobody_gets_nothing_off(club: Club) -> None:
    assert club.discount("c-nobody", "150").json == {
        "success": True,
        "hasDiscount": False,
        "discountAmount": 0.0,
        "discountPercent": 0,
        "finalTotal": 150.0,
        "tier": None,
    }


def test_an_upgrade_without_a_tier(club: Club) -> None:
    answer = club.call("memberships_upgrade", "PUT", f"{AREA}/c-1/upgrade", json={})
    assert (answer.status_code, answer.json["error"]) == (400, "newTier is required")
    missing = club.upgrade("c-nobody", "GOLD")
    assert (missing.status_code, missing.json["error"]) == (404, "No active membership found for this customer")
    assert club.get("c-nobody").json["error"] == "No membership found for this customer"


def test_customers_see_themselves_only(club: Club) -> None:
    customer = a_customer()
    own = bearer("customer", customer)
    assert subscribe(club, body(customerId=customer), headers=own).status_code == 201
    for entry_point, method, path, sent in (
        ("memberships_get", "GET", customer, None),
        ("memberships_discount", "GET", f"discount/{customer}?subtotal=1", None),
        ("memberships_upgrade", "PUT", f"{customer}/upgrade", {"newTier": "GOLD"}),
        ("memberships_cancel", "PUT", f"{customer}/cancel", {}),
        ("memberships_subscribe", "POST", "subscribe", body(customerId=customer)),
    ):
        other = club.call(entry_point, method, f"{AREA}/{path}", json=sent, headers=bearer("customer", "c-other"))
        assert (other.status_code, other.json["code"]) == (403, "forbidden"), entry_point
    assert club.call("memberships_get", "GET", f"{AREA}/{customer}", headers=own).status_code == 200
    assert club.call("memberships_stats", "GET", f"{AREA}/stats", headers=own).status_code == 403


def test_the_figures_and_what_they_are_made_of(club: Club) -> None:
    for tier in ("BRONZE", "SILVER", "GOLD", "GOLD"):
        club.subscribe(a_customer(), tier)
    stats = club.stats()["stats"]
    assert stats["monthlyRecurringRevenue"] == 538.0
    assert (stats["activeMembers"], stats["churnRate"]) == (4, "0.00%")
    assert stats["tierDistribution"] == {"BRONZE": 1, "SILVER": 1, "GOLD": 2}
    assert stats["lifetimeValueByTier"] == {"BRONZE": 564.0, "SILVER": 1164.0, "GOLD": 2364.0}
    explained = club.stats("mrr")["explain"]
    assert explained["total"] == "538.00"
    assert sum(part["value"] for part in explained["parts"]) == 538.0


@pytest.mark.parametrize("path", [f"{AREA}/stats", "/stats"])
def test_stats_is_no_customer(club: Club, path: str) -> None:
    answer = club.call("memberships_get", "GET", path)
    assert (answer.status_code, answer.json["code"]) == (404, "unknown_path")
