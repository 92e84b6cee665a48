"""What the audit shows before and after a draw, and that anybody can check it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from shared.raffles import merkle
from shared.raffles.merkle import Receipt
from shared.values.names import snake
from tests.factories.raffle_buyers import a_buyer
from tests.factories.raffles import Tombola
from tools import verify_draw


def receipt_of(audit: dict[str, Any]) -> Receipt:
    found = {snake(name): value for name, value in audit["receipt"].items()}
    return Receipt(**{**found, "path": tuple(found["path"])})


def test_before_and_after_the_draw(tombola: Tombola, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raffle_id, ada, bob = tombola.active(), a_buyer(tombola), a_buyer(tombola)
    mine = tombola.buy(raffle_id, ada, 9).json["transaction"]
    assert tombola.buy(raffle_id, bob, 4).status_code == 201
    before = tombola.show(raffle_id, "audit?ledger=true").json
    assert [before[name] for name in ("seed", "ledgerRoot", "entropy", "picks", "drawnAt", "ledger")] == [
        None,
        None,
        None,
        [],
        None,
        [],
    ]
    early = tombola.show(raffle_id, "audit?ticket=3")
    assert (early.status_code, early.json["error"], early.json["code"]) == (
        404,
        "Ticket 3 is not in the ledger of this raffle.",
        "ticket_not_in_ledger",
    )
    assert tombola.draw(raffle_id).status_code == 200

    after = tombola.show(raffle_id, "audit?ledger=true&ticket=3").json
    assert after["seedCommitment"] == before["seedCommitment"]
    assert hashlib.sha256(bytes.fromhex(after["seed"])).hexdigest() == before["seedCommitment"]
    assert after["entropy"]["source"] == "local"
    assert "shop's own machine" in after["note"]
    assert [pick["rank"] for pick in after["picks"]] == list(range(11))
    receipt = receipt_of(after)
    assert (receipt.ticket_number, receipt.purchase_id, receipt.tickets) == (3, mine["id"], 13)
    assert receipt.root == after["ledgerRoot"]
    assert merkle.proves(raffle_id, receipt)
    assert tombola.show(raffle_id, "audit?ticket=14").status_code == 404
    for query in ("ticket=0", "ticket=x", "ledger=yes"):
        assert tombola.show(raffle_id, f"audit?{query}").status_code == 400, query

    file = tmp_path / "audit.json"
    file.write_text(json.dumps(after))
    assert verify_draw.main([str(file), "--ticket", "3"]) == 0, capsys.readouterr().out
    winner, second = after["picks"][0]["ticketNumber"], after["picks"][1]["ticketNumber"]
    after["picks"][0]["ticketNumber"], after["picks"][1]["ticketNumber"] = second, winner
    file.write_text(json.dumps(after))
    assert verify_draw.main([str(file)]) == 1
