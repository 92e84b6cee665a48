"""Two instances, one view, and everything that can happen to them, in any order."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from shared.analytics.service import CacheService
from shared.platform.cache.cache import Cache
from shared.platform.cache.models import FRESH_FOR, STALE_FOR, Found, State, View
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from tests.factories.severable import SeverableClient, severable
from tests.factories.source import SENTENCE, Source, load_of
from tests.factories.stepping_clock import SteppingClock

SETTINGS = settings(
    max_examples=10,
    stateful_step_count=30,
    deadline=None,
    derandomize="CI" in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.generate],
)
INSTANCES = st.integers(0, 1)
SECONDS = st.sampled_from([0.5, 5.0, 12.0, 31.0, 60.0, 91.0, 3600.0])
names = count()


class Instances(RuleBasedStateMachine):
    """What they may serve is held against when each load began, and from which data it was made."""

    def __init__(self, platform: Platform, client: SeverableClient, clock: SteppingClock) -> None:
        super().__init__()
        self.platform, self.client, self.clock = platform, client, clock
        self.client.down = False
        self.source = Source(clock)
        self.view: View = self.source.view(name=f"machine_{next(names)}")
        self.caches = [Cache(platform), Cache(platform)]
        self.lookups = 0
        self.data, self.known = 0, True
        # Load → the version of the data that it has read.
        self.made_from: dict[int, int] = {}
        # The loads that were there when it was invalidated last.
        self.invalidated = 0
        self.source.version = "0"

    # --- what happens

    @rule(instance=INSTANCES)
    def get(self, instance: int) -> None:
        before = self.source.loads
        try:
            found = self._look(lambda: self.caches[instance].get(self.view, {}))
        except Unavailable as failure:
            assert failure.sentence == SENTENCE
            assert self.source.down
            assert self.source.loads == before + 1, "nobody is refused without a try"
            return
        self._check(found, before)

    @rule(instance=INSTANCES)
    def refresh(self, instance: int) -> None:
        try:
            self._look(lambda: self.caches[instance].refresh(self.view, {}))
        except Unavailable:
            assert self.client.down, "only then it is worth a second message"

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)

    @rule()
    def data_changes(self) -> None:
        self.data += 1
        self._tell_version()

    @rule(known=st.booleans())
    def its_version_is(self, known: bool) -> None:
        self.known = known
        self._tell_version()

    @rule()
    def invalidate(self) -> None:
        if self.client.down:
            with pytest.raises(Unavailable):
                CacheService(self.platform).invalidate()
            return
        CacheService(self.platform).invalidate()
        self.invalidated = self.source.loads

    @rule(down=st.booleans())
    def source_is(self, down: bool) -> None:
        self.source.down = down

    @rule(down=st.booleans())
    def store_is(self, down: bool) -> None:
        self.client.down = down

    # --- what must hold

    def _look(self, call: Callable[[], object]) -> object:
        before, self.lookups = self.source.loads, self.lookups + 1
        started = self.clock.at
        try:
            return call()
        finally:
            assert self.source.loads <= before + 1, "one lookup loads once at most"
            assert self.clock.at == started, "nobody waits when nobody else is loading"
            if self.source.loads > before:
                self.made_from[self.source.loads] = self.data

    def _check(self, found: object, before: int) -> None:
        assert isinstance(found, Found)
        load = load_of(found.value)
        age = self.clock.at - (found.head.checked_at or datetime.max)
        assert found.age == int(age.total_seconds())
        assert (found.mode == "degraded") == (found.state is State.DEGRADED) == bool(found.error)
        if found.state is State.DEGRADED:
            return
        assert timedelta() <= age <= FRESH_FOR + STALE_FOR
        assert age <= FRESH_FOR or found.state is State.STALE
        assert (found.state is State.MISS) == (load == self.source.loads == before + 1)
        if found.stored:
            assert load > self.invalidated, "what was loaded before an invalidation is not served after it"
        else:
            assert age <= FRESH_FOR

    def _tell_version(self) -> None:
        self.source.version = str(self.data) if self.known else None

    @invariant()
    def a_value_that_was_just_checked_is_made_from_the_newest_data(self) -> None:
        """What says that it is 0 s old is not from before the data changed; of lookups made while nothing is down."""
        if self.client.down or self.source.down or not self.known:
            return
        entry = self.caches[0]._store.entry(f"{self.view.name}-44136fa355b3678a1146ad16")
        if entry and entry.head.checked_at == self.clock.at and entry.head.version == str(self.data):
            value = self.caches[0]._store.value(f"{self.view.name}-44136fa355b3678a1146ad16", entry.head)
            assert value is not None
            assert self.made_from[load_of(value)] == self.data


@pytest.mark.timeout(600)  # a failure is reported by its shortest example, which takes minutes to find
def test_instances_serve_nothing_that_is_too_old(platform: Platform, clock: SteppingClock) -> None:
    client = severable(platform)
    run_state_machine_as_test(lambda: Instances(platform, client, clock), settings=SETTINGS)
