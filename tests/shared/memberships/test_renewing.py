"""Renewals, dunning, upgrades, cancellations and money that goes back, under a clock that moves."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.factories.club import Club, a_customer


def six_in_the_morning(club: Club, year: int, month: int, day: int) -> None:
    club.stand_at(datetime(year, month, day, 12, tzinfo=UTC))


def test_a_month_later_it_is_charged_again_once(club: Club) -> None:
    customer = a_customer()
    club.subscribe(customer, "BRONZE")
    six_in_the_morning(club, 2026, 7, 31)
    assert not club.renew()
    six_in_the_morning(club, 2026, 8, 1)
    assert club.renew() == {"renewed": 1}
    assert not club.renew()
    assert club.get(customer).json["membership"]["next_billing_date"] == "2026-09-01"
    assert [found["cents"] for found in club.taken()] == [4700, 4700]
    assert club.reconcile()["green"]


def test_days_of_the_month_that_do_not_exist(club: Club) -> None:
    customer, dates = a_customer(), []
    club.stand_at(datetime(2028, 1, 31, 18, tzinfo=UTC))
    club.subscribe(customer, "BRONZE")
    for _ in range(4):
        due = club.get(customer).json["membership"]["next_billing_date"]
        dates.append(due)
        six_in_the_morning(club, *map(int, due.split("-")))
        club.renew()
    assert dates == ["2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31"]


def test_the_calendar_of_a_declined_card(club: Club) -> None:
    customer, seen = a_customer(), []
    card = club.subscribe(customer).json["membership"]["payment_method_id"]
    club.gateway.fate("decline", profile=card.split("_")[1])
    for day in range(1, 12):
        six_in_the_morning(club, 2026, 8, day)
        club.renew()
        member = club.get(customer).json["membership"]
        seen.append((day, member["status"], member["next_billing_date"], club.discount(customer).json["hasDiscount"]))
    assert seen == [
        (1, "past_due", "2026-08-02", True),
        (2, "past_due", "2026-08-04", True),
        (3, "past_due", "2026-08-04", True),
        (4, "past_due", "2026-08-06", True),
        (5, "past_due", "2026-08-06", True),
        (6, "past_due", "2026-08-08", True),
        (7, "past_due", "2026-08-08", True),
        *[(day, "expired", None, False) for day in (8, 9, 10, 11)],
    ]
    charge = next(found for name, found in club.charges().items() if name.endswith(":renewal"))
    assert (charge["state"], charge["attempt"], len(set(charge["references"]))) == ("declined", 5, 5)
    templates = [mail["template"] for mail in club.events("emails")]
    assert templates == ["membership_welcome", *["membership_payment_failed"] * 5]
    assert club.subscribe(customer, token="tok_new").status_code == 201


def test_another_card_pays_what_is_owed(club: Club) -> None:
    customer = a_customer()
    card = club.subscribe(customer).json["membership"]["payment_method_id"]
    club.gateway.fate("decline", profile=card.split("_")[1])
    six_in_the_morning(club, 2026, 8, 1)
    assert club.renew() == {"declined": 1}
    six_in_the_morning(club, 2026, 8, 3)
    assert club.subscribe(customer, token="tok_declined").status_code == 402
    assert club.get(customer).json["membership"]["status"] == "past_due"
    assert club.subscribe(customer, token="tok_new").status_code == 201
    member = club.get(customer).json["membership"]
    assert (member["status"], member["next_billing_date"]) == ("active", "2026-09-01")
    assert member["payment_method_id"] != card
    assert not club.renew()


def test_a_paid_retry_makes_it_active(club: Club) -> None:
    customer = a_customer()
    profile = club.subscribe(customer).json["membership"]["payment_method_id"].split("_")[1]
    club.gateway.fate("decline", profile=profile)
    six_in_the_morning(club, 2026, 8, 1)
    club.renew()
    club.gateway.fate("approve", profile=profile)
    six_in_the_morning(club, 2026, 8, 2)
    assert club.renew() == {"renewed": 1}
    member = club.get(customer).json["membership"]
    assert (member["status"], member["next_billing_date"]) == ("active", "2026-09-01")


def test_an_outage_of_the_gateway_is_nobodys_fault(club: Club) -> None:
    customer = a_customer()
    club.subscribe(customer)
    six_in_the_morning(club, 2026, 8, 1)
    with club.switched(down=1):
        assert club.renew() == {"failed": 1}
    assert club.get(customer).json["membership"]["status"] == "active"
    club.advance(minutes=10)
    assert club.renew() == {"renewed": 1}
    assert len(club.taken()) == 2


@pytest.mark.parametrize("commit", range(4))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_job_that_dies_charges_once(club: Club, commit: int, after: bool) -> None:
    customer = a_customer()
    club.subscribe(customer)
    six_in_the_morning(club, 2026, 8, 1)
    club.dies(commit, club.renew, after=after)
    again = club.another_instance()
    again.settle_everything()
    again.renew()
    assert again.settle_everything()["green"]
    assert club.get(customer).json["membership"]["next_billing_date"] == "2026-09-01"
    assert len(club.taken()) == 2


def test_an_upgrade_is_charged_first(club: Club) -> None:
    customer = a_customer()
    club.subscribe(customer)
    preview = club.upgrade(customer, "gold", "?preview=true")
    assert (preview.json["proratedCharge"], preview.json["preview"]) == (100.0, True)
    assert club.get(customer).json["membership"]["tier"] == "SILVER"
    answer = club.upgrade(customer, "GOLD")
    assert (answer.status_code, answer.json["proratedCharge"]) == (200, 100.0)
    assert answer.json["membership"]["tier"] == "GOLD"
    assert [found["cents"] for found in club.taken()] == [9700, 10000]
    assert club.discount(customer).json == {
        "success": True,
        "hasDiscount": True,
        "discountAmount": 45.0,
        "discountPercent": 30,
        "finalTotal": 105.0,
        "tier": "GOLD",
    }
    refused = club.upgrade(customer, "SILVER")
    assert (refused.status_code, refused.json["error"]) == (400, "New tier must be higher than current tier")
    assert club.reconcile()["green"]


def test_a_declined_upgrade_changes_nothing(club: Club) -> None:
    customer = a_customer()
    profile = club.subscribe(customer).json["membership"]["payment_method_id"].split("_")[1]
    club.gateway.fate("decline", profile=profile)
    assert club.upgrade(customer, "GOLD").status_code == 402
    assert club.get(customer).json["membership"]["tier"] == "SILVER"
    club.gateway.fate("approve", profile=profile)
    assert club.upgrade(customer, "GOLD").status_code == 200


@pytest.mark.parametrize("commit", range(3))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_an_upgrade_that_dies_is_charged_once(club: Club, commit: int, after: bool) -> None:
    customer = a_customer()
    club.subscribe(customer)
    assert club.dies(commit, lambda: club.upgrade(customer, "GOLD"), after=after)
    again = club.another_instance()
    assert again.settle_everything()["green"]
    again.upgrade(customer, "GOLD")
    assert again.settle_everything()["green"]
    assert again.get(customer).json["membership"]["tier"] == "GOLD"
    assert [found["cents"] for found in club.taken()] == [9700, 10000]


def test_a_cancelled_membership_keeps_what_is_paid(club: Club) -> None:
    customer = a_customer()
    club.subscribe(customer)
    answer = club.cancel(customer, reason="moving away")
    assert answer.json["message"] == "Membership cancelled successfully"
    member = answer.json["membership"]
    assert (member["status"], member["cancel_date"], member["cancel_reason"], member["access_until"]) == (
        "cancelled",
        "2026-07-01",
        "moving away",
        "2026-08-01T05:00:00.000Z",
    )
    assert club.cancel(customer).status_code == 404
    assert club.upgrade(customer, "GOLD").status_code == 404
    club.stand_at(datetime(2026, 8, 1, 4, 59, 59, tzinfo=UTC))
    assert club.discount(customer).json["hasDiscount"] is True
    club.stand_at(datetime(2026, 8, 1, 5, tzinfo=UTC))
    assert club.discount(customer).json["hasDiscount"] is False
    assert club.renew() == {"ended": 1}
    assert club.get(customer).json["membership"]["status"] == "expired"
    assert len(club.taken()) == 1


@pytest.mark.parametrize("settled", [False, True], ids=["voided", "refunded"])
def test_money_that_goes_back_takes_the_membership_with_it(club: Club, settled: bool) -> None:
    customer = a_customer()
    club.subscribe(customer)
    transaction = club.taken()[0]["id"]
    if settled:
        club.advance(days=2)
        club.gateway.refund(transaction, 9700)
    else:
        club.gateway.void(transaction)
    certificate = club.reconcile()
    assert (certificate["green"], certificate["repaired"]) == (True, 1)
    assert club.get(customer).json["membership"]["status"] == "cancelled"
    assert club.discount(customer).json["hasDiscount"] is False
    assert club.reconcile()["repaired"] == 0


def test_a_refunded_upgrade_takes_the_tier_with_it(club: Club) -> None:
    customer = a_customer()
    club.subscribe(customer)
    club.upgrade(customer, "GOLD")
    club.gateway.void(next(found["id"] for found in club.taken() if found["cents"] == 10000))
    club.reconcile()
    assert club.get(customer).json["membership"]["tier"] == "SILVER"
    assert club.upgrade(customer, "GOLD").json["proratedCharge"] == 100.0
    assert club.reconcile()["green"]


def test_foreign_charges_on_the_same_account_are_left_alone(club: Club) -> None:
    club.subscribe(a_customer())
    club.gateway.foreign(1234)
    certificate = club.reconcile()
    assert certificate["green"]
    assert certificate["foreign"] >= 1
    assert (certificate["ourCount"], certificate["ourCents"]) == (certificate["theirCount"], certificate["theirCents"])


def test_a_card_that_the_gateway_did_not_store_is_stored_when_it_is_needed(club: Club) -> None:
    customer = a_customer()
    asked = "createCustomerProfileFromTransactionRequest"
    first = club.subscribe(customer, token="tok_first").json["membership"]
    club.cancel(customer)
    # The gateway knows the customer: the second card is not stored with the charge, and cannot be stored just now.
    with club.switched(down=asked):
        second = club.subscribe(customer, token="tok_second")
    assert (second.status_code, second.json["membership"]["payment_method_id"]) == (201, None)
    with club.switched(down=asked):
        assert club.upgrade(customer, "GOLD").status_code == 503
    assert club.upgrade(customer, "GOLD").status_code == 200
    stored = club.get(customer).json["membership"]["payment_method_id"]
    assert stored not in (None, first["payment_method_id"])
    assert club.reconcile()["green"]


def test_a_renewal_in_review_waits(club: Club) -> None:
    customer = a_customer()
    profile = club.subscribe(customer).json["membership"]["payment_method_id"].split("_")[1]
    club.gateway.fate("hold", profile=profile)
    six_in_the_morning(club, 2026, 8, 1)
    assert club.renew() == {"waiting": 1}
    club.advance(days=1)
    assert club.renew() == {"waiting": 1}
    assert club.discount(customer).json["hasDiscount"] is True
    told = len([event for event in club.events("payment-events") if event["type"] == "payment.held"])
    assert told == 1
    held = next(found["id"] for found in club.taken() if "Review" in found["status"])
    club.gateway.approve(held)
    assert club.renew() == {"done": 1}
    assert club.get(customer).json["membership"]["next_billing_date"] == "2026-09-01"


def test_the_first_comparison_begins_with_the_first_payment(club: Club) -> None:
    customer = a_customer()
    club.subscribe(customer)
    club.gateway.void(club.taken()[0]["id"])
    club.advance(days=150)
    assert club.reconcile()["repaired"] == 1
    assert club.get(customer).json["membership"]["status"] == "cancelled"


@pytest.mark.parametrize("settled", [False, True], ids=["pending", "settled"])
def test_a_renewal_whose_answer_was_lost_is_found(club: Club, settled: bool) -> None:
    customer = a_customer()
    club.subscribe(customer)
    six_in_the_morning(club, 2026, 8, 1)
    # Nothing can be asked either: the process knows nothing at the end.
    with club.switched(lost_answer=1, down="getUnsettledTransactionListRequest,getSettledBatchListRequest"):
        assert club.renew() == {"failed": 1}
    # Found the next day, it is in another list.
    club.advance(**({"days": 1} if settled else {"minutes": 1}))
    assert club.renew() == {"done": 1}
    assert club.get(customer).json["membership"]["next_billing_date"] == "2026-09-01"
    assert len(club.taken()) == 2
    assert club.reconcile()["green"]


def test_a_renewal_that_was_lost_is_sent_again_under_the_same_reference(club: Club) -> None:
    customer = a_customer()
    club.subscribe(customer)
    six_in_the_morning(club, 2026, 8, 1)
    with club.switched(lost_request=1):
        assert club.renew() == {"failed": 1}
    assert club.renew() == {"failed": 1}  # too early to tell
    club.advance(minutes=4)
    assert club.renew() == {"renewed": 1}
    charge = next(found for name, found in club.charges().items() if name.endswith(":renewal"))
    assert (charge["attempt"], len(charge["references"]), charge["state"]) == (2, 1, "settled")
    assert len(club.taken()) == 2
