"""How a function says what it is: a decorator on `handle` that records and does nothing else.

`endpoint` for HTTP, `subscriber` for Pub/Sub topics, `job` for a schedule. The handler stays a plain function.
`tools/generate` reads the records for Terraform and OpenAPI; `runtime/serve.py` and the local gateway serve by them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from marshmallow import Schema

# Where Pub/Sub puts what a subscriber has failed on as often as it may, whoever that is.
DEAD_LETTERS = "dead-letters"
Handler = TypeVar("Handler", bound=Callable[..., Any])
CUSTOMER_ID_NAMES = frozenset({"customer_id", "customerId"})
IF_NONE_MATCH = {"If-None-Match": "The ETag of the answer that the caller has."}
# Of the values that a request carries: the name in the code and the name on the wire.
Names = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Auth:
    """Who may call. `roles` empty: no token is asked for."""

    name: str
    roles: frozenset[str] = frozenset()


PUBLIC = Auth("public")
# A provider, by its signature over the raw body, which the handler checks; a token is not even looked at.
SIGNED = Auth("signature")
SIGNED_IN = Auth("signed_in", frozenset({"customer", "service", "admin"}))
CUSTOMER_OR_ADMIN = Auth("customer_or_admin", frozenset({"customer", "admin"}))
SERVICE = Auth("service", frozenset({"service", "admin"}))
ADMIN = Auth("admin", frozenset({"admin"}))


@dataclass(frozen=True)
class Owner:
    """Where the id of the customer stands whose object is touched: `body` or `path`, and the name there."""

    place: str
    name: str


def in_body(name: str) -> Owner:
    return Owner("body", name)


def in_path(name: str) -> Owner:
    return Owner("path", name)


# Each cold start pays for what these classes generate: declarations are told apart by identity.
@dataclass(frozen=True, kw_only=True, eq=False)
class Runs:
    """The machine a function gets. Sizes as Cloud Run writes them.

    `concurrency` is low on purpose: Python runs one request at a time, so more of them in one instance only wait for
    each other inside the handler (docs/decisions/0008). `publishes`, `reads` and `writes` are what the function's
    service account is granted: topics, and BigQuery tables as `dataset.table`. `queries`: it runs BigQuery jobs; who
    reads or writes tables need not say so. `stages`: it loads rows into tables of its own in the dataset `staging`.

    Without one of its `secrets` a function does not start; without one of its `optional_secrets` it does, and answers
    for what is missing itself.
    """

    memory: str = "256Mi"
    cpu: str = "1"
    concurrency: int = 3
    min_instances: int = 0
    max_instances: int = 20
    timeout_seconds: int = 30
    secrets: tuple[str, ...] = ()
    optional_secrets: tuple[str, ...] = ()
    publishes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    queries: bool = False
    stages: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Endpoint(Runs):
    """An HTTP function: one method, one path."""

    method: str
    path: str
    auth: Auth
    owner: Owner | None
    body: type[Schema] | None
    query: type[Schema] | None
    responds: Mapping[int, type[Schema]]
    idempotent: bool
    tier: str | None
    cache_control: str
    limited_here: bool = False
    cached: bool = False
    refuses_card_data: bool = False
    page: bool = False
    reserved: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Schedule:
    """`data` (JSON) is published to a subscriber's first topic by `cron` (unix-cron), in the store's time zone."""

    name: str
    cron: str
    data: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Subscriber(Runs):
    """A function that Pub/Sub pushes to, one subscription for each topic.

    What fails comes again after 10, 20, 40 and 80 s, then goes to the dead-letter topic: five tries in two and a half
    minutes, longer than any lease that a crashed instance leaves. `ordered`: messages of one ordering key come one
    after another, in the order they were published. `schedules`: messages that the Cloud Scheduler publishes.
    `max_delivery_attempts` 0: it is tried until Pub/Sub keeps it no longer. `any_data`: also what is no JSON object is
    for the handler, as `Delivery.raw`. `republishes`: it may publish to every topic that somebody listens to.
    """

    topics: tuple[str, ...]
    schedules: tuple[Schedule, ...] = ()
    ack_deadline_seconds: int = 60
    minimum_backoff_seconds: int = 10
    maximum_backoff_seconds: int = 600
    max_delivery_attempts: int = 5
    ordered: bool = False
    any_data: bool = False
    republishes: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Job(Subscriber):
    """A subscriber to a topic of its own that only the Cloud Scheduler publishes to, in the store's time zone."""

    schedule: str


Declaration = Endpoint | Subscriber


