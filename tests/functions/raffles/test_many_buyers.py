"""Five hundred buyers of the last hundred tickets, through three processes at once; and one who asks many times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.factories.club import NEVER
from tests.factories.processes import FunctionProcess
from tests.factories.raffle_buyers import TAKEN, a_buyer, a_gold_buyer, bonuses, taken_of
from tests.factories.raffles import PRICE, RAFFLES, Tombola
from tests.factories.tokens import bearer

pytestmark = [pytest.mark.xdist_group("raffles-processes"), pytest.mark.timeout(240)]

PROCESSES, THREADS = 3, 20
BUYERS, LEFT = 500, 100


@pytest.fixture
def three(tombola: Tombola, tmp_path: Path) -> Iterator[list[FunctionProcess]]:
    """Processes of purchase in the shop's project."""
    variables = {name: value for name, value in tombola.variables.items() if name.startswith(("AUTHORIZE", "CLOCK"))}
    with ExitStack() as stack:
        processes = [
            FunctionProcess("raffles_purchase", tombola.project, tmp_path / f"{number}.log", **variables)
            for number in range(PROCESSES)
        ]
        for process in processes:
            stack.callback(process.stop)
        yield [process.ready() for process in processes]


def buy(process: FunctionProcess, raffle_id: str, customer: str) -> requests.Response:
    """Over a connection of its own: one that is kept may be closed at the moment it is used again."""
    body = {
        "customerId": customer,
        "customerEmail": f"{customer}@example.com",
        "customerName": "Ada Example",
        "numTickets": 1,
        "paymentMethod": {"type": "card", "token": f"tok_visa_{customer}"},
    }
    headers = bearer("customer", customer, exp=NEVER)
    return requests.post(f"{process.url}{RAFFLES}/{raffle_id}/purchase", json=body, headers=headers, timeout=60)


def all_at_once(three: Sequence[FunctionProcess], raffle_id: str, customers: Sequence[str]) -> list[Any]:
    """The answers; each process gets every third buyer, from as many threads as it can serve."""

    def share(number: int) -> list[requests.Response]:
        with ThreadPoolExecutor(THREADS) as threads:
            mine = customers[number::PROCESSES]
            return list(threads.map(lambda one: buy(three[number], raffle_id, one), mine))

    with ThreadPoolExecutor(PROCESSES) as shares:
        return [answer for answers in shares.map(share, range(PROCESSES)) for answer in answers]


def test_three_processes(three: list[FunctionProcess], tombola: Tombola) -> None:
    """In one test, because the processes take longer to start than all that they are asked."""
    of_the_last_hundred_none_is_sold_twice(three, tombola)
    a_gold_member_has_the_bonus_once(three, tombola)


def of_the_last_hundred_none_is_sold_twice(three: list[FunctionProcess], tombola: Tombola) -> None:
    first, *buyers = [a_buyer(tombola) for _ in range(1 + BUYERS)]
    raffle_id = tombola.active(maxTickets=LEFT + 100)
    assert tombola.buy(raffle_id, first, 100).status_code == 201

    answers = all_at_once(three, raffle_id, buyers)

    assert Counter(answer.status_code for answer in answers) == {201: LEFT, 400: BUYERS - LEFT}
    refused = {answer.json()["error"] for answer in answers if answer.status_code == 400}
    assert refused <= {"Raffle is not active. Current status: sold_out", "Only 0 tickets remaining"}
    sold = [number for a in answers if a.status_code == 201 for number in a.json()["transaction"]["ticketNumbers"]]
    assert sorted(sold) == list(range(101, 101 + LEFT))
    assert tombola.raffle(raffle_id).status == "sold_out"
    tombola.check_money(raffle_id)
    taken = [found for found in taken_of(tombola, raffle_id) if found["status"] in TAKEN]
    assert (len(taken), sum(found["cents"] for found in taken)) == (1 + LEFT, (100 + LEFT) * PRICE)


def a_gold_member_has_the_bonus_once(three: list[FunctionProcess], tombola: Tombola) -> None:
    raffle_id, member = tombola.active(maxTickets=100), a_gold_buyer(tombola)
    answers = all_at_once(three, raffle_id, [member] * 12)
    assert Counter(answer.status_code for answer in answers) == {201: 12}
    given = sorted(answer.json()["transaction"]["bonusEntries"] for answer in answers)
    assert given == [0] * 11 + [5]
    assert list(bonuses(tombola, raffle_id).values()) == [1]
    raffle = tombola.raffle(raffle_id)
    assert (raffle.paid, raffle.bonus) == (12, 5)
    tombola.check_money(raffle_id)
