"""Every event topic has a schema, every event passes it, and a message of another shape does not.

Commands have none: a topic carries events when a module called `events` or `..._events` names it.
"""

from __future__ import annotations

import base64
import importlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from google.protobuf.json_format import ParseError

from local.provision import PubSub
from shared.memberships import events as membership_events
from shared.monitoring import alert_events
from shared.monitoring import events as monitoring_events
from shared.monitoring.alert_rules import RULES
from shared.monitoring.models import AlertState, Finding, Transition, Verdict
from shared.notifications import events as mail_events
from shared.notifications.models import FAILED, SENT
from shared.payments import alerts as payment_alerts
from shared.payments import events as payment_events
from shared.platform.context import Platform
from shared.platform.errors import BadSignature, Failure, Forbidden, TooMany, Unauthenticated
from shared.platform.outbox import Event
from shared.pos import events as pos_events
from shared.raffles import events as raffle_events
from shared.runtime import security_events
from shared.runtime.request import ANONYMOUS, Principal
from shared.verification import events, sandbox
from shared.verification.models import Refusal
from tests.factories import billing_events
from tests.factories.api import VerificationApi
from tests.factories.events import AT, attempt, erasure, success
from tests.factories.mails import sending
from tests.factories.messages import pulled
from tests.factories.raffle_events import raffles
from tests.factories.topic_schemas import TOPICS, TopicSchema
from tests.factories.verifications import verification

RUN = pos_events.RunReport(
    job_id="job_1",
    source="square",
    mode="incremental",
    sync_mode="live",
    rows_seen=120,
    rows_written=7,
    rows_rejected=1,
    changed_late=2,
    pages=3,
    retries=1,
    certificate_green=True,
    differences=0,
    code=None,
    started_at=AT,
    finished_at=AT,
)
ALERT = {
    "severity": "critical",
    "title": "Square failed three times",
    "message": "The access token was refused: see docs/square.md.",
    "tags": "sync,square",
    "dedup_key": "sync:square",
}
REPOSITORY = Path(__file__).parents[2]
IDS = ("evt_1", "att_1", "a" * 64, "req_1")
SCHEMAS = {path.stem: TopicSchema.of(path.stem) for path in TOPICS.glob("*.proto")}


def documented() -> dict[str, dict[str, list[str]]]:
    """docs/events.md: topic → type → names in its data."""
    found: dict[str, dict[str, list[str]]] = {}
    sections = re.split(r"^## `([a-z-]+)`$", (REPOSITORY / "docs/events.md").read_text(encoding="utf-8"), flags=re.M)
    for topic, section in zip(sections[1::2], sections[2::2], strict=True):
        rows = re.findall(r"^\| `([a-z._]+)` \|.*\| (.*) \|$", section.partition("\n## ")[0], flags=re.M)
        found[topic] = {kind: names.split(", ") for kind, names in rows}
    return found


def built() -> Iterator[tuple[str, dict[str, Any]]]:
    """Topic and envelope of what the code and the tests' factories build."""
    made = [
        events.succeeded(*IDS, verification(), None),
        events.succeeded(*IDS, verification(), "av_0"),
        events.rate_limited(*IDS, AT),
        events.erased("evt_1", "a" * 64, "req_1", verification(), "admin", AT),
        events.expired("a" * 64, verification()),
    ]
    refusals = [outcome for claim in sandbox.CLAIMS if isinstance(outcome := sandbox.verify(claim, AT), Refusal)]
    assert refusals
    made += [events.failed(*IDS, refusal, AT) for refusal in refusals]
    yield from ((event.topic, json.loads(event.message().data)) for event in made)
    yield from ((events.TOPIC, event) for event in (attempt(), attempt(state=None, field=None), success(), erasure()))
    runs = [pos_events.completed("evt_1", AT, "req_1", RUN)]
    runs += [pos_events.failed("evt_1", AT, "req_1", replace(RUN, certificate_green=False, code="auth_failed"))]
    told = [pos_events.alert("evt_1", AT, "req_1", **ALERT, value=3, threshold=2.5)]
    told += raffles()
    told += [mail_events.ended("evt_1", sending(state=state)) for state in (SENT, FAILED)]
    told += [*billing_events.memberships(), *billing_events.payments(), payment_alerts.unreconciled("evt_1", 2, AT)]
    told += [payment_alerts.reconciled_again("evt_1", AT), *alerts_of_rules()]
    yield from ((event.topic, json.loads(event.message().data)) for event in (*runs, *told))
    data = {"function": "pos_square_webhook", "role": "anonymous", "code": "bad_signature"}
    refused = {"id": "evt_1", "topic": security_events.TOPIC, "occurred_at": AT, "request_id": "req_1"}
    event = Event(type="security.bad_signature", data=data, **refused)
    yield event.topic, json.loads(event.message().data)


