"""Rate limits that hold over all instances without a Firestore write per request.

Time is cut into slots of 10 s. An instance leases permits in blocks for the current slot and spends them there; what it
did not spend goes back with its next lease. `rate_limits/{key}` counts the permits of the current slot and the six
before it, so that no 60 s interval, wherever it starts, can contain more than the limit.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared.platform import firestore
from shared.platform.clock import Clock
from shared.platform.contention import until_unchanged
from shared.platform.errors import Contended, Unavailable
from shared.platform.ids import Ids

if TYPE_CHECKING:
    from google.cloud.firestore import Client

COLLECTION = "rate_limits"
WINDOW_SECONDS = 60
SLOT_SECONDS = 10
# A 60 s interval touches at most seven slots.
SLOTS = WINDOW_SECONDS // SLOT_SECONDS + 1
KEYS_KEPT = 10_000
# A limit must not hold up the request it protects, nor those that queue behind it while Firestore does not answer.
LEASE_SECONDS = 1.0
PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class Decision:
    """Whether one request may pass. `remaining` is this instance's view; `reset_seconds` until permits come back.

    `newly_blocked` is true for the first refusal after a pass, so that an attack is recorded once, not per request.
    """

    allowed: bool
    remaining: int
    reset_seconds: int
    newly_blocked: bool = False


@dataclass(frozen=True)
class Grant:
    slot: int
    granted: int
    free: int
    oldest_slot: int


@dataclass
class _Account:
    """What this instance holds for one key."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    slot: int = -1
    left: int = 0
    block: int = 0
    free: int = 0
    oldest_slot: int = 0
    blocked: bool = False
    unused: dict[int, int] = field(default_factory=dict)


class PermitStore:
    """Leases from Firestore, and the permits that this instance has left."""

    def __init__(self, client: Client, clock: Clock, ids: Ids) -> None:
        self._client = client
        self._clock = clock
        self._ids = ids
        self._accounts: OrderedDict[str, _Account] = OrderedDict()
        self._lock = threading.Lock()
        self._paused_until = float("-inf")

    def admit(self, key: str, limit: int, seconds: float = LEASE_SECONDS) -> Decision:
        """Spend one permit of `key`, whose limit is `limit` a minute.

        Raises `Unavailable` when a read or a write of Firestore is not answered in `seconds`.
        """
        account = self._account(key)
        with account.lock:
            slot = self._slot()
            if account.slot != slot:
                _turn(account, slot, limit)
            if account.left == 0 and not account.blocked:
                self._refill(account, key, limit, seconds)
            return self._spend(account)

    def _spend(self, account: _Account) -> Decision:
        reset = max(1, (account.oldest_slot + SLOTS) * SLOT_SECONDS - int(self._clock.now().timestamp()))
        if account.left > 0:
            account.left -= 1
            return Decision(True, account.left + account.free, reset)
        newly, account.blocked = not account.blocked, True
        return Decision(False, 0, reset, newly_blocked=newly)

    def _refill(self, account: _Account, key: str, limit: int, seconds: float) -> None:
        if self._clock.monotonic() < self._paused_until:
            raise Unavailable("Firestore did not answer a moment ago.")
        # After a lost answer nobody knows whether they went back: giving them back twice would break the limit.
        unused, account.unused = account.unused, {}
        grant = self._lease(key, limit, account.block, unused, seconds)
        account.slot, account.left = grant.slot, grant.granted
        account.free, account.oldest_slot = grant.free, grant.oldest_slot
        account.block = min(account.block * 2, max(1, limit // 10))

    def _lease(self, key: str, limit: int, want: int, unused: dict[int, int], seconds: float) -> Grant:
        name = hashlib.sha256(key.encode()).hexdigest()
        try:
            return until_unchanged(lambda: self._try_lease(name, limit, want, unused, seconds), self._clock, self._ids)
        except Contended:
            raise
        except Unavailable:
            self._paused_until = self._clock.monotonic() + PAUSE_SECONDS
            raise

    def _try_lease(self, name: str, limit: int, want: int, unused: dict[int, int], seconds: float) -> Grant:
        reference = self._client.collection(COLLECTION).document(name)
        seen = firestore.read(reference, seconds)
        grant, counts = _decide(seen.data["slots"] if seen else {}, self._slot(), limit, want, unused)
        if grant.granted or unused:
            batch = self._client.batch()
            leases = seen.data["leases"] + 1 if seen else 1
            document = {"slots": counts, "limit": limit, "leases": leases, "expireAt": _expiry(grant.slot)}
            firestore.put(batch, reference, document, seen)
            firestore.commit(batch, seconds)
        return grant

    def _account(self, key: str) -> _Account:
        with self._lock:
            account = self._accounts.get(key) or _Account()
            self._accounts[key] = account
            self._accounts.move_to_end(key)
            if len(self._accounts) > KEYS_KEPT:
                self._accounts.popitem(last=False)
            return account

    def _slot(self) -> int:
        return int(self._clock.now().timestamp()) // SLOT_SECONDS


def _turn(account: _Account, slot: int, limit: int) -> None:
    """A new slot: what is left of the old one can no longer be spent and will be given back."""
    if account.left:
        account.unused[account.slot] = account.unused.get(account.slot, 0) + account.left
    account.slot, account.left, account.blocked = slot, 0, False
    account.block = max(1, limit // 50)


def _decide(
    stored: dict[str, int], slot: int, limit: int, want: int, unused: dict[int, int]
) -> tuple[Grant, dict[str, int]]:
    counts = {int(s): n for s, n in stored.items() if slot - SLOTS < int(s) < slot + SLOTS}
    for old, left in unused.items():
        if old in counts:
            counts[old] = max(0, counts[old] - left)
    free = limit - sum(counts.values())
    # Near the limit blocks shrink, so that the last permits are not stranded on one instance.
    granted = max(0, min(want, (free + 1) // 2))
    counts[slot] = counts.get(slot, 0) + granted
    kept = {s: n for s, n in counts.items() if n > 0}
    grant = Grant(slot, granted, max(0, free - granted), min(kept, default=slot))
    return grant, {str(s): n for s, n in kept.items()}


def _expiry(slot: int) -> datetime:
    return datetime.fromtimestamp((slot + SLOTS) * SLOT_SECONDS, UTC) + timedelta(minutes=5)


class OwnWindow:
    """The fall-back while Firestore cannot answer: the same slots, counted for this instance alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._slots: dict[str, dict[str, int]] = {}

    def admit(self, key: str, limit: int) -> Decision:
        slot = int(self._clock.now().timestamp()) // SLOT_SECONDS
        with self._lock:
            if len(self._slots) > KEYS_KEPT:
                self._slots.clear()
            grant, self._slots[key] = _decide(self._slots.get(key, {}), slot, limit, 1, {})
        reset = (grant.oldest_slot + SLOTS - slot) * SLOT_SECONDS
        return Decision(grant.granted == 1, grant.free, reset)
