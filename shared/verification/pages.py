"""Going through verifications by their expiry: page by page, each page a commit, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.platform.clock import Clock
from shared.platform.errors import ChangedMeanwhile
from shared.platform.outbox import Outgoing
from shared.verification.models import Verification
from shared.verification.repository import Found, Place, VerificationRepository

# Two documents each, far below what one commit may hold.
PAGE = 100
# A record, how it is afterwards, and what leaves with the change.
Change = tuple[Found, Verification, Outgoing]


def save(repository: VerificationRepository, changes: Sequence[Change]) -> list[Change]:
    """In one commit, or, when one of them has changed meanwhile, each for itself; those that were saved.

    Failure policy: who was changed meanwhile is left to the next run, and holds up nobody else.
    """
    if not changes:
        return []
    try:
        repository.save_noted(changes)
    except ChangedMeanwhile:
        return [one for one in changes if _saved(repository, one)]
    return list(changes)


def walk(
    clock: Clock,
    read: Callable[[Place | None], Sequence[Found]],
    work: Callable[[Sequence[Found]], None],
    after: Place | None,
    seconds: float,
    size: int,
) -> Place | None:
    """Work on page after page, of `size` records, for about so long; where to go on, or None at the end."""
    until = clock.monotonic() + seconds
    while True:
        page = read(after)
        work(page)
        if len(page) < size:
            return None
        after = page[-1].place
        if clock.monotonic() > until:
            return after


def place_of(data: Mapping[str, Any]) -> Place | None:
    """From a message that goes on; None from the schedule's."""
    after = data.get("after")
    return Place(datetime.fromisoformat(after["expiresAt"]), after["customerHash"]) if after else None


def message_of(place: Place) -> dict[str, Any]:
    """The opposite of `place_of`."""
    return {"after": {"expiresAt": place.expires_at.isoformat(), "customerHash": place.customer_hash}}


def _saved(repository: VerificationRepository, change: Change) -> bool:
    try:
        repository.save_noted([change])
    except ChangedMeanwhile:
        return False
    return True
