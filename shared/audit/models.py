"""Tables, rows and links of the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

CHAIN_COLUMNS = ("chain_sequence", "previous_hash", "row_hash")


@dataclass(frozen=True)
class Table:
    """One file of infra/schemas: where rows of these event types go, and their columns (name → type)."""

    dataset: str
    name: str
    columns: dict[str, str]
    required: frozenset[str]
    events: tuple[str, ...]

    @property
    def full_name(self) -> str:
        return f"{self.dataset}.{self.name}"


@dataclass(frozen=True)
class Link:
    """A row's place in the chain of its day, decided once for an event."""

    sequence: int
    previous_hash: str
    row_hash: str


@dataclass(frozen=True)
class Head:
    """The last link of a day's chain as Firestore knows it."""

    sequence: int
    row_hash: str


@dataclass(frozen=True)
class Break:
    """The first row that does not fit. `kind`: altered, missing, duplicate or extra."""

    table: str
    day: str
    sequence: int
    event_id: str
    kind: str
    explanation: str


Row = dict[str, Any]
