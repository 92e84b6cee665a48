"""The Cloud Scheduler of the local stack publishes what is due, each schedule with its own message."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from local.provision import PubSub
from local.scheduler import Scheduler
from shared.platform.pubsub import Publisher
from shared.runtime.manifest import declared_functions, schedules
from tests.factories.clock import TestClock
from tests.factories.messages import data_of, pulled

TOPICS = ("relay-outbox", "sync-requests")
Published = dict[str, tuple[str, dict[str, Any]]]


def published(project: str, there: tuple[str, ...], hour: int, minute: int) -> Published:
    """Name of the job → topic and data, of all that came to the topics that are there."""
    emulator = os.environ["PUBSUB_EMULATOR_HOST"]
    pubsub = PubSub(emulator, project)
    pubsub.create_topics(list(there))
    clock = TestClock(datetime(2026, 7, 1, hour, minute, tzinfo=ZoneInfo("America/Chicago")))
    Scheduler(Publisher(project, emulator), clock, "America/Chicago").step()
    return {m["attributes"]["job"]: (topic, data_of(m)) for topic in there for m in pulled(pubsub, topic)}


def test_everything_that_is_due_is_published_with_its_data(project: str) -> None:
    found = {s.deployed_name: (s.topic, s.data) for s in schedules(declared_functions())}
    at_noon = published(project, TOPICS, 12, 0)
    assert at_noon.items() <= found.items()
    assert at_noon["sync-square"][0] == at_noon["sync-lightspeed"][0] == "sync-requests"
    assert at_noon["sync-square"][1] != at_noon["sync-lightspeed"][1]
    assert at_noon["audit-relay-outbox"] == ("relay-outbox", {})


def test_what_is_not_due_waits(project: str) -> None:
    assert published(project, TOPICS, 12, 1).keys() == {"audit-relay-outbox"}


@pytest.mark.parametrize("there", TOPICS)
def test_a_topic_that_takes_nothing_holds_up_no_other(project: str, there: str) -> None:
    assert published(project, (there,), 12, 0)
