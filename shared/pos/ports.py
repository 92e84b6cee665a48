"""What is asked of a provider. `shared/integrations/<company>.py` answers it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from shared.pos.catalogue import Catalogue
from shared.pos.models import Page, Row, Slice, Stream


class Source(Protocol):
    """A provider's account, for the sync. Its methods may be called from many threads at once.

    Every method raises `AuthFailed`, `SourceRefused` or `SourceUnavailable` (errors.py), the last one after the
    client's own retries.
    """

    @property
    def name(self) -> str: ...

    @property
    def mode(self) -> str:
        """models.LIVE or models.MOCK"""

    @property
    def streams(self) -> Sequence[Stream]: ...

    def locations(self, stream: Stream) -> Sequence[str]:
        """The ids of all locations that `read` must be asked for; `("",)` where the provider knows none."""

    def read(self, stream: Stream, part: Slice) -> Iterator[Page]:
        """A dated stream's records in the slice, page after page. Raises `CursorExpired` to be read from the start.

        A record may come twice, in any order and in a stale version: the reader keeps the newest. Records outside the
        slice are harmless.
        """

    def changed(self, stream: Stream, part: Slice) -> Iterator[Page]:
        """Of a stream that is not dated: what changed in the slice, deleted records included where they can be seen."""

    def listed(self, stream: Stream) -> Iterator[Page]:
        """All that a stream that is not dated has now, without what is deleted."""

    def objects(self, stream: Stream, ids: Sequence[str]) -> Iterator[Page]:
        """The records of these ids as they are now; what is not there any more is left out."""


class SquareAccount(Protocol):
    """Square, for a caller who waits. Raises as `Source` does, and `SuddenlyEmpty`."""

    def catalogue(self) -> Catalogue:
        """What is for sale now."""

    def payments(self, days: Sequence[tuple[datetime, datetime]]) -> Sequence[Row]:
        """Of any [start, end), as rows of analytics.square_payments; one may come twice."""
