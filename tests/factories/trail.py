"""From what happened to the audit trail: the relay, the deliveries, and whether state, events and rows agree."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient

from local.provision import PubSub
from shared.audit.service import AuditService
from shared.platform.context import Platform
from tests.factories.documents import documents
from tests.factories.messages import SECURITY_EVENTS, VERIFICATION_EVENTS, message_of, pulled, push
from tests.factories.warehouse import Warehouse

Client = Callable[[str], FlaskClient]


class Trail:
    """Everything behind the outbox of one project."""

    def __init__(self, platform: Platform, pubsub: PubSub, client_for: Client) -> None:
        self._platform = platform
        self._pubsub = pubsub
        self._client_for = client_for
        self.warehouse = Warehouse(platform.settings.project)

    def catch_up(self) -> None:
        """Relay what was left behind; deliver everything that was published, each message twice, in any order."""
        assert push(self._client_for("audit_relay_outbox"), message_of({}), "relay-outbox").status_code == 200
        messages = 2 * [
            message for topic in (VERIFICATION_EVENTS, SECURITY_EVENTS) for message in pulled(self._pubsub, topic)
        ]
        random.Random(len(messages)).shuffle(messages)
        recorder = self._client_for("audit_record_event")
        assert {push(recorder, message).status_code for message in messages} <= {200}

    def check(self, *customers: str) -> None:
        """Every chain is whole, the outbox empty, and for each customer state and rows agree: none lost, none twice."""
        today = self._platform.clock.now().date()
        breaks = [broken for *_, broken in AuditService.on(self._platform).verify(today - timedelta(days=1), today)]
        assert [broken for broken in breaks if broken] == []
        stored = documents(self._platform.firestore)
        assert not [path for path in stored if path.startswith("outbox/")]
        assert all(link["stored"] for path, link in stored.items() if path.startswith("audit_links/"))
        rows = {name.partition(".")[2]: rows for name, rows in self.warehouse.everything().items()}
        for customer in customers:
            customer_hash = self._platform.customer_hash(customer)
            theirs = {table: [r for r in found if r["customer_hash"] == customer_hash] for table, found in rows.items()}
            _agree(customer_hash, stored, theirs)


def _agree(customer_hash: str, stored: dict[str, dict[str, Any]], rows: dict[str, list[dict[str, Any]]]) -> None:
    attempts = rows["age_verification_attempts"]
    verified = [row["verification_id"] for row in rows["age_verifications"]]
    erased = [row["verification_id"] for row in rows["security_events"]]
    once(verified)
    once(erased)
    assert sorted(row["verification_id"] for row in attempts if row["success"]) == sorted(verified)
    superseded = {row["supersedes"] for row in rows["age_verifications"] if row["supersedes"]}
    record = stored.get(f"verifications/{customer_hash}")
    assert set(verified) - superseded - set(erased) == ({record["verificationId"]} if record else set())
    window = stored.get(f"verification_attempts/{customer_hash}", {"failures": []})
    failed = [row["attempt_id"] for row in attempts if not row["success"] and row["method"] != "rate_limit"]
    once(failed)
    assert sorted(failed) == sorted(failure["id"] for failure in window["failures"])


def once(values: list[Any]) -> None:
    assert max(Counter(values).values(), default=1) == 1, Counter(values).most_common(3)
