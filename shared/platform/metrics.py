"""What functions measure: counts and latencies, added up in memory and written to Firestore as deltas.

`metrics/{function}/minutes/{yyyymmddHHMM}` has what all instances measured in that minute, `metrics/{function}` its
counts since the beginning. Every write adds (`Increment`), so nobody has to read before; of a function an instance
writes one document every ten seconds at most.

Failure policy: measuring neither fails nor holds up what is measured. What Firestore does not take is written the next
time, and an hour of it is kept; a commit whose answer was lost may count twice. An instance that serves nothing has no
CPU: its timer goes on with the next request, and at SIGTERM it writes what is left. What is unwritten when an instance
is killed is lost.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING
from weakref import WeakSet

from shared.platform import firestore, tally
from shared.platform.clock import Clock
from shared.platform.histograms import MOST, bucket_of, field_of

if TYPE_CHECKING:
    from google.cloud.firestore import Client, DocumentReference

COLLECTION, MINUTES = "metrics", "minutes"
COUNTS, LATENCIES = "counts", "latencies"
APART_SECONDS = 10.0
# One in six of these writes is for the counts since the beginning, which nobody watches by the minute.
TOTALS_APART_SECONDS = 60.0
KEPT = timedelta(days=3)
# Cloud Run gives an instance ten seconds to end.
COMMIT_SECONDS = 3.0
# Firestore adds to 500 fields of a document in one commit; three commits have room for every bucket.
MOST_FIELDS, MOST_COMMITS = 400, 3
MOST_MINUTES = 60
OWN_WRITE = f"{COUNTS}.firestore_writes"
MINUTE = "%Y%m%d%H%M"
# In place of a minute: the counts since the beginning.
TOTALS = ""
# In place of a function: commands, which are none.
ELSEWHERE = "elsewhere"

# Function, and minute or TOTALS: which document is added to.
Document = tuple[str, str]
# Field path → what is added to it.
Delta = Mapping[str, int]

log = logging.getLogger(__name__)
_serving: ContextVar[str] = ContextVar("serving", default="")
_live: WeakSet[Metrics] = WeakSet()


class Metrics:
    """This instance's part. `connect` gives the Firestore client, when something is written for the first time.

    `default`: the function that a thread measures for which does not know it.
    """

    def __init__(self, connect: Callable[[], Client], clock: Clock, default: str = ELSEWHERE) -> None:
        self._connect = connect
        self._clock = clock
        self._default = default
        self._guard = threading.Lock()
        # Held while something is on its way: then it is neither here nor there.
        self._writing = threading.RLock()
        self._waiting: dict[Document, Counter[str]] = {}
        self._timer: threading.Timer | None = None
        self._totals_due: dict[str, float] = {}
        self._known_minute = (-1.0, "")
        _live.add(self)

    def count(self, name: str, amount: int = 1) -> None:
        """Add to a count. Neither raises nor waits for anything but other threads that count."""
        self._add([(f"{COUNTS}.{name}", amount)])

    def observe(self, name: str, milliseconds: float) -> None:
        """Add to a histogram. Neither raises nor waits for anything but other threads that count."""
        microseconds, bucket = int(min(max(0.0, milliseconds), MOST) * 1000), field_of(bucket_of(milliseconds))
        self._add([(f"{LATENCIES}.{name}.microseconds", microseconds), (f"{LATENCIES}.{name}.buckets.{bucket}", 1)])

    @contextmanager
    def serving(self, function: str) -> Iterator[None]:
        """What the block measures, and what it asks of Firestore, is this function's."""
        asked = tally.Tally()
        named, told = _serving.set(function), tally.current.set(asked)
        try:
            yield
        finally:
            self._add([(f"{COUNTS}.{name}", number) for name, number in vars(asked).items()])
            tally.current.reset(told)
            _serving.reset(named)

    def flush(self) -> None:
        """Write all that waits. Does not raise; what Firestore does not take is kept."""
        for _ in range(MOST_COMMITS):
            if not self._write(everything=True):
                return

    def forget(self) -> None:
        """Drop all that waits, and the timer. What is on its way arrives first."""
        with self._writing, self._guard:
            self._waiting.clear()
            self._stop_timer()
            self._timer = None

    @contextmanager
    def unwritten(self) -> Iterator[Mapping[Document, Delta]]:
        """What waits. It stays here while the block runs: who reads Firestore meanwhile finds nothing of it there."""
        with self._writing:
            with self._guard:
                found = {document: dict(delta) for document, delta in self._waiting.items()}
            yield found

    def _add(self, added: Sequence[tuple[str, int]]) -> None:
        added = [(field, amount) for field, amount in added if amount]
        if not added:
            return
        function, minute = _serving.get() or self._default, self._minute()
        with self._guard:
            of_minute = self._delta(function, minute)
            for field, amount in added:
                of_minute[field] += amount
                if field.startswith(COUNTS):
                    self._delta(function, TOTALS)[field] += amount
            self._start_timer()

    def _delta(self, function: str, minute: str) -> Counter[str]:
        return self._waiting.setdefault((function, minute), Counter())

    def _minute(self) -> str:
        """That of now. Writing it down takes longer than all the rest of counting, so it is kept."""
        now = self._clock.now()
        number = now.timestamp() // 60
        if self._known_minute[0] != number:
            self._known_minute = (number, now.strftime(MINUTE))
        return self._known_minute[1]

    def _start_timer(self) -> None:
        if self._timer is None and self._waiting:
            self._timer = threading.Timer(APART_SECONDS, self._write)
            self._timer.daemon = True
            # A process that is ending starts no thread any more: it writes at its end.
            with suppress(RuntimeError):
                self._timer.start()

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _write(self, *, everything: bool = False) -> bool:
        """One document of each function, or every one. Whether more waits that may be tried at once."""
        with self._writing:
            with self._guard:
                self._stop_timer()
                taken = {document: self._take(document) for document in self._due(everything=everything)}
            written = not taken or self._written(taken)
            with self._guard:
                # Only now: the ten seconds begin with the end of a write.
                self._timer = None
                self._start_timer()
                return written and bool(self._waiting)

    def _due(self, *, everything: bool) -> Sequence[Document]:
        if everything:
            return list(self._waiting)
        oldest = dict(sorted((document for document in self._waiting if document[1] != TOTALS), reverse=True))
        return [(function, self._turn(function, oldest.get(function))) for function in {f for f, _ in self._waiting}]

    def _turn(self, function: str, oldest: str | None) -> str:
        """The oldest minute; once in a while the totals instead, but not instead of a minute that is over."""
        now = self._clock.monotonic()
        due = self._totals_due.setdefault(function, now + TOTALS_APART_SECONDS)
        if oldest:
            over = oldest < self._minute()
            if over or now < due or (function, TOTALS) not in self._waiting:
                return oldest
        self._totals_due[function] = now + TOTALS_APART_SECONDS
        return TOTALS

    def _take(self, document: Document) -> Counter[str]:
        """As much as fits into a commit, and the write itself."""
        waiting = self._waiting.pop(document)
        taken = Counter(dict(islice(waiting.items(), MOST_FIELDS)))
        if rest := waiting - taken:
            self._waiting[document] = rest
        taken[OWN_WRITE] += 1
        return taken

    def _written(self, taken: Mapping[Document, Counter[str]]) -> bool:
        try:
            self._commit(taken)
        except Exception as error:  # noqa: BLE001 - see the failure policy above
            log.warning("metrics_kept", extra={"reason": type(error).__name__})
            self._keep(taken)
            return False
        return True

    def _commit(self, taken: Mapping[Document, Delta]) -> None:
        client = self._connect()
        batch = client.batch()
        for (function, minute), delta in taken.items():
            totals = client.collection(COLLECTION).document(function)
            if minute == TOTALS:
                now = int(self._clock.now().timestamp() * 1000)
                firestore.increase(batch, totals, {}, delta, least={"since": now})
            else:
                expiry = datetime.strptime(minute, MINUTE).replace(tzinfo=UTC) + KEPT
                firestore.increase(batch, _of_minute(totals, minute), {"expireAt": expiry}, delta)
        firestore.commit(batch, COMMIT_SECONDS)

    def _keep(self, taken: Mapping[Document, Counter[str]]) -> None:
        with self._guard:
            for document, delta in taken.items():
                delta[OWN_WRITE] -= 1
                self._waiting[document] = +delta + self._waiting.get(document, Counter())
            too_old = sorted({minute for _, minute in self._waiting} - {TOTALS})[:-MOST_MINUTES]
            for document in [document for document in self._waiting if document[1] in too_old]:
                del self._waiting[document]


def _of_minute(totals: DocumentReference, minute: str) -> DocumentReference:
    return totals.collection(MINUTES).document(minute)


def forget_all() -> None:
    """Of every instance in this process: for who has no Firestore any more, and for tests of many projects."""
    for metrics in list(_live):
        metrics.forget()


@atexit.register
def _flush_all() -> None:
    """gunicorn ends its workers at SIGTERM by leaving the interpreter in order."""
    for metrics in list(_live):
        metrics.flush()
