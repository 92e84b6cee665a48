"""Lightspeed without credentials: 50 sales and 25 products, the same all day, and never one that goes away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.integrations import lightspeed
from shared.integrations.lightspeed import Lightspeed
from shared.integrations.lightspeed_mock import LightspeedMock
from shared.integrations.lightspeed_rows import PRODUCTS, TRANSACTIONS
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from shared.pos import rules
from shared.pos.models import CREATED, LIVE, MOCK, UPDATED, Field, Slice
from tests.factories.clock import TestClock
from tests.factories.environment import environment
from tests.factories.lightspeed import rows_of


def sales(clock: TestClock, start: datetime, end: datetime, by: Field = CREATED) -> dict[str, dict[str, object]]:
    return rows_of(LightspeedMock(clock).read(TRANSACTIONS, Slice(by, start, end)))


def first_run(clock: TestClock) -> dict[str, dict[str, object]]:
    return sales(clock, rules.midnight(clock.now() - rules.FIRST_RUN), clock.now())


@pytest.mark.parametrize("day", range(40))
def test_fifty_sales_on_any_first_run(day: int) -> None:
    clock = TestClock(datetime(2026, 7, 1, 17, tzinfo=UTC) + timedelta(days=day))
    assert len(first_run(clock)) == 50


def test_the_same_all_day_and_what_was_there_stays() -> None:
    clock = TestClock(datetime(2026, 7, 1, 0, 0, 1, tzinfo=UTC))
    morning = first_run(clock)
    clock.advance(hours=23)
    assert first_run(clock) == morning
    start, end = clock.now() - timedelta(days=90), clock.now()
    before = sales(clock, start, end)
    clock.advance(days=30)
    assert sales(clock, start, end) == before


def test_increments_find_every_new_sale_once() -> None:
    clock = TestClock(datetime(2026, 7, 1, 0, 7, tzinfo=UTC))
    start, found = clock.now(), dict[str, dict[str, object]]()
    while clock.now() < start + timedelta(days=60):
        before = clock.now()
        clock.advance(hours=6)
        found |= sales(clock, before - rules.OVERLAP, clock.now(), UPDATED)
    assert found == sales(clock, start, clock.now(), UPDATED)
    assert len(found) == 4


def test_twenty_five_products_and_objects_by_id() -> None:
    mock = LightspeedMock(TestClock())
    assert len(rows_of(mock.listed(PRODUCTS))) == 25
    assert set(rows_of(mock.objects(PRODUCTS, ["mock-3", "mock-99"]))) == {"mock-3"}
    assert all(row["id"].startswith("mock-") for row in first_run(TestClock()).values())


@pytest.mark.parametrize(
    ("use_mock", "secret", "mode"),
    [
        ("", "", MOCK),
        ("", "a secret", LIVE),
        ("true", "a secret", MOCK),
        (" TRUE ", "", MOCK),
        ("false", "", LIVE),
    ],
)
def test_which_source_it_is(project: str, use_mock: str, secret: str, mode: str) -> None:
    variables = {"LIGHTSPEED_USE_MOCK": use_mock, "LIGHTSPEED_CLIENT_SECRET": secret}
    clock = TestClock()
    source = lightspeed.connect(Platform(Settings.load(environment(project, **variables)), clock, Ids(clock)))
    assert source.mode == mode
    assert isinstance(source, Lightspeed if mode == LIVE else LightspeedMock)
    assert all(stream.source == "lightspeed" for stream in source.streams)
