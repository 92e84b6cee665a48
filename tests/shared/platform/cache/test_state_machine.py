"""Two instances, one view, and everything that can happen to them, in any order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from shared.analytics.service import CacheService
from shared.platform.cache import rules
from shared.platform.cache.cache import Cache
from shared.platform.cache.models import FRESH_FOR, STALE_FOR, Found, State
from shared.platform.cache.store import CacheStore
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from tests.factories.severable import SeverableClient, severable
from tests.factories.source import SENTENCE, Source, load_of
from tests.factories.stepping_clock import SteppingClock

SETTINGS = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    derandomize="CI" in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
INSTANCES = st.integers(0, 1)
SECONDS = st.sampled_from([0.5, 5.0, 12.0, 31.0, 60.0, 91.0, 3600.0, -3600.0])
names = count()


class Instances(RuleBasedStateMachine):
    """What they serve is held against when each load was, and which data it has read."""

    def __init__(self, platform: Platform, client: SeverableClient, clock: SteppingClock) -> None:
        super().__init__()
        self.platform, self.client, self.clock = platform, client, clock
        self.client.down = False
        self.source = Source(clock)
        self.view = self.source.view(name=f"machine_{next(names)}")
        self.caches = [Cache(platform), Cache(platform)]
        self.key = rules.key_of(self.view, {})
        self.data, self.changed_at = 0, clock.at
        self.version_is_known(True)
        self.read: dict[int, int] = {}  # load → the data that it has read
        self.invalidated = 0  # the last load before the last invalidation

    # --- what happens

    @rule(instance=INSTANCES)
    def get(self, instance: int) -> None:
        before, known_right = self.source.loads, self._known_right()
        try:
            with self._lookup():
                found = self.caches[instance].get(self.view, {})
        except Unavailable:
            assert self.source.down
            assert self.source.loads == before + 1, "nobody is refused without a try"
            return
        loaded = self.source.loads > before
        if known_right and found.stored:
            assert not loaded, "the data is the same"
        if found.state is State.DEGRADED:
            assert (found.mode, found.error) == ("degraded", SENTENCE)
        else:
            assert (found.mode, found.error) == ("live", "")
            assert loaded == (found.state is State.MISS)
            self._check(found)

    @rule(instance=INSTANCES)
    def refresh(self, instance: int) -> None:
        try:
            with self._lookup():
                self.caches[instance].refresh(self.view, {})
        except Unavailable:
            assert self.client.down, "only then it is worth a second message"

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)

    @rule()
    def data_changes(self) -> None:
        self.data += 1
        self.changed_at = self.clock.at
        self.version_is_known(self.source.version is not None)

    @rule(known=st.booleans())
    def version_is_known(self, known: bool) -> None:
        self.source.version = str(self.data) if known else None

    @rule()
    def invalidate(self) -> None:
        try:
            CacheService(self.platform).invalidate()
        except Unavailable:
            assert self.client.down
        else:
            self.invalidated = self.source.loads

    @rule(down=st.booleans())
    def source_is(self, down: bool) -> None:
        self.source.down = down

    @rule(down=st.booleans())
    def store_is(self, down: bool) -> None:
        self.client.down = down

    # --- what must hold

    @contextmanager
    def _lookup(self) -> Iterator[None]:
        before, started = self.source.loads, self.clock.at
        try:
            yield
        finally:
            assert self.source.loads <= before + 1, "one lookup loads once at most"
            assert self.clock.at == started, "nobody waits while nobody is loading"
            self.read[self.source.loads] = self.read.get(self.source.loads, self.data)

    def _known_right(self) -> bool:
        """Whether the stored value is made from this very data, and everybody can know it."""
        if self.client.down:
            return False
        entry = CacheStore(self.platform.firestore, self.clock).entry(self.key)
        return entry is not None and rules.still_right(entry.head, self.source.version)

    def _check(self, found: Found) -> None:
        assert found.head.checked_at
        load, age = load_of(found.value), self.clock.at - found.head.checked_at
        assert -FRESH_FOR <= age <= FRESH_FOR + STALE_FOR
        assert (found.state is State.STALE) == (age > FRESH_FOR)
        assert found.age == max(0, int(age.total_seconds()))
        assert found.ttl == 30 - found.age
        if not found.stored:
            return
        assert load > self.invalidated, "what was loaded before an invalidation is not served after it"
        if age == timedelta() and self.changed_at < self.clock.at:
            assert self.read[load] == self.data, "what was checked just now is not made from older data"


@pytest.mark.timeout(600)  # a failure is reported by its shortest example, which takes minutes to find
def test_instances_serve_nothing_that_is_too_old(platform: Platform, clock: SteppingClock) -> None:
    client = severable(platform)
    run_state_machine_as_test(lambda: Instances(platform, client, clock), settings=SETTINGS)
