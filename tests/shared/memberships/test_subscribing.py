"""Joining: the first month is charged once, whatever happens to the answer, the process or the second request."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from shared.integrations.authorizenet import connect
from shared.memberships.billing import Billing
from shared.memberships.bookings import Bookings
from shared.payments.service import Payments
from shared.platform.errors import ChangedMeanwhile
from tests.factories.club import Club, a_customer


def paid(club: Club) -> list[int]:
    """Cents that the gateway has taken with our references."""
    return [
        found["cents"]
        for found in club.taken()
        if found["status"] in ("capturedPendingSettlement", "settledSuccessfully")
    ]


def test_a_new_member(club: Club) -> None:
    customer = a_customer()
    answer = club.subscribe(customer, "silver")
    assert answer.status_code == 201, answer.text
    member = answer.json["membership"]
    assert answer.json["success"] is True
    assert member["id"].startswith("MEM_")
    assert member["subscription_id"].startswith("SUB_")
    assert member["payment_method_id"].startswith("pm_")
    told = {name: member[name] for name in ("customer_id", "email", "tier", "status", "price", "discount_percent")}
    assert told == {
        "customer_id": customer,
        "email": f"{customer}@example.com",
        "tier": "SILVER",
        "status": "active",
        "price": 97.0,
        "discount_percent": 20,
    }
    assert (member["start_date"], member["next_billing_date"], member["cancel_date"]) == (
        "2026-07-01",
        "2026-08-01",
        None,
    )
    assert paid(club) == [9700]
    assert club.get(customer).json["membership"]["benefits"][0] == "20% discount on all products"
    assert [event["type"] for event in club.events("membership-events")] == ["membership.started"]
    assert [event["type"] for event in club.events("payment-events")] == ["payment.settled"]
    mails = club.events("emails")
    assert [(mail["template"], mail["to"]) for mail in mails] == [("membership_welcome", f"{customer}@example.com")]
    assert club.reconcile()["green"]


def test_a_second_subscription_is_refused(club: Club) -> None:
    customer = a_customer()
    assert club.subscribe(customer).status_code == 201
    again = club.subscribe(customer, "GOLD", token="tok_other")
    assert again.status_code == 400
    assert (again.json["error"], again.json["code"]) == ("Customer already has an active membership", "already_member")
    assert paid(club) == [9700]


@pytest.mark.parametrize("same", [True, False])
def test_of_two_at_once_one_is_charged(club: Club, same: bool) -> None:
    customer, patient = a_customer(), club.patient()
    answers: list[Any] = []
    tokens = ["tok_one", "tok_one" if same else "tok_two"]
    threads = [
        threading.Thread(target=lambda t=t: answers.append(patient.subscribe(customer, token=t))) for t in tokens
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [201, 400]
    assert paid(club) == [9700]


@pytest.mark.parametrize(
    ("token", "code", "reason"),
    [("tok_declined", "payment_declined", "declined"), ("tok_expired", "payment_declined", "invalid_card_data")],
)
def test_a_decline_leaves_nothing(club: Club, token: str, code: str, reason: str) -> None:
    customer = a_customer()
    answer = club.subscribe(customer, token=token)
    assert answer.status_code == 402
    assert (answer.json["code"], answer.json["reason"]) == (code, reason)
    assert answer.json["error"]
    assert club.get(customer).status_code == 404
    assert not paid(club)
    assert club.subscribe(customer, token="tok_good").status_code == 201


def test_a_lost_answer_is_found(club: Club) -> None:
    customer = a_customer()
    with club.switched(lost_answer=1):
        answer = club.subscribe(customer)
    assert answer.status_code == 201, answer.text
    assert paid(club) == [9700]


def test_a_request_that_was_lost_charges_nothing(club: Club) -> None:
    customer = a_customer()
    with club.switched(lost_request=1):
        answer = club.subscribe(customer)
    assert answer.status_code == 503
    assert answer.json["code"] == "payment_unknown"
    # Too early to tell, and nothing is sent again meanwhile.
    assert club.subscribe(customer).status_code == 503
    club.advance(minutes=4)
    assert club.subscribe(customer).status_code == 201
    assert paid(club) == [9700]


def test_a_gateway_that_is_down_charges_nothing(club: Club) -> None:
    customer = a_customer()
    with club.switched(down=1):
        assert club.subscribe(customer).status_code == 503
    club.settle_everything()
    assert club.get(customer).status_code == 404
    assert club.subscribe(customer).status_code == 201


def test_a_payment_in_review_waits_for_it(club: Club) -> None:
    customer = a_customer()
    answer = club.subscribe(customer, token="tok_held")
    assert answer.status_code == 402
    assert answer.json["code"] == "payment_under_review"
    assert club.get(customer).status_code == 404
    held = next(found for found in club.taken())
    club.advance(days=2)
    assert club.follow_up()[1] == 0
    club.gateway.approve(held["id"])
    club.follow_up()
    member = club.get(customer).json["membership"]
    assert (member["status"], member["start_date"], member["next_billing_date"]) == (
        "active",
        "2026-07-03",
        "2026-08-03",
    )
    assert club.reconcile()["green"]


def test_a_payment_that_is_refused_after_review_leaves_nothing(club: Club) -> None:
    customer = a_customer()
    club.subscribe(customer, token="tok_held")
    club.gateway.decline(club.taken()[0]["id"])
    club.follow_up()
    assert club.get(customer).status_code == 404
    assert club.subscribe(customer, token="tok_good").status_code == 201
    assert club.reconcile()["green"]


def test_a_charge_that_another_has_booked_meanwhile_makes_it_decide_again(club: Club) -> None:
    customer = a_customer()
    billing = Billing(club.platform, Payments(club.platform, connect(club.platform)))
    read_before = billing.repository.get(club.platform.customer_hash(customer))
    with club.switched(lost_request=1):
        assert club.subscribe(customer).status_code == 503
    pending = billing.repository.get(club.platform.customer_hash(customer)).member.pending
    assert pending is not None
    with pytest.raises(ChangedMeanwhile):
        Bookings(club.platform, billing).book(read_before, pending, 9700, billing.now())


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("commit", range(3))
def test_a_process_that_dies(club: Club, commit: int, after: bool) -> None:
    """At any commit: nothing is lost, nothing is charged twice, and the same request again gets its membership."""
    customer = a_customer()
    assert club.dies(commit, lambda: club.subscribe(customer), after=after)
    certificate = club.another_instance().settle_everything()
    assert certificate["green"]
    answer = club.subscribe(customer)
    assert answer.status_code == 201, answer.text
    assert paid(club) == [9700]
    assert club.get(customer).json["membership"]["payment_method_id"]


def test_the_request_that_never_heard_gets_its_membership(club: Club) -> None:
    customer = a_customer()
    assert club.dies(2, lambda: club.subscribe(customer), after=False)
    club.advance(minutes=2)
    assert club.subscribe(customer).status_code == 201
    assert club.subscribe(customer, token="tok_other").status_code == 400
    assert paid(club) == [9700]


def test_an_attempt_that_arrives_after_it_was_given_up_is_given_back(club: Club) -> None:
    customer = a_customer()
    with club.switched(lost_request=1):
        club.subscribe(customer)
    club.advance(minutes=5)
    club.follow_up()
    assert club.get(customer).status_code == 404
    reference = next(iter(club.charges().values()))["references"][0]
    club.gateway.call("POST", "/transactions", {"cents": 9700, "reference": reference})
    certificate = club.settle_everything()
    assert certificate["green"]
    assert not paid(club)
    assert club.settle_everything()["repaired"] == 0


def test_somebody_elses_stored_card_is_refused(club: Club) -> None:
    owner, thief = a_customer(), a_customer()
    card = club.subscribe(owner).json["membership"]["payment_method_id"]
    answer = club.subscribe(thief, paymentMethod={"type": "card", "id": card})
    assert (answer.status_code, answer.json["code"]) == (400, "unknown_payment_method")
    assert club.subscribe(thief, paymentMethod={"type": "card", "id": "pm_1_2"}).status_code == 400
    assert club.subscribe(thief, paymentMethod={"type": "card", "id": "other"}).status_code == 400
    club.cancel(owner)
    rejoined = club.subscribe(owner, paymentMethod={"type": "card", "id": card})
    assert rejoined.status_code == 201, rejoined.text
    # Both months are paid, and both are given.
    assert rejoined.json["membership"]["next_billing_date"] == "2026-09-01"


def test_an_instance_whose_clock_is_behind_leaves_a_charge_to_who_sends_it(club: Club) -> None:
    customer = a_customer()
    with club.switched(lost_request=1):
        assert club.subscribe(customer).status_code == 503
    # As the request has left it: another tenth of a second, and it would have its answer.
    club.advance(seconds=-2)
    assert club.follow_up() == (0, 0)
