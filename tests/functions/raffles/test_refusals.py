"""What raffles refuse, with the exact sentence and code."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from local.simulators.authorizenet_control import GatewayControl
from shared.platform.clock import wire_time
from shared.raffles.schemas import QUANTITY
from tests.factories.clock_file import ClockFile
from tests.factories.raffle_buyers import a_buyer, settled
from tests.factories.raffles import RAFFLES, Tombola

NOT_GIVEN = Ellipsis
BASIS = {
    "basis": "charitable_raffle",
    "organisation": "A Charity",
    "reference": "TX-1",
    "prize_value": 25_000,
    "signed_off_by": "A Person",
}


def refusal(answer: TestResponse) -> tuple[int, str, str]:
    body: dict[str, Any] = answer.json or {}
    return answer.status_code, body["error"], body["code"]


# --- create


def test_what_is_no_raffle(tombola: Tombola) -> None:
    past = wire_time(tombola.now - timedelta(seconds=1))
    wrong: list[dict[str, Any]] = [
        *({field: None} for field in ("name", "prize", "ticketPrice", "maxTickets", "drawDate")),
        *({"ticketPrice": price} for price in (0, -1, 0.001, "50", True)),
        *({"maxTickets": most} for most in (0, -1, 1.5, "20", 100_001, True)),
        *({"prize": prize} for prize in ("", 0, -5, [], True)),
        {"drawDate": "tomorrow"},
        {"surprise": 1},
    ]
    for changes in wrong:
        answer = tombola.create(**changes)
        assert answer.status_code == 400, (changes, answer.text)
    assert refusal(tombola.create(drawDate=past)) == (
        400,
        "drawDate is in the past. Send a time that is still to come.",
        "invalid_field",
    )
    assert tombola.admin("raffles_create", "POST", RAFFLES, json={}).status_code == 400
    assert not list(tombola.platform.firestore.collection("raffles").stream())


def test_a_draft_in_the_admins_words(tombola: Tombola) -> None:
    record = tombola.create(ticketPrice=12.5, prize=250_000).json["raffle"]
    told = ("ticket_price", "max_tickets", "prize", "status", "tickets_sold", "legal_basis")
    assert [record[name] for name in told] == [12.5, 20, 250_000, "draft", 0, None]
    assert len(record["seed_commitment"]) == 64
    assert record["id"] not in [shown["id"] for shown in tombola.call("raffles_list", "GET", RAFFLES).json["raffles"]]


# --- update


def test_only_what_follows_from_a_status(tombola: Tombola) -> None:
    raffle_id = tombola.create().json["raffle"]["id"]
    for status in ("sold_out", "drawn", "completed"):
        assert refusal(tombola.update(raffle_id, status=status)) == (
            400,
            f"A raffle that is draft cannot become {status}.",
            "illegal_transition",
        )
    assert refusal(tombola.update(raffle_id, status="cancelled"))[::2] == (400, "illegal_transition")
    assert tombola.update(raffle_id, status="gone").status_code == 400
    assert tombola.update(raffle_id, seed_commitment="0" * 64).status_code == 400
    assert tombola.update(raffle_id, status="active").status_code == 200
    assert refusal(tombola.update(raffle_id, status="draft")) == (
        400,
        "A raffle that is active cannot become draft.",
        "illegal_transition",
    )
    assert tombola.call_off(raffle_id).status_code == 200
    assert refusal(tombola.update(raffle_id, name="Another")) == (
        400,
        "Cannot modify name: a raffle that is cancelled stays as it is.",
        "raffle_over",
    )
    assert refusal(tombola.update(raffle_id, status="active")) == (
        400,
        "A raffle that is cancelled cannot become active.",
        "illegal_transition",
    )
    assert refusal(tombola.update("RAFFLE_none", name="x")) == (404, "Raffle not found", "raffle_not_found")


def test_what_was_paid_for_is_frozen(tombola: Tombola) -> None:
    raffle_id, buyer = tombola.active(), a_buyer(tombola)
    assert tombola.update(raffle_id, ticket_price=40, max_tickets=25, prize="A car").status_code == 200
    before = tombola.raffle(raffle_id)
    assert (before.ticket_price, before.free) == (40_00, ((1, 25),))
    assert tombola.buy(raffle_id, buyer, 2).status_code == 201
    sentence = "Cannot modify ticket_price or max_tickets after tickets have been sold"
    assert refusal(tombola.update(raffle_id, ticket_price=60)) == (400, sentence, "frozen_after_sale")
    assert refusal(tombola.update(raffle_id, max_tickets=30)) == (400, sentence, "frozen_after_sale")
    assert refusal(tombola.update(raffle_id, prize="A bicycle")) == (
        400,
        "Cannot modify prize after tickets have been sold",
        "frozen_after_sale",
    )
    sooner, later = (wire_time(before.draw_date + timedelta(days=days)) for days in (-1, 1))
    assert refusal(tombola.update(raffle_id, draw_date=sooner)) == (
        400,
        "Cannot bring draw_date forward after tickets have been sold. A later date can be set.",
        "frozen_after_sale",
    )
    assert tombola.raffle(raffle_id).changes == before.changes
    # What stays as it is may be named.
    assert tombola.update(raffle_id, ticket_price=40, max_tickets=25, description="New").status_code == 200
    assert tombola.update(raffle_id, draw_date=later).status_code == 200
    (notice,) = tombola.show(raffle_id, "audit").json["changes"]
    assert (notice["kind"], notice["from"], notice["to"]) == ("draw_date", wire_time(before.draw_date), later)
    assert tombola.draw(raffle_id).status_code == 200
    for changes in ({"name": "Another"}, {"draw_date": later[:3] + "9" + later[4:]}, {"legal_basis": BASIS}):
        assert refusal(tombola.update(raffle_id, **changes))[::2] == (400, "raffle_over")
    assert tombola.update(raffle_id, status="completed").json["raffle"]["status"] == "completed"


def test_no_activation_without_a_legal_basis(running: tuple[GatewayControl, ClockFile], project: str) -> None:
    tombola = Tombola(project, *running, RAFFLE_LEGAL_GATE="on", DRAW_ENTROPY="drand")
    raffle_id = tombola.create(prize="A car").json["raffle"]["id"]
    sentence = (
        "This raffle cannot be activated before an admin has recorded its legal basis: send legal_basis with basis, "
        "organisation, reference, prize_value and signed_off_by."
    )
    assert refusal(tombola.update(raffle_id, status="active")) == (409, sentence, "legal_basis_required")
    too_dear = tombola.update(raffle_id, status="active", legal_basis={**BASIS, "prize_value": 250_000})
    assert (too_dear.status_code, too_dear.json["code"]) == (409, "legal_basis_violated")
    assert [rule["rule"] for rule in too_dear.json["rules"]] == ["prize_value_cap"]
    assert too_dear.json["rules"][0]["sentence"] in too_dear.json["error"]
    assert "2002" in too_dear.json["rules"][0]["citation"]
    assert tombola.raffle(raffle_id).legal is None
    elsewhere = tombola.update(raffle_id, status="active", legal_basis={**BASIS, "states": ["TX", "CA"]})
    assert [rule["rule"] for rule in elsewhere.json["rules"]] == ["states_sold_to"]
    assert tombola.update(raffle_id, legal_basis={**BASIS, "basis": "luck"}).status_code == 400
    record = tombola.update(raffle_id, status="active", legal_basis=BASIS).json["raffle"]
    assert (record["status"], record["legal_basis"]["organisation"]) == ("active", "A Charity")
    assert record["legal_basis"]["recorded_at"]
    # Nor does a change afterwards go around it.
    assert refusal(tombola.update(raffle_id, prize=100_000))[::2] == (409, "legal_basis_violated")


# --- purchase


@pytest.mark.parametrize("number", [0, 101, -1, 1.5, "5", True, None, [], NOT_GIVEN], ids=repr)
def test_numbers_of_tickets_that_are_none(tombola: Tombola, number: Any) -> None:
    body = {} if number is NOT_GIVEN else {"numTickets": number}
    request = {
        "customerId": "c-1",
        "customerEmail": "ada@example.com",
        "customerName": "Ada",
        "paymentMethod": {"type": "card", "token": "tok_visa"},
        **body,
    }
    answer = tombola.call("raffles_purchase", "POST", f"{RAFFLES}/RAFFLE_1/purchase", json=request)
    if number in (NOT_GIVEN, None):
        assert refusal(answer) == (400, "Missing required fields: numTickets", "missing_fields")
    else:
        assert refusal(answer) == (400, QUANTITY, "invalid_quantity")


def test_purchases_that_are_refused(tombola: Tombola) -> None:
    raffle_id, buyer = tombola.active(maxTickets=5), a_buyer(tombola)
    for field in ("customerId", "customerEmail", "customerName", "paymentMethod"):
        answer = tombola.buy(raffle_id, buyer, changes={field: None})
        assert answer.status_code == 400, answer.text
    assert refusal(tombola.buy("RAFFLE_none", buyer)) == (404, "Raffle not found", "raffle_not_found")
    young = tombola.buy(raffle_id, "c-unverified")
    assert refusal(young) == (
        403,
        "Age verification required. Customers must be 21+ to purchase raffle tickets.",
        "age_verification_required",
    )
    assert young.json["requiresAgeVerification"] is True
    declined = tombola.buy(raffle_id, buyer, token="tok_declined")
    assert (declined.status_code, declined.json["code"], declined.json["reason"]) == (
        402,
        "payment_declined",
        "declined",
    )
    assert refusal(tombola.buy(raffle_id, buyer, 6)) == (400, "Only 5 tickets remaining", "not_enough_tickets")
    held = tombola.buy(raffle_id, buyer, 1, "tok_held")
    assert (held.status_code, held.json["code"]) == (402, "payment_under_review")
    assert tombola.buy(raffle_id, buyer, 4).status_code == 201
    assert refusal(tombola.buy(raffle_id, buyer)) == (
        400,
        "Raffle is not active. Current status: sold_out",
        "raffle_not_active",
    )
    busy = tombola.draw(raffle_id)
    assert (busy.status_code, busy.json["code"], busy.json["openReservations"]) == (409, "open_reservations", 1)
    assert busy.headers["Retry-After"] == "30"
    assert settled(tombola)["green"]
    tombola.check_money(raffle_id)

    draft = tombola.create().json["raffle"]["id"]
    assert refusal(tombola.buy(draft, buyer))[:2] == (400, "Raffle is not active. Current status: draft")
    over = tombola.active()
    tombola.advance(days=30)
    assert refusal(tombola.buy(over, buyer)) == (400, "Ticket sales for this raffle have ended.", "sales_closed")


def test_draws_and_cancellations_that_are_refused(tombola: Tombola) -> None:
    buyer = a_buyer(tombola)
    assert refusal(tombola.draw("RAFFLE_none")) == (404, "Raffle not found", "raffle_not_found")
    assert refusal(tombola.call_off("RAFFLE_none")) == (404, "Raffle not found", "raffle_not_found")
    draft = tombola.create().json["raffle"]["id"]
    assert refusal(tombola.draw(draft)) == (
        400,
        "Raffle is not active. Current status: draft",
        "raffle_not_active",
    )
    empty = tombola.active()
    assert refusal(tombola.draw(empty)) == (
        400,
        "No tickets have been sold for this raffle",
        "no_tickets_sold",
    )
    assert tombola.call_off(empty).json["message"] == "Raffle cancelled successfully"
    assert refusal(tombola.draw(empty)) == (400, "Cannot draw cancelled raffle", "raffle_cancelled")
    drawn = tombola.active()
    assert tombola.buy(drawn, buyer).status_code == 201
    assert tombola.draw(drawn).status_code == 200
    for again in (tombola.draw(drawn), tombola.call_off(drawn)):
        assert refusal(again) == (400, "Raffle has already been drawn", "already_drawn")
