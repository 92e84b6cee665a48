"""What raffles show to whom: one's own tickets, the winner, progress and figures."""

from __future__ import annotations

from datetime import timedelta

from shared.platform.clock import wire_time
from tests.factories.club import NEVER
from tests.factories.raffle_buyers import a_buyer
from tests.factories.raffles import RAFFLES, Tombola
from tests.factories.serving import serving
from tests.factories.tokens import bearer


def signed(customer: str) -> dict[str, str]:
    return bearer("customer", customer, exp=NEVER)


def test_customers_see_and_buy_their_own(tombola: Tombola) -> None:
    raffle_id, ada, bob = tombola.active(), a_buyer(tombola), a_buyer(tombola)
    own = tombola.buy(raffle_id, ada, 2, headers=signed(ada))
    assert own.status_code == 201, own.text
    assert tombola.buy(raffle_id, ada, headers=signed(bob)).status_code == 403
    path = f"{RAFFLES}/{raffle_id}/tickets/{ada}"
    assert tombola.call("raffles_tickets", "GET", path, headers=signed(ada)).json["count"] == 2
    assert tombola.call("raffles_tickets", "GET", path, headers=signed(bob)).status_code == 403
    assert tombola.call("raffles_tickets", "GET", path).status_code == 403
    nobody = f"{RAFFLES}/RAFFLE_none/tickets/{ada}"
    assert tombola.call("raffles_tickets", "GET", nobody, headers=signed(ada)).json["error"] == "Raffle not found"
    for entry_point, method, rest in (
        ("raffles_create", "POST", ""),
        ("raffles_update", "PUT", f"/{raffle_id}"),
        ("raffles_draw", "POST", f"/{raffle_id}/draw"),
        ("raffles_cancel", "DELETE", f"/{raffle_id}/cancel"),
        ("raffles_stats", "GET", "/stats"),
    ):
        answer = tombola.call(entry_point, method, RAFFLES + rest, headers=signed(ada), json={})
        assert answer.status_code == 403, entry_point
    assert tombola.raffle(raffle_id).status == "active"


def test_who_won_is_for_admins(tombola: Tombola) -> None:
    raffle_id, ada = tombola.active(), a_buyer(tombola)
    assert tombola.buy(raffle_id, ada, 12).status_code == 201
    drawing = tombola.draw(raffle_id).json["drawing"]
    path = f"{RAFFLES}/{raffle_id}"
    seen = tombola.admin("raffles_get", "GET", path).json["raffle"]
    assert seen["winner"]["customerId"] == ada
    assert [one["customerId"] for one in seen["runnerUps"]] == [ada] * 10
    public = serving(tombola.platform)("raffles_get")
    for answer in (public.get(path), public.get(path, headers=signed(ada)), tombola.show(raffle_id)):
        shown = (answer.json or {})["raffle"]
        assert set(shown["winner"]) == {"ticketNumber", "drawDate"}
        assert shown["winner"]["ticketNumber"] == drawing["winner"]["ticketNumber"]
        assert all("customerId" not in one for one in shown["runnerUps"])
        assert ada not in answer.text
    assert ada not in tombola.show(raffle_id, "audit?ledger=true").text


def test_tickets_say_what_became_of_them(tombola: Tombola) -> None:
    raffle_id, ada = tombola.active(), a_buyer(tombola)
    assert tombola.buy(raffle_id, ada, 12).status_code == 201
    drawing = tombola.draw(raffle_id).json["drawing"]
    ranks = {one["ticketNumber"]: one["rank"] for one in drawing["runnerUps"]}
    found = tombola.tickets(raffle_id, ada).json
    assert (found["count"], found["paidTickets"], found["bonusTickets"]) == (12, 12, 0)
    for ticket in found["tickets"]:
        number = ticket["ticketNumber"]
        assert ticket["isWinner"] is (number == drawing["winner"]["ticketNumber"])
        assert (ticket["isRunnerUp"], ticket["runnerUpRank"]) == (number in ranks, ranks.get(number))
    assert sorted(ranks.values()) == list(range(1, 11))


def test_progress_and_figures(tombola: Tombola) -> None:
    draw_date = wire_time(tombola.now + timedelta(days=3, hours=2, minutes=1, seconds=30))
    raffle_id, other, buyer = tombola.active(drawDate=draw_date), tombola.active(ticketPrice=10), a_buyer(tombola)
    tombola.create()
    assert tombola.buy(raffle_id, buyer, 7).status_code == 201
    assert tombola.buy(other, buyer, 3).status_code == 201
    progress = tombola.show(raffle_id, "progress").json
    assert progress["timeRemaining"] == {"days": 3, "hours": 2, "minutes": 1}
    told = ("percentSold", "ticketsSold", "ticketsRemaining", "totalRevenue", "status", "drawDate")
    assert [progress[name] for name in told] == ["35.00", 7, 13, 350, "active", draw_date]
    stats = tombola.admin("raffles_stats", "GET", f"{RAFFLES}/stats").json
    assert {name: value for name, value in stats.items() if name != "generatedAt"} == {
        "success": True,
        "totalRaffles": 3,
        "activeRaffles": 2,
        "totalRevenue": "380.00",
        "totalTicketsSold": 10,
        "avgTicketPrice": "38.00",
        "byStatus": [
            {"status": "draft", "count": 1, "revenue": "0.00", "ticketsSold": 0},
            {"status": "active", "count": 2, "revenue": "380.00", "ticketsSold": 10},
        ],
    }
    tombola.advance(days=4)
    assert tombola.show(raffle_id, "progress").json["timeRemaining"] is None
    listed = tombola.call("raffles_list", "GET", RAFFLES).json
    assert (listed["count"], [shown["id"] for shown in listed["raffles"]]) == (2, [raffle_id, other])
    for what in ("", "progress", "audit"):
        answer = tombola.show("RAFFLE_none", what)
        assert (answer.status_code, answer.json["code"]) == (404, "raffle_not_found")
