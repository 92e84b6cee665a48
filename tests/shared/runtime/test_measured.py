"""What functions measure of themselves, through their own entry points."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from shared.monitoring.figures import Measured, MetricsReader
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.runtime import instance
from shared.runtime.declare import PUBLIC
from shared.runtime.request import Answer, Request
from tests.factories.api import VerificationApi
from tests.factories.messages import message_of, push
from tests.factories.throw_away import NAME, client_of


def measured(platform: Platform, function: str) -> Measured:
    now = platform.clock.now()
    return MetricsReader(platform).read(now - timedelta(minutes=5), now)[function]


def test_attempts_successes_and_the_limit(function: Callable[[str], FlaskClient]) -> None:
    api = VerificationApi(function)
    for customer in ("c-1", "c-1", "c-2"):
        assert api.verify(customer).status_code == 200
    for _ in range(3):
        assert api.verify("c-3", state="ZZ").status_code == 400
    assert api.verify("c-3").status_code == 429
    found = measured(instance.platform(), "verification_verify")
    # The second of c-1 was answered from the record; the last one of c-3 was turned away unread.
    assert found.counts["verification_attempts"] == found.latencies["verification_latency"].count == 5
    assert (found.counts["verification_successes"], found.counts["verification_limit_hits"]) == (2, 1)
    assert found.counts["requests"] == found.latencies["latency"].count == found.counts["rate_limit_hits"] == 7
    assert "errors" not in found.counts
    assert found.counts["firestore_reads"] > 7
    assert found.counts["firestore_writes"] > 7


def test_messages_and_those_that_come_again(function: Callable[[str], FlaskClient], tables: None) -> None:
    client = function("audit_record_event")
    assert push(client, message_of({"of": "another shape"})).status_code == 500
    assert push(client, message_of([])).status_code == 500
    relay = function("audit_relay_outbox")
    assert push(relay, message_of({}), "relay-outbox").status_code == 200
    platform = instance.platform()
    found = measured(platform, "audit_record_event")
    assert found.counts["messages"] == found.counts["messages_failed"] == found.latencies["message_latency"].count == 2
    assert measured(platform, "audit_relay_outbox").counts["messages"] == 1
    assert "messages_failed" not in measured(platform, "audit_relay_outbox").counts


@pytest.mark.parametrize(("failure", "status"), [(Unavailable("Later."), 503), (RuntimeError("A bug."), 500)])
def test_answers_of_500_and_above_are_errors(platform: Platform, failure: Exception, status: int) -> None:
    def handler(request: Request) -> Answer:
        raise failure

    assert client_of(platform, handler, "GET /thing", auth=PUBLIC).get("/thing").status_code == status
    assert measured(platform, NAME).counts["errors"] == 1
