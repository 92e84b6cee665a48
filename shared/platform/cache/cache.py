"""The cache: look up, load once for everybody, refresh, serve what there is when nothing can be loaded."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from functools import partial

from shared.platform.cache import rules
from shared.platform.cache.flights import Flights
from shared.platform.cache.memory import Memory
from shared.platform.cache.models import COUNTED, Found, Head, Params, State, View
from shared.platform.cache.refreshes import Refreshes
from shared.platform.cache.rules import Verdict
from shared.platform.cache.store import CacheStore, Entry, StoreDown
from shared.platform.context import Platform
from shared.platform.errors import RETRY_SENTENCE, ChangedMeanwhile, Failure, Unavailable

# Longer than a lease: who has waited that long finds the lease of a crashed instance over.
WAIT_SECONDS = 15.0
POLL_SECONDS = 0.05
# How long an instance does without Firestore once it has not answered.
STORE_REST_SECONDS = 5.0

log = logging.getLogger(__name__)


class Cache:
    """One for each instance. The entries are everybody's."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._clock = platform.clock
        self._store = CacheStore(platform.firestore, platform.clock)
        self._memory = Memory()
        self._flights: Flights[Found] = Flights()
        self._refreshes = Refreshes(platform.publisher, platform.clock)
        self._store_rests_until = float("-inf")

    @classmethod
    def on(cls, platform: Platform) -> Cache:
        return platform.once(cls, lambda: cls(platform))

    def get(self, view: View, params: Params) -> Found:
        """The value of `view` for `params`. Raises what `view.load` raises when there is none to serve instead."""
        started, state = self._clock.monotonic(), None
        try:
            found = self._find(view, params, rules.key_of(view, params))
            state = found.state
        finally:
            self._measure(state, self._clock.monotonic() - started)
        return found

    def _measure(self, state: State | None, seconds: float) -> None:
        """A failed lookup has no state."""
        self._platform.metrics.count(COUNTED[state])
        self._platform.metrics.count("cache_microseconds", int(seconds * 1_000_000))

    def refresh(self, view: View, params: Params) -> None:
        """Load anew unless it is fresh. Failure policy: a failed load is noted; who asks next is served the last value.

        Raises `Unavailable` when Firestore does not answer.
        """
        key = rules.key_of(view, params)
        try:
            self._fly(view, params, key, self._store.entry(key))
        except StoreDown as error:
            raise Unavailable(RETRY_SENTENCE) from error
        except Failure as failure:
            log.warning("refresh_failed", extra={"view": view.name, "code": failure.code})

    # --- with Firestore

    def _find(self, view: View, params: Params, key: str) -> Found:
        if self._clock.monotonic() < self._store_rests_until:
            return self._without_store(view, params, key)
        try:
            return self._look_up(view, params, key)
        except StoreDown:
            self._store_rests_until = self._clock.monotonic() + STORE_REST_SECONDS
            log.warning("cache_without_store", extra={"view": view.name})
            return self._without_store(view, params, key)

    def _look_up(self, view: View, params: Params, key: str) -> Found:
        entry, now = self._store.entry(key), self._clock.now()
        verdict = rules.judge(entry.head if entry else None, view, now)
        found = None
        if entry and verdict is Verdict.FRESH:
            found = self._served(view, key, entry, State.HIT)
        if entry and verdict is Verdict.STALE:
            found = self._stale(view, params, key, entry)
        if found:
            return found
        return self._fly(view, params, key, entry)

    def _stale(self, view: View, params: Params, key: str, entry: Entry) -> Found | None:
        """At once, and somebody else refreshes it. When the last refresh has failed, that is told."""
        found = self._served(view, key, entry, State.DEGRADED if entry.head.failures else State.STALE)
        if found and not rules.resting(entry.head, self._clock.now()):
            self._refreshes.ask(key, view, params)
        return replace(found, error=entry.head.error) if found else None

    def _fly(self, view: View, params: Params, key: str, entry: Entry | None) -> Found:
        """One thread of this instance settles it, the others wait for that one.

        Who comes after an invalidation does not wait for what was being loaded before it.
        """
        flight = f"{key} {entry.head.epoch if entry else 0}"
        found, joined = self._flights.run(flight, partial(self._settle, view, params, key, entry))
        return _collapsed(found) if joined else found

    def _settle(self, view: View, params: Params, key: str, entry: Entry | None) -> Found:
        """Load, or wait for whoever is loading, until there is an answer. `entry`: as it was just read."""
        waited, until = False, self._clock.monotonic() + WAIT_SECONDS
        while True:
            now = self._clock.now()
            head = entry.head if entry else None
            if entry and rules.judge(head, view, now) is Verdict.FRESH:
                found = self._served(view, key, entry, State.COLLAPSED if waited else State.HIT)
                if found:
                    return found
            if entry and view.keep and rules.resting(head, now):
                return self._degraded(view, key, entry, Unavailable(entry.head.error))
            if not rules.leased(head, now):
                try:
                    return self._load(view, params, key, entry)
                except ChangedMeanwhile:
                    pass  # somebody took the lease, or invalidated what was being loaded
            if self._clock.monotonic() > until:
                return self._degraded(view, key, entry, Unavailable(RETRY_SENTENCE, headers={"Retry-After": "2"}))
            waited = True
            self._clock.sleep(POLL_SECONDS)
            entry = self._store.entry(key)

    def _load(self, view: View, params: Params, key: str, entry: Entry | None) -> Found:
        """Take the lease, load, store. Raises `ChangedMeanwhile` when somebody else has it, or took it."""
        owned = self._lease(view, params, key, entry)
        try:
            version = view.version(self._platform, params)
            if rules.still_right(owned.head, version.text):
                found = self._stamped(view, key, replace(owned.head, mode=version.mode), owned)
                if found:
                    return found
            started = self._clock.monotonic()
            value = view.load(self._platform, params)
        except Failure as failure:
            self._note_failure(key, owned, failure)
            return self._degraded(view, key, owned, failure)
        except BaseException:
            # Nobody waits for us until the lease is over.
            with suppress(StoreDown, ChangedMeanwhile):
                self._store.put(key, _released(owned.head), owned)
            raise
        now = self._clock.now()
        loaded = replace(
            _well(owned.head),
            loaded_at=now,
            checked_at=now,
            version=version.text,
            mode=version.mode,
            etag=rules.etag_of(value),
            load_ms=int((self._clock.monotonic() - started) * 1000),
        )
        return self._saved(view, key, loaded, value, owned)

    def _lease(self, view: View, params: Params, key: str, entry: Entry | None) -> Entry:
        owner, now = self._platform.ids.new("lease"), self._clock.now()
        known = entry.head if entry else Head(view=view.name, params=dict(params))
        return self._store.put(key, replace(known, lease_owner=owner, lease_until=now + rules.LEASE), entry)

    def _stamped(self, view: View, key: str, head: Head, owned: Entry) -> Found | None:
        """The data has not changed: the value is as good as a new one, and nothing was asked of BigQuery."""
        stamped = replace(_well(head), checked_at=self._clock.now())
        value = self._value(key, owned.head)
        if value is None:
            return None
        self._store.put(key, stamped, owned)
        self._memory.keep(key, stamped, value)
        return self._found(view, stamped, value, State.HIT)

    def _saved(self, view: View, key: str, head: Head, value: bytes, owned: Entry) -> Found:
        try:
            stored = self._store.save(key, head, value, owned)
        except StoreDown:
            self._memory.keep(key, head, value)  # not to be loaded once more without the store
            raise
        self._memory.keep(key, stored, value)
        return self._found(view, stored, value, State.MISS)

    def _note_failure(self, key: str, owned: Entry, failure: Failure) -> None:
        failures = owned.head.failures + 1
        log.warning("cache_load_failed", extra={"view": owned.head.view, "code": failure.code, "failures": failures})
        noted = replace(
            _released(owned.head),
            failures=failures,
            retry_at=self._clock.now() + rules.rest_after(failures),
            error=failure.sentence,
        )
        self._store.put(key, noted, owned)

    def _degraded(self, view: View, key: str, entry: Entry | None, failure: Failure) -> Found:
        """The last value, whatever its age. Raises `failure` when there is none."""
        found = self._served(view, key, entry, State.DEGRADED) if entry and view.keep else None
        if found is None:
            raise failure
        return replace(found, error=failure.sentence)

    def _served(self, view: View, key: str, entry: Entry, state: State) -> Found | None:
        value = self._value(key, entry.head)
        if value is None:
            return None
        self._memory.keep(key, entry.head, value)
        return self._found(view, entry.head, value, state)

    def _value(self, key: str, head: Head) -> bytes | None:
        kept = self._memory.get(key)
        if kept and head.etag and kept[0].etag == head.etag:
            return kept[1]
        return self._store.value(key, head)

    def _found(self, view: View, head: Head, value: bytes, state: State, *, stored: bool = True) -> Found:
        age = rules.age_seconds(head, self._clock.now())
        ttl = int(view.fresh_for.total_seconds()) - age
        return Found(value=value, head=head, state=state, age=age, ttl=ttl, stored=stored)

    # --- without Firestore

    def _without_store(self, view: View, params: Params, key: str) -> Found:
        """This instance's memory, or a load of its own."""
        remembered = self._remembered(view, key)
        if remembered:
            return remembered
        found, joined = self._flights.run(f"alone {key}", partial(self._load_alone, view, params, key))
        return _collapsed(found) if joined else found

    def _remembered(self, view: View, key: str) -> Found | None:
        kept = self._memory.get(key)
        if kept and rules.judge(kept[0], view, self._clock.now()) is Verdict.FRESH:
            return self._found(view, *kept, State.HIT, stored=False)
        return None

    def _load_alone(self, view: View, params: Params, key: str) -> Found:
        remembered = self._remembered(view, key)
        if remembered:
            return remembered  # loaded since this caller has looked
        started, kept = self._clock.monotonic(), self._memory.get(key)
        try:
            value = view.load(self._platform, params)
        except Failure as failure:
            if kept is None or not view.keep:
                raise
            return replace(self._found(view, *kept, State.DEGRADED, stored=False), error=failure.sentence)
        now = self._clock.now()
        head = Head(
            view=view.name,
            params=dict(params),
            loaded_at=now,
            checked_at=now,
            mode=kept[0].mode if kept else Head.mode,
            etag=rules.etag_of(value),
            load_ms=int((self._clock.monotonic() - started) * 1000),
        )
        self._memory.keep(key, head, value)
        return self._found(view, head, value, State.MISS, stored=False)


def _collapsed(found: Found) -> Found:
    """As who has waited for another thread's load sees it."""
    return replace(found, state=State.COLLAPSED) if found.state is State.MISS else found


def _released(head: Head) -> Head:
    return replace(head, lease_owner="", lease_until=None)


def _well(head: Head) -> Head:
    """Checked or loaded just now, without a failure."""
    return replace(_released(head), failures=0, retry_at=None, error="", invalid=False)
