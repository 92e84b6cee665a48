"""Square read for somebody who waits: how long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.integrations.square_reads import SquareReads
from shared.platform.clock import Clock
from shared.platform.context import Platform
from shared.platform.errors import SourceUnavailable
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from tests.factories.environment import environment
from tests.factories.provider import Provider, Reaction
from tests.factories.silence import Silence
from tests.factories.stopwatch import Stopwatch
from tests.factories.throw_away import serving_http

SECONDS = 0.5
DAYS = [(datetime(2026, 6, 30, 5, tzinfo=UTC), datetime(2026, 7, 1, 5, tzinfo=UTC))]
ITEM = b'{"type": "ITEM", "id": "I1", "updated_at": "2026-06-30T12:00:00Z", "item_data": {"name": "Tea"}}'
LOCATIONS = Reaction(200, b'{"locations": [{"id": "L1"}, {"id": "L2"}]}')


def reads(url: str) -> SquareReads:
    variables = {**environment("t-reads"), "SQUARE_URL": url, "SQUARE_ACCESS_TOKEN": "sim-square-token"}
    clock = Clock()
    return SquareReads(Platform(Settings.load(variables), clock, Ids(clock)), SECONDS)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider.running() as running:
        yield running


@pytest.mark.parametrize("what", ["catalogue", "payments"])
def test_nobody_waits_longer_for_a_square_that_says_nothing(what: str) -> None:
    with Silence() as silence:
        square = reads(f"http://{silence.address}")
        with Stopwatch() as watch, pytest.raises(SourceUnavailable) as raised:
            square.catalogue() if what == "catalogue" else square.payments(DAYS)
    assert watch.seconds < 4 * SECONDS
    assert raised.value.sentence.endswith("Try again in a moment.")
    assert raised.value.sentence.startswith("Square ")


def test_a_longer_pause_than_there_is_time_for_is_not_begun(provider: Provider) -> None:
    provider.reactions = [Reaction(429, b"{}", {"Retry-After": "30"})]
    with Stopwatch() as watch, pytest.raises(SourceUnavailable, match="Square answered 429"):
        reads(provider.url).catalogue()
    assert watch.seconds < SECONDS
    assert len(provider.received) == 1


def dripping(environ: Any, start_response: Any) -> Iterator[bytes]:
    """An answer that comes byte by byte: no read of it ever times out."""
    start_response("200 OK", [("Content-Length", "1000")])
    for _ in range(40):
        yield b" "
        time.sleep(0.05)


def test_an_answer_that_does_not_end() -> None:
    with serving_http(dripping) as url:
        with Stopwatch() as watch, pytest.raises(SourceUnavailable, match="Square took too long"):
            reads(url).catalogue()
        assert watch.seconds < 3 * SECONDS


def test_one_location_that_fails_ends_it(provider: Provider) -> None:
    """The other one has answered, which is no answer."""
    # A pause for which there is no time: one that is drawn by lot may end just after the time has.
    provider.reactions = [LOCATIONS, Reaction(200, b"{}"), Reaction(503, headers={"Retry-After": "30"})]
    with pytest.raises(SourceUnavailable, match="Square answered 503"):
        reads(provider.url).payments(DAYS)


def test_all_pages_of_one_list_count_together(provider: Provider) -> None:
    """A list that never ends."""
    provider.reactions = [Reaction(200, b'{"objects": [' + ITEM + b'], "cursor": "%d"}' % n) for n in range(500)]
    with pytest.raises(SourceUnavailable, match="Square took too long"):
        reads(provider.url).catalogue()


def test_an_item_without_variations_asks_for_no_counts(provider: Provider) -> None:
    provider.reactions = [Reaction(200, b'{"objects": [' + ITEM + b"]}")]
    assert [product["id"] for product in reads(provider.url).catalogue().products] == ["I1"]
    ((_, path, headers, _),) = provider.received
    assert path == "/v2/catalog/list?types=ITEM%2CCATEGORY%2CIMAGE%2CCUSTOM_ATTRIBUTE_DEFINITION"
    assert headers["square-version"] == "2026-09-16"


def test_a_location_that_is_listed_twice_is_read_once(provider: Provider) -> None:
    provider.reactions = [Reaction(200, b'{"locations": [{"id": "L1"}, {"id": "L1"}]}'), Reaction(200, b"{}")]
    assert reads(provider.url).payments(DAYS) == []
    assert len(provider.received) == 2
