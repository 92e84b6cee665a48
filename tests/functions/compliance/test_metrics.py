"""GET /api/compliance/metrics, from rows in the local BigQuery."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from functions.analytics.refresh_cache import handle as refresh
from local.provision import PubSub
from shared.platform import bigquery, tables
from shared.platform.context import Platform
from shared.runtime.request import Delivery
from tests.factories.api import NEVER
from tests.factories.clock import TestClock
from tests.factories.events import AT, attempt, success
from tests.factories.messages import data_of, message_of, pulled, push
from tests.factories.serving import serving
from tests.factories.tokens import bearer

Call = Callable[..., TestResponse]
ITEM = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "deleted": False}
COA = {"laboratory": "Lab", "issued_at": "2026-01-01", "recorded_at": "2026-01-02T00:00:00Z"}


@pytest.fixture
def metrics(platform: Platform, tables: None) -> Call:
    """`metrics(role="admin", **headers)`, on the test's clock."""
    client = serving(platform)("compliance_metrics")

    def call(role: str = "admin", **headers: str) -> TestResponse:
        return client.get("/api/compliance/metrics", headers={**bearer(role, f"{role}-1", exp=NEVER), **headers})

    return call


@pytest.fixture
def attempts(function: Callable[[str], FlaskClient], metrics: Call) -> Callable[..., None]:
    """Store attempts: the outcome and the time of each."""
    recorder = function("audit_record_event")

    def record(*outcomes: tuple[bool, datetime]) -> None:
        for good, at in outcomes:
            assert push(recorder, message_of(success(at) if good else attempt(at))).status_code == 200

    return record


def put(platform: Platform, table: str, *rows: dict[str, Any]) -> None:
    """Give a table these rows by a load job, as `bq load` does."""
    lines = "\n".join(map(json.dumps, rows)).encode()
    bigquery.load(platform.bigquery, lines, table, tables.declared()[table]["columns"], "test")


def coa(item_id: str, source: str = "square", **changes: Any) -> dict[str, Any]:
    return {**COA, "source": source, "item_id": item_id, **changes}


def stock(platform: Platform) -> None:
    """Six items for sale, and one of each that is not."""
    square = [{**ITEM, "id": f"S{number}", "available": True} for number in range(4)]
    put(
        platform,
        "analytics.square_items",
        *square,
        {**ITEM, "id": "S-away", "available": False},
        {**ITEM, "id": "S-gone", "available": True, "deleted": True},
    )
    lightspeed = [{**ITEM, "id": "1"}, {**ITEM, "id": "2"}, {**ITEM, "id": "3", "deleted": True}]
    put(platform, "analytics.lightspeed_products", *lightspeed)


def test_attempts_products_and_certificates(metrics: Call, attempts: Callable[..., None], platform: Platform) -> None:
    first_moment = datetime.fromisoformat("2025-07-02T00:00:00-05:00")
    attempts((True, AT), (True, AT), (False, AT), (True, first_moment), (True, first_moment - timedelta(seconds=1)))
    stock(platform)
    put(
        platform,
        "commerce.product_coas",
        coa("S0", expires_at="2026-07-01"),
        coa("S0", lot="another"),
        coa("S1", expires_at="2026-06-30"),
        coa("S2", issued_at="2026-07-02"),
        coa("S-away"),
        coa("S-gone"),
        coa("unheard of"),
        coa("1"),
        coa("S3", source="lightspeed"),
        coa("1", source="lightspeed", expires_at="2027-01-01"),
        coa("2", source="lightspeed", expires_at="2025-12-31"),
        coa("2", source="lightspeed", expires_at="2026-12-31"),
    )
    answer = metrics()
    assert (answer.status_code, answer.headers["Cache-Status"]) == (200, "livhana; fwd=miss; stored")
    assert answer.json == {
        "success": True,
        "metrics": {
            "ageVerification": {
                "totalVerifications": 4,
                "successfulVerifications": 3,
                "failedVerifications": 1,
                "successRate": 75,
            },
            "productCompliance": {"totalProducts": 6, "productsWithCOA": 3, "coaCoverage": 50},
            "texasCompliance": {
                "score": 70,
                "status": "Needs Improvement",
                "lastUpdated": "2026-07-01T17:00:00.000Z",
            },
        },
        "timestamp": "2026-07-01T17:00:00.000Z",
    }


def test_nothing_is_known_yet(metrics: Call) -> None:
    found = metrics().json["metrics"]
    made = found["texasCompliance"].pop("lastUpdated")
    assert made == "2026-07-01T17:00:00.000Z"
    assert found == {
        "ageVerification": {
            "totalVerifications": 0,
            "successfulVerifications": 0,
            "failedVerifications": 0,
            "successRate": 0,
        },
        "productCompliance": {"totalProducts": 0, "productsWithCOA": 0, "coaCoverage": 0},
        "texasCompliance": {"score": 0, "status": "Pending"},
    }


def test_kept_for_thirty_seconds_then_refreshed_by_a_message(
    metrics: Call, platform: Platform, clock: TestClock, pubsub: PubSub
) -> None:
    first = metrics()
    stock(platform)
    clock.advance(seconds=30)
    assert metrics().json["metrics"] == first.json["metrics"]
    assert metrics(**{"If-None-Match": first.headers["ETag"]}).status_code == 304
    clock.advance(seconds=1)
    assert metrics().headers["Cache-Status"] == "livhana; hit; ttl=-1; detail=stale"
    (asked,) = pulled(pubsub, "cache-refresh")
    assert data_of(asked) == {"view": "compliance_metrics", "params": {}}
    refresh(
        Delivery(platform=platform, id="m-1", data=data_of(asked), attributes={}, published_at=clock.now(), attempt=1)
    )
    newer = metrics(**{"If-None-Match": first.headers["ETag"]})
    assert newer.json["metrics"]["productCompliance"]["totalProducts"] == 6
    # No attempt is known, so that part counts nothing.
    assert newer.json["metrics"]["texasCompliance"] == {
        "score": 20,
        "status": "Needs Improvement",
        "lastUpdated": "2026-07-01T17:00:31.000Z",
    }


def test_the_same_figures_have_the_same_tag_whenever_they_were_made(metrics: Call, clock: TestClock) -> None:
    first = metrics()
    clock.advance(seconds=91)
    assert metrics(**{"If-None-Match": first.headers["ETag"]}).status_code == 304
    again = metrics()
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.json["metrics"]["texasCompliance"]["lastUpdated"] == "2026-07-01T17:01:31.000Z"


@pytest.mark.parametrize("role", ["customer", "service"])
def test_admins_only(metrics: Call, role: str) -> None:
    assert metrics(role).status_code == 403
