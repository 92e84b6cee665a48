"""How a provider plugs into the simulators.

Write `local/simulators/<name>.py` with a subclass of `Provider`, and add its name to registry.py. The common base then
gives it: the process and its command line (one option for each of `parameters`), the HTTP server, the SQLite file, the
clock, 503 `seeding` until the data is there, the control API (/state /seed /traps /ledger /requests), the request log,
the traps that strike requests, and `local/simulators/process.py` for tests.

The provider writes: `tables` and `seed` (fill them, all at once, from the parameters and nothing else), `routes` (its
API), `refusal` (its error bodies), `ledger` and `counts` (from SQL), `controls` (its records' control API).
A view is called as `view(request, **path_values)` and returns an `Answer`, or raises `Refused`. Authentication is the
provider's: override `admit`. `finish` may add headers to every answer of the API.

Traps of lists are for the provider's paging to ask: `traps.cursor_expires`, `list_ended`, `page_size`, `shuffled`,
`is_garbage`, `every("edits_behind_cursor")`, `covers("empty", path)`, and the numbers `traps["duplicates"]` and
`traps["eventual"]`. `own_traps` (name → what it does) are further ones.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from local.simulators.database import Database
from local.simulators.messages import Answer, Request, View
from local.simulators.traps import Strike, Traps
from shared.platform.clock import Clock

Route = tuple[str, str, View]


@dataclass(frozen=True)
class Parameters:
    """What a data set is made of: `numbers` by the names of `Provider.parameters`, and its last moment."""

    numbers: Mapping[str, int]
    until: datetime

    def __getitem__(self, name: str) -> int:
        return self.numbers[name]


class Provider(ABC):
    """One provider's account. Threads share it."""

    name: ClassVar[str]
    # Name → default; `seed` and `days` should be among them.
    parameters: ClassVar[Mapping[str, int]]
    # What /ledger knows.
    streams: ClassVar[Sequence[str]]
    # SQL that makes the tables, empty.
    tables: ClassVar[str]
    own_traps: ClassVar[Mapping[str, str]] = {}
    # Beginnings of the API's paths; everything else is the control API's.
    prefixes: ClassVar[tuple[str, ...]]

    def __init__(self, database: Database, traps: Traps, clock: Clock) -> None:
        self.database = database
        self.traps = traps
        self.clock = clock

    @classmethod
    @abstractmethod
    def environment(cls, url: str) -> dict[str, str]:
        """The functions' variables for a simulator at this URL, fresh from its first start."""

    def beside(self, port: int) -> None:  # noqa: B027 - most serve nothing else
        """Start what it serves otherwise than by HTTP, on the port behind `port` and no other: both are kept free."""

    @abstractmethod
    def seed(self, parameters: Parameters) -> None:
        """Fill the empty tables. The same parameters give the same data."""

    @abstractmethod
    def seeded(self, parameters: Parameters) -> None:
        """The data is there: at the start, and after `seed`. What depends on the parameters is made here."""

    @abstractmethod
    def routes(self) -> Sequence[Route]:
        """The provider's API."""

    @abstractmethod
    def controls(self) -> Sequence[Route]:
        """Its part of the control API. Views raise `Wrong` with a sentence."""

    @abstractmethod
    def refusal(self, strike: Strike) -> Answer:
        """The provider's own body for what a trap does. Kinds: see `Strike`, and `unknown_path`, `wrong_method`."""

    @abstractmethod
    def ledger(self, stream: str, start: datetime | None, end: datetime | None) -> dict[str, Any]:
        """The truth by SQL, of what was created in [start, end):
        {count, cents, newest, places: [{location, day, count, cents, newest}], garbage: [ids]}.
        """

    @abstractmethod
    def counts(self) -> dict[str, int]:
        """Records by kind, for /state."""

    @abstractmethod
    def admit(self, request: Request) -> None:
        """Raises `Refused` for a caller who may not."""

    @abstractmethod
    def finish(self, request: Request, answer: Answer) -> None:
        """Add what every answer of the API carries."""