def alerts_of_rules() -> Iterator[Event]:
    finding = Finding(verdict=Verdict.FAILS, message="2 of 1", value="2", threshold="1")
    state = AlertState(open=True, since=AT, told_at=AT, told=1)
    for rule in RULES:
        yield from (alert_events.of_rule(rule, "", state, transition, finding) for transition in Transition)


BUILT = list(built())
TYPES = [envelope["type"] for _, envelope in BUILT]


def modules_with_events() -> Iterator[Any]:
    for path in sorted((REPOSITORY / "shared").rglob("*events.py")):
        yield importlib.import_module(".".join(path.relative_to(REPOSITORY).with_suffix("").parts))


def test_every_event_topic_has_a_schema_and_no_other_has_one() -> None:
    named = {text for module in modules_with_events() for name, text in vars(module).items() if name.endswith("TOPIC")}
    assert {events.TOPIC, security_events.TOPIC, pos_events.TOPIC, pos_events.ALERTS_TOPIC} <= named
    assert {membership_events.TOPIC, payment_events.TOPIC, raffle_events.TOPIC} <= named
    assert SCHEMAS.keys() == named == documented().keys()


@pytest.mark.parametrize("topic", SCHEMAS)
def test_the_name_is_one_that_a_schema_may_have(topic: str) -> None:
    assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9._~+%-]{2,254}", topic)
    assert not topic.startswith("goog")


@pytest.mark.parametrize("topic", SCHEMAS)
def test_the_schema_has_what_is_documented_and_nothing_else(topic: str) -> None:
    envelope = ["eventId", "type", "occurredAt", "customerHash", "requestId", "data"]
    assert SCHEMAS[topic].fields() == envelope
    assert set(SCHEMAS[topic].fields("data")) == {name for names in documented()[topic].values() for name in names}
    text = (TOPICS / f"{topic}.proto").read_text(encoding="utf-8")
    assert {kind for kind in documented()[topic] if f".{kind.partition('.')[2]}" not in text} == set()


@pytest.mark.parametrize("topic", sorted(SCHEMAS.keys() - {security_events.TOPIC}))
def test_there_is_an_event_of_every_type(topic: str) -> None:
    assert {envelope["type"] for named, envelope in BUILT if named == topic} == documented()[topic].keys()


@pytest.mark.parametrize(("topic", "envelope"), BUILT, ids=TYPES)
def test_what_the_code_builds_passes(topic: str, envelope: dict[str, Any]) -> None:
    read = SCHEMAS[topic].read(json.dumps(envelope))
    assert (read.eventId, read.type) == (envelope["eventId"], envelope["type"])
    for name, value in envelope["data"].items():
        assert read.data.HasField(name) == (value is not None)
        assert value is None or getattr(read.data, name) == value


@pytest.mark.parametrize(("topic", "envelope"), BUILT, ids=TYPES)
def test_a_missing_value_and_a_null_pass(topic: str, envelope: dict[str, Any]) -> None:
    for name in envelope["data"]:
        without = {key: value for key, value in envelope["data"].items() if key != name}
        for data in (without, {**without, name: None}):
            assert not SCHEMAS[topic].read(json.dumps({**envelope, "data": data})).data.HasField(name)


