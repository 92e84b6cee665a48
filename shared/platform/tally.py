"""What a request or message asks of the services that bill by use; threads that work for it tally for it too."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")


@dataclass
class Tally:
    """Documents read, documents written or deleted, bytes that queries are billed for.

    Threads that add at the same moment may lose one: it is for an estimate.
    """

    firestore_reads: int = 0
    firestore_writes: int = 0
    query_bytes_billed: int = 0


# Of what is being served here.
current: ContextVar[Tally | None] = ContextVar("tally", default=None)


def add(*, reads: int = 0, writes: int = 0, billed: int = 0) -> None:
    tally = current.get()
    if tally:
        tally.firestore_reads += reads
        tally.firestore_writes += writes
        tally.query_bytes_billed += billed


def carried(work: Callable[..., Result]) -> Callable[..., Result]:
    """`work` for other threads, in this one's context: what it tallies, measures and logs is one request's."""
    context = copy_context()
    # A context is entered by one thread at a time: each call has a copy.
    return lambda *arguments: context.copy().run(work, *arguments)
