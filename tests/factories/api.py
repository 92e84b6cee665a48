"""Calls age verification as its callers do: one method per route."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.factories.claims import verify_body
from tests.factories.tokens import bearer

BASE = "/api/age-verification"
# Signed in long enough for every move of the clock.
NEVER = 4_102_444_800


class VerificationApi:
    """`client_for` gives the client of an entry point: the `function` fixture, or `serving(platform)`."""

    def __init__(
        self,
        client_for: Callable[[str], FlaskClient],
        role: str = "admin",
        subject: str = "admin-1",
        clients: dict[str, FlaskClient] | None = None,
        **claims: Any,
    ) -> None:
        self.client_for = client_for
        self._clients = {} if clients is None else clients
        self.caller = bearer(role, subject, **{"exp": NEVER, **claims})

    def as_(self, role: str, subject: str, **claims: Any) -> VerificationApi:
        """The same functions, called by somebody else."""
        return VerificationApi(self.client_for, role, subject, self._clients, **claims)

    def call(self, function: str, method: str, path: str, **options: Any) -> TestResponse:
        if function not in self._clients:
            self._clients[function] = self.client_for(function)
        headers = {**self.caller, **options.pop("headers", {})}
        return self._clients[function].open(path, method=method, headers=headers, **options)

    def verify(
        self, customer_id: str = "c-1", headers: Mapping[str, str] | None = None, **changes: Any
    ) -> TestResponse:
        return self._post("verify", customer_id, headers, changes)

    def resubmit(
        self, customer_id: str = "c-1", headers: Mapping[str, str] | None = None, **changes: Any
    ) -> TestResponse:
        return self._post("resubmit", customer_id, headers, changes)

    def status(self, customer_id: str = "c-1") -> TestResponse:
        return self.call("verification_status", "GET", f"{BASE}/status/{customer_id}")

    def own_status(self, age_token: str = "") -> TestResponse:
        headers = {"X-Age-Verification": age_token} if age_token else {}
        return self.call("verification_own_status", "GET", f"{BASE}/status", headers=headers)

    def erase(self, customer_id: str = "c-1") -> TestResponse:
        return self.call("verification_erase", "DELETE", f"{BASE}/{customer_id}")

    def statistics(self, **query: Any) -> TestResponse:
        return self.call("verification_statistics", "GET", f"{BASE}/statistics", query_string=query)

    def policy(self, **query: Any) -> TestResponse:
        return self.call("verification_policy", "GET", f"{BASE}/policy", query_string=query)

    def jwks(self) -> TestResponse:
        return self.call("verification_jwks", "GET", "/.well-known/jwks.json")

    def _post(self, verb: str, customer_id: str, headers: Mapping[str, str] | None, changes: Any) -> TestResponse:
        body = verify_body(customer_id, **changes)
        return self.call(f"verification_{verb}", "POST", f"{BASE}/{verb}", json=body, headers=dict(headers or {}))
