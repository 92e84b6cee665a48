"""The leaky bucket and the burst limiter: a client that reads the headers never sees a 429."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from local.simulators.process import Simulator
from shared.integrations.http_client import Pace
from shared.integrations.lightspeed_bucket import Bucket
from shared.integrations.lightspeed_rows import PRODUCTS, TRANSACTIONS
from shared.platform.clock import Clock
from tests.factories.lightspeed import START, begin_again, client_for, part, platform_for, rows_of
from tests.factories.stepping_clock import SteppingClock


@pytest.mark.parametrize("limits", [{"bucket": 8, "drip": 10}, {"burst": 9}], ids=str)
def test_everything_is_read_by_many_threads_without_a_429(
    running_lightspeed: Simulator, project: str, limits: dict[str, int]
) -> None:
    shop = begin_again(running_lightspeed, **limits)
    client = client_for(platform_for(project, shop, Clock()))
    days = [START + timedelta(days=2 * number) for number in range(30)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda day: rows_of(client.read(TRANSACTIONS, part(day, day + timedelta(days=2)))), days))
    assert len({key for rows in found for key in rows}) == 900
    assert len(rows_of(client.listed(PRODUCTS))) > 100
    requests = shop.requests()
    assert set(requests["byStatus"]) == {"200"}
    # The token, the account, thirty days and two pages of items; four at once at most.
    assert requests["total"] == 34
    assert requests["parallelMax"] <= 4


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"X-LS-API-Bucket-Level": "12.5/90", "X-LS-API-Drip-Rate": "1"}, 0),
        ({"X-LS-API-Bucket-Level": "88/90", "X-LS-API-Drip-Rate": "0.5"}, 4),
        ({"X-LS-API-Bucket-Level": "92.57/90", "X-LS-API-Drip-Rate": "1"}, 6.57),
        ({"X-LS-API-Bucket-Level": "88/90", "X-LS-API-Drip-Rate": "1", "X-LS-Api-Request-Cost": "1.8"}, 5.2),
        ({"X-LS-API-Bucket-Level": "88/90"}, 2),
        ({"X-LS-API-Burst-Level": "18/20"}, 1),
        ({"X-LS-API-Burst-Level": "16/20"}, 0),
        ({"X-LS-API-Bucket-Level": "full"}, 0),
        ({}, 0),
    ],
    ids=str,
)
def test_how_long_the_next_request_waits(headers: dict[str, str], seconds: float) -> None:
    clock = SteppingClock()
    pace = Pace(clock, per_second=1000)
    Bucket(pace, parallel=4).heed(headers)
    before = clock.monotonic()
    pace.wait()
    assert clock.monotonic() - before == pytest.approx(seconds, abs=0.01)
