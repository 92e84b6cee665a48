"""A shop with members: the gateway's simulator, a clock that stands where the test wants it, functions and jobs."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any, Self

from google.cloud.firestore import Client, WriteBatch
from werkzeug.test import TestResponse

from local.provision import PubSub
from local.simulators.authorizenet_control import GatewayControl
from shared.integrations.authorizenet import connect
from shared.integrations.payments import follow_up
from shared.integrations.reconciliation import reconciliation
from shared.memberships.renewals import Renewals
from shared.platform.clock import MovableClock
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.settings import Settings
from tests.factories.clock_file import ClockFile, HurriedClock
from tests.factories.environment import environment
from tests.factories.messages import data_of, pulled
from tests.factories.serving import serving
from tests.factories.tokens import bearer

NOON = datetime(2026, 7, 1, 17, tzinfo=UTC)
TOPICS = ["alerts", "emails", "membership-events", "payment-events", "payment-notices", "security-events"]
# Tokens that no movement of the clock outlives.
NEVER = 4_102_444_800
AREA = "/api/memberships"
customers = count(1)


class Killed(BaseException):
    """The process has died: no `except Exception` catches it, as nothing catches SIGKILL."""


class MortalClient(Client):
    """Firestore for a process that can be told to die at its n-th commit from now on: before it, or right after it."""

    dies_at: int | None = None
    after_commit = False
    commits = 0

    def batch(self) -> WriteBatch:
        return _Mortal(self)

    def die(self, at: int, *, after: bool) -> None:
        self.dies_at, self.after_commit, self.commits = at, after, 0

    def live(self) -> None:
        self.dies_at = None


class _Mortal(WriteBatch):
    def commit(self, *args: Any, **kwargs: Any) -> list[Any]:
        client: MortalClient = self._client
        number, client.commits = client.commits, client.commits + 1
        if client.dies_at == number and not client.after_commit:
            raise Killed
        made = super().commit(*args, **kwargs)
        if client.dies_at == number:
            raise Killed
        return made


class Club:
    """One project, and a gateway that is empty at first. Customer ids are never used twice."""

    topics: Sequence[str] = TOPICS

    def __init__(self, project: str, gateway: GatewayControl, clock: ClockFile, **changes: str) -> None:
        self.project = project
        self.gateway = gateway
        self._clock = clock
        self.stand_at(NOON)
        # What other tests have charged would be foreign here, and looked at again by each reconciliation.
        gateway.seed()
        gateway.wait_until_seeded()
        self.variables = {
            **environment(project),
            "CLOCK_FILE": str(clock.path),
            **gateway_variables(gateway),
            **changes,
        }
        self.platform = self._platform()
        self.pubsub = PubSub(os.environ["PUBSUB_EMULATOR_HOST"], project)
        self.pubsub.create_topics(self.topics)

    def _platform(self, clock: MovableClock | None = None) -> Platform:
        clock = clock or HurriedClock(self._clock)
        platform = Platform(Settings.load(self.variables), clock, Ids(clock))
        platform.__dict__["firestore"] = MortalClient(project=self.project)
        return platform

    def another_instance(self) -> Self:
        """The same project, gateway and clock, with nothing in memory."""
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.platform = self._platform()
        return other

    def patient(self) -> Self:
        """Another instance, whose pauses are real: requests at once wait for each other in the same time."""
        other = self.another_instance()
        other.platform = self._platform(MovableClock(str(self._clock.path)))
        return other

    @property
    def firestore(self) -> MortalClient:
        found: MortalClient = self.platform.firestore  # type: ignore[assignment]
        return found

    # --- time

    @property
    def now(self) -> datetime:
        return self.platform.clock.now()

    def stand_at(self, moment: datetime) -> None:
        self._clock.stand_at(moment)

    def advance(self, **length: float) -> None:
        self._clock.advance(**length)

    # --- what customers do

    def call(self, entry_point: str, method: str, path: str, **options: Any) -> TestResponse:
        headers = {**bearer("service", "order-service", exp=NEVER), **options.pop("headers", {})}
        return serving(self.platform)(entry_point).open(path, method=method, headers=headers, **options)

    def subscribe(
        self, customer: str, tier: str = "SILVER", token: str = "tok_visa", headers: Any = (), **changes: Any
    ) -> TestResponse:
        body = {
            "customerId": customer,
            "email": f"{customer}@example.com",
            "tier": tier,
            "paymentMethod": {"type": "card", "token": f"{token}_{customer}"},
            **changes,
        }
        return self.call("memberships_subscribe", "POST", f"{AREA}/subscribe", json=body, headers=dict(headers))

    def get(self, customer: str) -> TestResponse:
        return self.call("memberships_get", "GET", f"{AREA}/{customer}")

    def upgrade(self, customer: str, tier: str, query: str = "") -> TestResponse:
        return self.call("memberships_upgrade", "PUT", f"{AREA}/{customer}/upgrade{query}", json={"newTier": tier})

    def cancel(self, customer: str, **body: Any) -> TestResponse:
        return self.call("memberships_cancel", "PUT", f"{AREA}/{customer}/cancel", json=body)

    def discount(self, customer: str, subtotal: str = "150.00") -> TestResponse:
        return self.call("memberships_discount", "GET", f"{AREA}/discount/{customer}?subtotal={subtotal}")

    def stats(self, explain: str = "") -> dict[str, Any]:
        query = f"?explain={explain}" if explain else ""
        answer = self.call(
            "memberships_stats", "GET", f"{AREA}/stats{query}", headers=bearer("admin", "boss", exp=NEVER)
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json or {})

    # --- jobs

    def renew(self) -> Counter[str]:
        return Renewals(self.platform, connect).run(100)

    def follow_up(self) -> tuple[int, int]:
        return follow_up(self.platform).open_charges()

    def reconcile(self) -> dict[str, Any]:
        return reconciliation(self.platform).run()

    def settle_everything(self) -> dict[str, Any]:
        """All that the jobs do until nothing is open any more; the last certificate."""
        self.firestore.live()
        for _ in range(2):
            self.advance(minutes=5)
            self.follow_up()
        certificate = self.reconcile()
        return self.reconcile() if certificate["repaired"] else certificate

    # --- what there is

    def charges(self) -> dict[str, dict[str, Any]]:
        return {found.id: found.to_dict() or {} for found in self.platform.firestore.collection("charges").stream()}

    def taken(self) -> list[dict[str, Any]]:
        """The gateway's transactions with our references, as its own ledger has them."""
        ours = {reference for charge in self.charges().values() for reference in charge["references"]}
        return [found for found in self.gateway.transactions() if found["reference"] in ours]

    def member(self, customer: str) -> dict[str, Any]:
        name = self.platform.customer_hash(customer)
        return self.platform.firestore.collection("memberships").document(name).get().to_dict() or {}

    def events(self, topic: str) -> Sequence[dict[str, Any]]:
        return [data_of(message) for message in pulled(self.pubsub, topic)]

    @contextmanager
    def switched(self, **traps: Any) -> Iterator[None]:
        self.gateway.trap(**traps)
        try:
            yield
        finally:
            self.gateway.clear_traps()

    def dies(self, at: int, act: Callable[[], Any], *, after: bool) -> bool:
        """Whether `act` came as far as its commit number `at`, where the process died; else it has ended."""
        self.firestore.die(at, after=after)
        try:
            act()
        except Killed:
            return True
        finally:
            self.firestore.live()
        return False


def gateway_variables(gateway: GatewayControl) -> dict[str, str]:
    from local.simulators.authorizenet import AuthorizeNetProvider

    return AuthorizeNetProvider.environment(gateway.url)


def a_customer() -> str:
    return f"c-{next(customers)}-{os.getpid()}"
