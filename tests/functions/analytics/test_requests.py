"""Who may ask analytics, and for what. There is no table here: what reaches BigQuery gets a 503."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.factories.analytics_api import AnalyticsApi

FIGURES = ("dashboard", "historical", "products")


def cursor_of(text: str | bytes) -> str:
    raw = text if isinstance(text, bytes) else text.encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


WRONG_SOURCES = ("", "all", "Square", "square,lightspeed", "square ", "'; DROP TABLE", "s" * 5000)
WRONG_LIMITS = ("", "0", "1_0", "+7", "\u0667", "-1", "201", "abc", "1.5", "1e2", "9" * 40, "NaN", "null", "7 ; 8")
WRONG_CURSORS = {
    "no base64": "%%%",
    "not ASCII": "é",
    "too long": "a" * 257,
    "much too long": "a" * 5000,
    "no text": cursor_of(b"\xff\xfe"),
    "no time": cursor_of("yesterday SQITM1"),
    "no id": cursor_of("2026-07-01T00:00:00+00:00 "),
    "a time alone": cursor_of("2026-07-01T00:00:00+00:00"),
    "no zone": cursor_of("2026-07-01T00:00:00 SQITM1"),
    "before all time": cursor_of("0001-01-01T00:00:00+14:00 SQITM1"),
    "after all time": cursor_of("9999-12-31T23:59:59-12:00 SQITM1"),
    "an empty text": cursor_of(""" """),
}


def refused(answer: Any) -> tuple[int, str]:
    """Status and field; the rest is the shape of every error."""
    body = answer.json
    assert body["success"] is False
    assert body["error"]
    assert body["requestId"]
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, body.get("field", "")


@pytest.mark.parametrize("name", FIGURES)
def test_another_source_is_400(api: AnalyticsApi, name: str) -> None:
    asked = [refused(getattr(api, name)({"source": source})) for source in WRONG_SOURCES]
    assert asked == [(400, "source")] * len(WRONG_SOURCES)


def test_another_limit_than_1_to_200_is_400(api: AnalyticsApi) -> None:
    asked = {limit: refused(api.products({"limit": limit})) for limit in WRONG_LIMITS}
    assert asked == dict.fromkeys(WRONG_LIMITS, (400, "limit"))


@pytest.mark.parametrize("kind", WRONG_CURSORS)
def test_a_cursor_that_is_none_of_ours_is_400(api: AnalyticsApi, kind: str) -> None:
    assert refused(api.products({"cursor": WRONG_CURSORS[kind]})) == (400, "cursor")


@pytest.mark.parametrize("name", FIGURES)
def test_unknown_and_repeated_parameters_are_400(api: AnalyticsApi, name: str) -> None:
    ask = getattr(api, name)
    assert refused(ask({"sourse": "square"})) == (400, "sourse")
    assert refused(ask([("source", "square"), ("source", "square")])) == (400, "query")
    assert refused(ask({"<script>": "1"})) == (400, "an unknown field")
    if name != "products":
        assert refused(ask({"limit": "7"})) == (400, "limit")


def test_the_cache_takes_no_parameters(api: AnalyticsApi) -> None:
    assert refused(api.cache_stats({"source": "square"})) == (400, "source")


def test_customers_see_nothing(api: AnalyticsApi) -> None:
    customer, nobody = api.as_("customer"), api.as_("")
    for name in (*FIGURES, "cache_stats", "invalidate"):
        assert refused(getattr(customer, name)())[0] == 403
        assert refused(getattr(nobody, name)())[0] == 401


def test_services_see_figures_and_leave_the_cache_alone(api: AnalyticsApi, tables: None) -> None:
    service = api.as_("service")
    assert [getattr(service, name)().status_code for name in FIGURES] == [200, 200, 200]
    assert [refused(service.cache_stats())[0], refused(service.invalidate())[0]] == [403, 403]
