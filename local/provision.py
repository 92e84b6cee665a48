"""Topics, push subscriptions and tables of the local stack, exactly as declared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from shared.platform import tables
from shared.runtime.declare import Subscriber
from shared.runtime.manifest import Declared, declared_functions, topics

# Where functions put rows that are on their way into a table.
STAGING = "staging"
RECORDER = "local-events"
Made = TypeVar("Made")


class PubSub:
    """The emulator's topics and subscriptions, over its REST API."""

    def __init__(self, emulator: str, project: str) -> None:
        self._base = f"http://{emulator}/v1/projects/{project}"
        self._project = project
        self._session = requests.Session()

    def create_all(self, push_base: str) -> None:
        """Topics, dead-letter topics, and one push subscription per function and topic."""
        functions = [f for f in declared_functions() if isinstance(f.declaration, Subscriber)]
        self.create_topics(topics(functions))
        self.create_subscriptions(functions, push_base)

    def create_subscriptions(self, functions: list[Declared], push_base: str) -> None:
        """The subscribers' push subscriptions to topics that are there, each function with a dead-letter topic."""
        for function in functions:
            self._put(f"topics/{dead_letter_topic(function)}", {})
            self._put(
                f"subscriptions/{dead_letter_topic(function)}", {"topic": self._topic(dead_letter_topic(function))}
            )
            for topic in _topics(function):
                self._put(f"subscriptions/{subscription(function, topic)}", self._push(function, topic, push_base))

    def create_topics(self, names: list[str]) -> None:
        """Topics, each with the subscription that `pull` reads.

        Without their schemas (infra/topics): the emulator answers 501 to Protocol Buffers, so tests check by them.
        """
        _side_by_side(self._create_topic, names)

    def _create_topic(self, topic: str) -> None:
        self._put(f"topics/{topic}", {})
        self._put(f"subscriptions/{RECORDER}.{topic}", {"topic": self._topic(topic), "ackDeadlineSeconds": 60})

    def purge(self) -> None:
        """Drop what waits for delivery."""
        listed = self._session.get(f"{self._base}/subscriptions", timeout=10).json().get("subscriptions", [])
        for found in listed:
            name = found["name"].rpartition("/")[2]
            # The emulator keeps the past only: a time ahead of it means: everything.
            self._session.post(
                f"{self._base}/subscriptions/{name}:seek", json={"time": "2100-01-01T00:00:00Z"}, timeout=10
            ).raise_for_status()

    def pull(self, topic: str) -> list[dict[str, Any]]:
        """What came to a topic since the last call; waits a little for something."""
        url = f"{self._base}/subscriptions/{RECORDER}.{topic}"
        answer = self._session.post(f"{url}:pull", json={"maxMessages": 500, "returnImmediately": True}, timeout=30)
        answer.raise_for_status()
        received: list[dict[str, Any]] = answer.json().get("receivedMessages", [])
        if received:
            self._session.post(
                f"{url}:acknowledge", json={"ackIds": [r["ackId"] for r in received]}, timeout=10
            ).raise_for_status()
        return [r["message"] for r in received]

    def _push(self, function: Declared, topic: str, push_base: str) -> dict[str, Any]:
        declared = function.declaration
        assert isinstance(declared, Subscriber)
        return {
            "topic": self._topic(topic),
            "ackDeadlineSeconds": declared.ack_deadline_seconds,
            "enableMessageOrdering": declared.ordered,
            # The path names the topic, because functions-framework reads the event's source from it.
            "pushConfig": {"pushEndpoint": f"{push_base}/{function.name}/projects/{self._project}/topics/{topic}"},
            "retryPolicy": {
                "minimumBackoff": f"{declared.minimum_backoff_seconds}s",
                "maximumBackoff": f"{declared.maximum_backoff_seconds}s",
            },
            "deadLetterPolicy": {
                "deadLetterTopic": self._topic(dead_letter_topic(function)),
                "maxDeliveryAttempts": declared.max_delivery_attempts,
            },
        }

    def _topic(self, topic: str) -> str:
        return f"projects/{self._project}/topics/{topic}"

    def _put(self, path: str, body: dict[str, Any]) -> None:
        answer = self._session.put(f"{self._base}/{path}", json=body, timeout=10)
        if answer.status_code not in (200, 409):
            raise RuntimeError(f"Pub/Sub refused {path}: {answer.status_code} {answer.text[:200]}")


def _side_by_side(create: Callable[[Made], object], wanted: Sequence[Made]) -> None:
    """An emulator takes its time for each call, and hardly more for several at once."""
    if wanted:
        with ThreadPoolExecutor(min(6, len(wanted))) as pool:
            for made in [pool.submit(create, one) for one in wanted]:
                made.result()


def subscription(function: Declared, topic: str) -> str:
    return f"{function.deployed_name}.{topic}"


def dead_letter_topic(function: Declared) -> str:
    return f"{function.deployed_name}-dead-letter"


def _topics(function: Declared) -> tuple[str, ...]:
    declared = function.declaration
    return declared.topics if isinstance(declared, Subscriber) else ()


def warehouse(url: str, project: str) -> bigquery.Client:
    return bigquery.Client(
        project=project,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": url},
    )


def create_tables(client: bigquery.Client) -> None:
    """Every dataset and table of infra/schemas that is not there yet, and the dataset for staging."""
    declared = tables.declared().values()
    for dataset in {STAGING, *(schema["dataset"] for schema in declared)}:
        client.create_dataset(dataset, exists_ok=True)
    definitions = [tables.definition(client.project, schema) for schema in declared]
    _side_by_side(lambda table: client.create_table(table, exists_ok=True), definitions)


def drop_tables(client: bigquery.Client) -> None:
    """Every table of infra/schemas, and all that is staged."""
    client.delete_dataset(STAGING, delete_contents=True, not_found_ok=True)
    for name in tables.declared():
        client.delete_table(f"{client.project}.{name}", not_found_ok=True)
