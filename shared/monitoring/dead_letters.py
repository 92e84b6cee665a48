"""Messages that were given up, as they are parked (docs/decisions/0025): counted, listed and looked at without a key.

`dead_letters/{message id}` holds one, sealed, until it is resolved; what is left then says that it was, for 90 days.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.platform import firestore
from shared.platform.context import Platform

COLLECTION = "dead_letters"
PARKED, REPLAYED, DISCARDED = "parked", "replayed", "discarded"


@dataclass(frozen=True)
class Parked:
    """What is known of one without opening it. `function`: who gave it up, by its deployed name."""

    id: str
    state: str
    function: str
    topic: str
    tries: int
    parked_at: datetime
    published_at: datetime
    attributes: str
    content: str
    resolved_at: datetime | None = None


class DeadLetters:
    """Reads what is parked."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def count(self) -> int:
        """How many are parked: neither published again nor thrown away. Raises `Unavailable`."""
        query = self._platform.firestore.collection(COLLECTION).where(filter=_parked())
        with firestore.translated():
            return int(query.count().get(**firestore.in_time())[0][0].value)

    def parked(self) -> list[Parked]:
        """Those that are, oldest first. Raises `Unavailable`."""
        query = self._platform.firestore.collection(COLLECTION).where(filter=_parked())
        with firestore.translated():
            documents = list(firestore.counted(query.stream(**firestore.in_time())))
        found = [_letter(one.id, one.to_dict() or {}) for one in documents]
        return sorted(found, key=lambda letter: (letter.parked_at, letter.id))

    def get(self, letter_id: str) -> Parked | None:
        """Also one that was resolved. Raises `Unavailable`."""
        seen = firestore.read(self._platform.firestore.collection(COLLECTION).document(letter_id))
        return _letter(letter_id, seen.data) if seen else None


def _parked() -> Any:
    from google.cloud.firestore import FieldFilter

    return FieldFilter("state", "==", PARKED)


def _letter(letter_id: str, data: dict[str, Any]) -> Parked:
    return Parked(
        id=letter_id,
        state=data["state"],
        function=data["function"],
        topic=data["topic"],
        tries=data["tries"],
        parked_at=data["parkedAt"],
        published_at=data["publishedAt"],
        attributes=data["attributes"],
        content=data["content"],
        resolved_at=data.get("resolvedAt"),
    )


def by_function(letters: list[Parked]) -> Iterator[tuple[str, int]]:
    """How many each has given up, the most first."""
    names = [letter.function for letter in letters]
    yield from sorted(((name, names.count(name)) for name in set(names)), key=lambda found: (-found[1], found[0]))
