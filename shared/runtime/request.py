"""What a handler gets and gives: plain values, no web framework."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.platform.context import Platform


@dataclass(frozen=True)
class Principal:
    """Who calls. `role` is `anonymous`, `customer`, `service` or `admin`; `subject` the customer id of a customer."""

    role: str
    subject: str
    email: str = ""

    def owns(self, customer_id: str) -> bool:
        return self.role in ("service", "admin") or (self.role == "customer" and self.subject == customer_id)


ANONYMOUS = Principal("anonymous", "")


@dataclass(frozen=True, kw_only=True)
class Request:
    """One authenticated, authorised and validated HTTP request. `raw` is the body as it came: what is signed.

    `idempotency_key`: as it was sent, for what outlives the kept answer; empty without one.
    """

    platform: Platform
    principal: Principal
    request_id: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    raw: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str = ""
    started: float = 0.0

    def elapsed_ms(self) -> int:
        """Whole milliseconds since the request entered the function."""
        return int((self.platform.clock.monotonic() - self.started) * 1000)

    def stamped(self, value: Any) -> dict[str, Any]:
        """The fields of a dataclass, with `timestamp`, `processing_time` (ms) and `request_id` beside them."""
        return {
            **vars(value),
            "timestamp": self.platform.clock.now(),
            "processing_time": self.elapsed_ms(),
            "request_id": self.request_id,
        }


@dataclass(frozen=True)
class Serialized:
    """A JSON text in the shape of the schema that is declared: dumped before, and not once more."""

    text: str


@dataclass(frozen=True)
class Page:
    """An HTML document for a person, of an endpoint that declares `page`."""

    text: str


@dataclass(frozen=True)
class Answer:
    """Status and value; the value is dumped with the schema declared for the status.

    Unless it is `Serialized`, or a `Page`.
    """

    status: int
    value: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One message from Pub/Sub. `data` is its JSON; `id` the message id (use the event's own id to dedupe).

    `raw` is the data as it came; `data` is empty where that is no JSON object, for who takes that too.
    """

    platform: Platform
    id: str
    data: Mapping[str, Any]
    attributes: Mapping[str, str]
    published_at: datetime
    attempt: int
    raw: bytes = b""
