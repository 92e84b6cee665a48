"""Subscriptions are made as they are declared, tables as their files say."""

from __future__ import annotations

import os
from typing import Any

import pytest
import requests
from google.cloud import bigquery

from local.provision import STAGING, PubSub, create_tables, drop_tables, warehouse
from shared.runtime.declare import declaration_of, subscriber
from shared.runtime.manifest import Declared
from shared.runtime.request import Delivery

TOPIC = "verification-events"


def subscription(project: str, name: str) -> dict[str, Any]:
    base = f"http://{os.environ['PUBSUB_EMULATOR_HOST']}/v1/projects/{project}"
    found: dict[str, Any] = requests.get(f"{base}/subscriptions/{name}", timeout=10).json()
    return found


@pytest.mark.parametrize("ordered", [False, True])
def test_a_subscription_is_ordered_where_it_is_declared(pubsub: PubSub, project: str, ordered: bool) -> None:
    @subscriber(TOPIC, ordered=ordered)
    def handle(delivery: Delivery) -> None:
        raise AssertionError("Nothing is delivered here.")

    function = Declared("things", "listen", declaration_of(handle), handle)
    pubsub.create_subscriptions([function], "http://127.0.0.1:1/_push")
    made = subscription(project, f"things-listen.{TOPIC}")
    assert made["topic"] == f"projects/{project}/topics/{TOPIC}"
    assert made.get("enableMessageOrdering", False) is ordered
    assert made["deadLetterPolicy"]["deadLetterTopic"].endswith("/topics/dead-letters")


def test_who_has_nobody_behind_it_gives_nothing_up(pubsub: PubSub, project: str) -> None:
    @subscriber(TOPIC, max_delivery_attempts=0)
    def handle(delivery: Delivery) -> None:
        raise AssertionError("Nothing is delivered here.")

    function = Declared("things", "listen", declaration_of(handle), handle)
    pubsub.create_subscriptions([function], "http://127.0.0.1:1/_push")
    assert "deadLetterPolicy" not in subscription(project, f"things-listen.{TOPIC}")


def test_tables_with_and_without_partitions_are_made_and_emptied(project: str) -> None:
    client = warehouse(os.environ["BIGQUERY_EMULATOR_HOST"], project)
    create_tables(client)
    made = {name: client.get_table(f"{project}.{name}") for name in ("commerce.customers", "analytics.square_payments")}
    assert made["commerce.customers"].time_partitioning is None
    assert made["analytics.square_payments"].time_partitioning.field == "created_at"
    assert made["analytics.square_payments"].time_partitioning.expiration_ms is None
    client.create_table(bigquery.Table(f"{project}.{STAGING}.left_behind", [bigquery.SchemaField("id", "STRING")]))
    drop_tables(client)
    create_tables(client)
    assert list(client.list_tables(f"{project}.{STAGING}")) == []
    assert client.get_table(f"{project}.commerce.customers").num_rows == 0
