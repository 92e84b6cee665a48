"""Topics, pushes, dead letters and schedules: as declared, and nothing that nobody hears."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from shared.runtime.declare import DEAD_LETTERS
from shared.runtime.manifest import Scheduled, declared_functions, schedules
from tests.infra.deployment import Deployment
from tests.infra.test_plan_functions import ENTRIES, PUSHED, every_pushed
from tools.terraform_plan import Values

pytestmark = [pytest.mark.xdist_group("infra"), pytest.mark.timeout(600)]

# Name of the Cloud Scheduler's job → what it publishes when.
SCHEDULES = {found.deployed_name: found for found in schedules(declared_functions())}
PUBLISHED = {topic for found in ENTRIES.values() for topic in found["publishes"]} | {
    found.topic for found in SCHEDULES.values()
}
HEARD = {topic for found in PUSHED.values() for topic in found["topics"]}
AGENT = "agent:pubsub"
MONTH = f"{31 * 24 * 3600}s"

every_schedule = pytest.mark.parametrize("scheduled", SCHEDULES.values(), ids=SCHEDULES)


def test_every_topic_that_is_used_is_made_and_no_other(deployment: Deployment) -> None:
    assert deployment.topics() == PUBLISHED | HEARD


def test_every_topic_is_heard_and_written_to() -> None:
    """A topic with one end only is a misspelt name.

    Pub/Sub itself writes to the dead letters; operators order what becomes of them, and the order may fail too.
    """
    assert HEARD - {DEAD_LETTERS} == PUBLISHED


def test_no_subscription_but_the_declared_ones(deployment: Deployment) -> None:
    pushes = {f"{name}.{topic}" for name, found in PUSHED.items() for topic in found["topics"]}
    assert set(deployment.subscriptions()) == pushes


@every_pushed
def test_pushed_once_for_each_topic(deployment: Deployment, declared: dict[str, Any]) -> None:
    uri = deployment.service(declared["name"])["uri"]
    for topic, subscription in _pushes(deployment, declared).items():
        assert subscription["topic"] == topic
        (push,) = subscription["push_config"]
        (token,) = push["oidc_token"]
        assert push["push_endpoint"] == f"{uri}/projects/{deployment.project}/topics/{topic}"
        assert token["audience"] == uri
        assert deployment.account(token["service_account_email"]) == "pubsub-push"


@every_pushed
def test_delivered_as_declared(deployment: Deployment, declared: dict[str, Any]) -> None:
    for subscription in _pushes(deployment, declared).values():
        (retry,) = subscription["retry_policy"]
        assert subscription["ack_deadline_seconds"] == declared["ackDeadlineSeconds"]
        assert subscription["enable_message_ordering"] == declared["ordered"]
        assert retry["minimum_backoff"] == f"{declared['minimumBackoffSeconds']}s"
        assert retry["maximum_backoff"] == f"{declared['maximumBackoffSeconds']}s"
        assert _never_expires(subscription)


@every_pushed
def test_acknowledged_no_sooner_than_the_function_may_run(declared: dict[str, Any]) -> None:
    """Else Pub/Sub delivers again what is still being worked on."""
    assert declared["ackDeadlineSeconds"] >= declared["timeoutSeconds"]


@every_pushed
def test_what_is_given_up_is_kept(deployment: Deployment, declared: dict[str, Any]) -> None:
    """By one function for all others, which is tried until it succeeds, for a month."""
    for topic, subscription in _pushes(deployment, declared).items():
        if topic == DEAD_LETTERS:
            assert subscription["dead_letter_policy"] == []
            assert subscription["message_retention_duration"] == MONTH
            continue
        (policy,) = subscription["dead_letter_policy"]
        assert deployment.topic(policy["dead_letter_topic"]) == DEAD_LETTERS
        assert policy["max_delivery_attempts"] == declared["maxDeliveryAttempts"]


def test_one_function_parks_what_is_given_up() -> None:
    parking = {name for name, found in PUSHED.items() if DEAD_LETTERS in found["topics"]}
    giving_nothing_up = {name for name, found in PUSHED.items() if not found["maxDeliveryAttempts"]}
    assert parking == giving_nothing_up == {"monitoring-park-dead-letter"}


@every_pushed
def test_pubsub_may_move_what_is_given_up(deployment: Deployment, declared: dict[str, Any]) -> None:
    publishers = deployment.granted("google_pubsub_topic_iam_member")
    assert (AGENT, "roles/pubsub.publisher", DEAD_LETTERS) in publishers
    subscribers = deployment.granted("google_pubsub_subscription_iam_member")
    for topic in declared["topics"]:
        assert (AGENT, "roles/pubsub.subscriber", f"{declared['name']}.{topic}") in subscribers


def test_pubsub_may_sign_as_the_account_that_pushes(deployment: Deployment) -> None:
    expected = {(AGENT, "roles/iam.serviceAccountTokenCreator", "pubsub-push")}
    assert deployment.granted("google_service_account_iam_member") >= expected


def test_no_schedule_but_the_declared_ones(deployment: Deployment) -> None:
    assert set(deployment.state.each("google_cloud_scheduler_job.job")) == set(SCHEDULES)


@every_schedule
def test_a_schedule_publishes_its_message(deployment: Deployment, scheduled: Scheduled) -> None:
    job = deployment.state.each("google_cloud_scheduler_job.job")[scheduled.deployed_name]
    (target,) = job["pubsub_target"]
    (retry,) = job["retry_config"]
    assert job["schedule"] == scheduled.cron
    assert job["time_zone"] == deployment.variables["store_timezone"] == "America/Chicago"
    assert deployment.topic(target["topic_name"]) == scheduled.topic
    assert json.loads(base64.b64decode(target["data"])) == scheduled.data
    assert target["attributes"] == scheduled.message().attributes
    assert retry["retry_count"] >= 1


def _pushes(deployment: Deployment, declared: dict[str, Any]) -> dict[str, Values]:
    """Topic → the subscription that pushes it to the function. Raises KeyError when one is missing."""
    found = deployment.subscriptions()
    return {topic: found[f"{declared['name']}.{topic}"] for topic in declared["topics"]}


def _never_expires(subscription: Values) -> bool:
    (policy,) = subscription["expiration_policy"]
    return policy["ttl"] == ""