@pytest.mark.parametrize("topic", SCHEMAS)
@pytest.mark.parametrize("wrong", [7, True, ["TX"], {"a": "b"}])
def test_another_type_is_refused(topic: str, wrong: Any) -> None:
    envelope = next(envelope for named, envelope in BUILT if named == topic)
    for name in envelope:
        if isinstance(wrong, dict) and name == "data":
            continue
        with pytest.raises(ParseError):
            SCHEMAS[topic].read(json.dumps({**envelope, name: wrong}))
    for name in (name for name, value in envelope["data"].items() if type(value) is not type(wrong)):
        with pytest.raises(ParseError):
            SCHEMAS[topic].read(json.dumps({**envelope, "data": {**envelope["data"], name: wrong}}))


@pytest.mark.parametrize("topic", SCHEMAS)
def test_a_name_that_is_not_in_the_schema_is_refused(topic: str) -> None:
    envelope = next(envelope for named, envelope in BUILT if named == topic)
    for changed in ({**envelope, "fullName": "x"}, {**envelope, "data": {**envelope["data"], "customer_hash": "x"}}):
        with pytest.raises(ParseError, match="has no field"):
            SCHEMAS[topic].read(json.dumps(changed))


@pytest.mark.parametrize("topic", SCHEMAS)
@pytest.mark.parametrize("text", ["", "poison", '"text"', "null", "[1]"])
def test_what_is_no_object_is_refused(topic: str, text: str) -> None:
    with pytest.raises(ParseError):
        SCHEMAS[topic].read(text)


# --- what the functions publish


def types_published(pubsub: PubSub, topic: str) -> list[str]:
    """Of all that came to the topic. Raises ParseError when any of it does not pass its schema."""
    return sorted(SCHEMAS[topic].read(base64.b64decode(m["data"]).decode()).type for m in pulled(pubsub, topic))


def test_what_the_functions_publish_passes(function: Callable[[str], FlaskClient], pubsub: PubSub) -> None:
    api = VerificationApi(function)
    api.verify("c-1")
    api.resubmit("c-1", fullName="José A. Núñez")
    api.erase("c-1")
    for changes in ({"dateOfBirth": "1990-02-31"}, {"state": "ZZ"}, {"idNumberLast4": "12"}, {}):
        api.verify("c-2", **changes)
    api.as_("customer", "c-3").verify("c-1")
    # That one is over is told by a job, a year later.
    assert set(types_published(pubsub, events.TOPIC)) == documented()[events.TOPIC].keys() - {"verification.expired"}
    assert types_published(pubsub, security_events.TOPIC) == ["security.forbidden", "security.rate_limited"]


@pytest.mark.parametrize("principal", [ANONYMOUS, Principal("customer", "c-1", "jose@example.com")])
def test_what_is_told_of_refusals_and_admins_passes(platform: Platform, pubsub: PubSub, principal: Principal) -> None:
    failures: list[Failure] = [Unauthenticated("No."), Forbidden("No."), TooMany("No."), BadSignature("No.")]
    for failure in failures:
        security_events.refused(platform, "verification_verify", principal, failure, "req_1")
    security_events.admin_acted(platform, "verification_erase", principal, "req_1")
    platform.outbox.announce(monitoring_events.resolved("evt_1", AT, "order_1", "pos-sync", "replayed"))
    assert types_published(pubsub, security_events.TOPIC) == sorted(documented()[security_events.TOPIC])


# --- what can be read


@pytest.mark.parametrize(
    "text",
    [
        "",
        'syntax = "proto2"; message A {}',
        'syntax = "proto3"; import "google/protobuf/timestamp.proto"; message A {}',
        'syntax = "proto3"; message A {} message B {}',
        'syntax = "proto3"; message A { string a = 1 }',
        'syntax = "proto3"; message A { string a = 1;',
        'syntax = "proto3"; message A { reserved 4; }',
        'syntax = "proto3"; message A { string a = 1 [deprecated = true]; }',
    ],
)
def test_a_schema_of_more_than_pubsub_takes_is_no_schema(text: str) -> None:
    with pytest.raises(ValueError, match=r"topic schema|field is"):
        TopicSchema(text)
