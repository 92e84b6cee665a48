"""Calls analytics as its callers do: one method per route."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.factories.api import NEVER
from tests.factories.tokens import bearer

BASE = "/api/bigquery"


class AnalyticsApi:
    """`client_for` gives the client of an entry point: the `function` fixture, or `serving(platform)`."""

    def __init__(self, client_for: Callable[[str], FlaskClient], role: str = "admin") -> None:
        self.client_for = client_for
        self._clients: dict[str, FlaskClient] = {}
        self._caller = bearer(role, f"{role}-1", exp=NEVER) if role else {}

    def as_(self, role: str) -> AnalyticsApi:
        """The same functions, called by somebody else; an empty role is nobody."""
        other = AnalyticsApi(self.client_for, role)
        other._clients = self._clients
        return other

    def dashboard(self, query: Any = None, **headers: str) -> TestResponse:
        return self._call("dashboard", "GET", "dashboard", query, headers)

    def historical(self, query: Any = None, **headers: str) -> TestResponse:
        return self._call("historical", "GET", "historical", query, headers)

    def products(self, query: Any = None, **headers: str) -> TestResponse:
        return self._call("products", "GET", "products", query, headers)

    def cache_stats(self, query: Any = None) -> TestResponse:
        return self._call("cache_stats", "GET", "cache-stats", query, {})

    def invalidate(self) -> TestResponse:
        return self._call("invalidate_cache", "POST", "cache/invalidate", None, {})

    def _call(self, verb: str, method: str, path: str, query: Any, headers: dict[str, str]) -> TestResponse:
        if verb not in self._clients:
            self._clients[verb] = self.client_for(f"analytics_{verb}")
        sent = {**self._caller, **headers}
        return self._clients[verb].open(f"{BASE}/{path}", method=method, query_string=query, headers=sent)