def endpoint(
    route: str,
    *,
    auth: Auth,
    owner: Owner | None = None,
    body: type[Schema] | None = None,
    query: type[Schema] | None = None,
    responds: Mapping[int, type[Schema]],
    idempotent: bool = False,
    tier: str | None = None,
    cache_control: str = "no-store",
    limited_here: bool = False,
    cached: bool = False,
    refuses_card_data: bool = False,
    page: bool = False,
    reserved: Iterable[str] = (),
    headers: Mapping[str, str] | None = None,
    **runs: Any,
) -> Callable[[Handler], Handler]:
    """Declare an HTTP function: `@endpoint("GET /api/things/{thing_id}", auth=SIGNED_IN, responds={200: Thing})`.

    `owner` names the customer id that a customer's token must equal. `headers`: request headers that are read,
    name → meaning. `idempotent` accepts an Idempotency-Key. `tier` replaces the caller's own rate-limit tier.
    `limited_here`: callers are counted by the instance alone, of which there can be one only.
    `cached`: answered through runtime/cached.py, with an ETag. `refuses_card_data`: a body with card data is refused.
    `page`: it answers a person with HTML, and of a body, whatever its media type, nothing is read.
    `reserved`: what the path's last parameter cannot be, because another route has it there as a word.
    """
    method, _, path = route.partition(" ")
    if limited_here and runs.get("max_instances") != 1:
        raise ValueError(f"{route} is limited by its instance: say max_instances=1.")
    _check_route(method, path)
    _check_owner(route, owner, auth, {"path": _parameters(path), "body": _fields(body), "query": _fields(query)})
    return _record(
        Endpoint(
            method=method,
            path=path,
            auth=auth,
            owner=owner,
            body=body,
            query=query,
            responds=responds,
            idempotent=idempotent,
            tier=tier,
            # A browser keeps it, and asks each time whether it is still right.
            cache_control="private, no-cache" if cached else cache_control,
            limited_here=limited_here,
            cached=cached,
            refuses_card_data=refuses_card_data,
            page=page,
            reserved=frozenset(reserved),
            headers={**(headers or {}), **(IF_NONE_MATCH if cached else {})},
            **runs,
        )
    )


def subscriber(*topics: str, **runs: Any) -> Callable[[Handler], Handler]:
    """Declare a function that gets every message of the topics, at least once."""
    return _record(Subscriber(topics=topics, **runs))


def job(schedule: str, *, topic: str, **runs: Any) -> Callable[[Handler], Handler]:
    """Declare a job: unix-cron in the store's time zone, through a topic of its own."""
    return _record(Job(schedule=schedule, topics=(topic,), **runs))


def declaration_of(handler: Any) -> Declaration:
    """What the decorator recorded. Raises AttributeError for an undeclared function."""
    found: Declaration = handler.__declaration__
    return found


def path_parameters(path: str) -> tuple[str, ...]:
    return tuple(re.findall(r"{(\w+)}", path))


def _record(declaration: Declaration) -> Callable[[Handler], Handler]:
    def mark(handler: Handler) -> Handler:
        handler.__declaration__ = declaration  # type: ignore[attr-defined]
        return handler

    return mark


def _check_route(method: str, path: str) -> None:
    if method not in ("GET", "POST", "PUT", "PATCH", "DELETE") or not path.startswith("/"):
        raise ValueError(f"A route is written 'METHOD /path', not '{method} {path}'.")


def _check_owner(route: str, owner: Owner | None, auth: Auth, places: Mapping[str, Names]) -> None:
    """No route that a customer may call takes a customer id that is not compared with the token's."""
    taken = {Owner(place, name): wire for place, names in places.items() for name, wire in names}
    if owner is not None and owner not in taken:
        raise ValueError(f"{route} has no {owner.name} in its {owner.place}.")
    if auth.roles and "customer" not in auth.roles:
        return
    customers = {found for found, wire in taken.items() if not CUSTOMER_ID_NAMES.isdisjoint((found.name, wire))}
    unchecked = customers - {owner}
    if unchecked:
        where = ", ".join(sorted(found.place for found in unchecked))
        raise ValueError(f"{route} takes a customer id ({where}): say whose it must be with owner=in_path(...).")


def _parameters(path: str) -> Names:
    return [(name, name) for name in path_parameters(path)]


def _fields(schema: type[Schema] | None) -> Names:
    """Of a schema and those nested in it."""
    for name, found in (schema._declared_fields if schema else {}).items():
        yield name, found.data_key or name
        nested = getattr(getattr(found, "inner", found), "nested", None)
        if isinstance(nested, type):
            yield from _fields(nested)
