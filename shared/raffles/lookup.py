"""Who has bought the tickets that were picked: for the one function that shows it, and opens it with the key."""

from __future__ import annotations

from shared.platform.context import Platform
from shared.raffles.models import Buyer, Pick, Raffle
from shared.raffles.repository import Raffles
from shared.raffles.vault import Vault


def picked(platform: Platform, raffle: Raffle) -> list[tuple[Pick, Buyer]]:
    """The winner and the runner-ups with who they are, which only an admin may see. Raises `Unavailable`."""
    raffles, vault = Raffles(platform), Vault(platform)
    found = list[tuple[Pick, Buyer]]()
    for pick in raffle.drawing.picks if raffle.drawing else ():
        purchase = raffles.purchase(raffle.id, pick.purchase_id)
        found.append((pick, vault.buyer(purchase[0]) if purchase else Buyer()))
    return found
