"""Topics, push subscriptions and tables of the local stack, exactly as declared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import grpc
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from local.pubsub_calls import ACKNOWLEDGE, LIST, PULL, SEEK, SUBSCRIPTION, TOPIC, Calls, as_json, message
from shared.platform import tables
from shared.runtime.declare import DEAD_LETTERS, Subscriber
from shared.runtime.manifest import Declared, declared_functions, topics

# Where functions put rows that are on their way into a table.
STAGING = "staging"
RECORDER = "local-events"
Made = TypeVar("Made")


class PubSub:
    """The emulator's topics and subscriptions."""

    def __init__(self, emulator: str, project: str) -> None:
        self._calls = Calls(emulator)
        self._project = project

    def create_all(self, push_base: str) -> None:
        """Topics, and one push subscription per function and topic."""
        functions = [f for f in declared_functions() if isinstance(f.declaration, Subscriber)]
        self.create_topics(topics(functions))
        self.create_subscriptions(functions, push_base)

    def create_subscriptions(self, functions: list[Declared], push_base: str) -> None:
        """The subscribers' push subscriptions to topics that are there, and the topic for what they give up."""
        self._make_topics([DEAD_LETTERS])
        self._make_subscriptions(
            {subscription(f, topic): self._push(f, topic, push_base) for f in functions for topic in _topics(f)}
        )

    def create_topics(self, names: list[str]) -> None:
        """Topics, each with the subscription that `pull` reads.

        Without their schemas (infra/topics): the emulator does not know Protocol Buffers, so tests check by them.
        """
        self._make_topics(names)
        self._make_subscriptions(
            {f"{RECORDER}.{name}": {"topic": self._topic(name), "ackDeadlineSeconds": 60} for name in names}
        )

    def purge(self) -> None:
        """Drop what waits for delivery."""
        listed = (
            self._calls.list_subscriptions(LIST(project=f"projects/{self._project}", page_size=1000))
            .result()
            .subscriptions
        )
        # The emulator keeps the past only: a time ahead of it means: everything.
        seeks = [message(SEEK, subscription=found.name, time="2100-01-01T00:00:00Z") for found in listed]
        for started in [self._calls.seek(seek) for seek in seeks]:
            started.result()

    def pull(self, topic: str) -> list[dict[str, Any]]:
        """What came to a topic since the last call, as the JSON that a push has."""
        wanted = PULL(subscription=self._recorder(topic), max_messages=500, return_immediately=True)
        return self.received(topic, self._calls.pull(wanted).result())

    def start_pull(self, topic: str) -> Any:
        """The future of a pull that the emulator answers as soon as something comes, or without anything after 9 s."""
        return self._calls.pull(PULL(subscription=self._recorder(topic), max_messages=500))

    def received(self, topic: str, answer: Any) -> list[dict[str, Any]]:
        """Acknowledge what a pull has brought; as `pull` gives it."""
        received = answer.received_messages
        if received:
            ids = [r.ack_id for r in received]
            self._calls.acknowledge(ACKNOWLEDGE(subscription=self._recorder(topic), ack_ids=ids)).result()
        return [as_json(r.message) for r in received]

    def _recorder(self, topic: str) -> str:
        return self._subscription(f"{RECORDER}.{topic}")

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
            **self._dead_letter_policy(declared.max_delivery_attempts),
        }

    def _dead_letter_policy(self, attempts: int) -> dict[str, Any]:
        if not attempts:
            return {}
        return {"deadLetterPolicy": {"deadLetterTopic": self._topic(DEAD_LETTERS), "maxDeliveryAttempts": attempts}}

    def _topic(self, topic: str) -> str:
        return f"projects/{self._project}/topics/{topic}"

    def _subscription(self, name: str) -> str:
        return f"projects/{self._project}/subscriptions/{name}"

    def _make_topics(self, names: list[str]) -> None:
        _made({name: self._calls.create_topic(TOPIC(name=self._topic(name))) for name in names})

    def _make_subscriptions(self, wanted: Mapping[str, dict[str, Any]]) -> None:
        described = {n: message(SUBSCRIPTION, name=self._subscription(n), **values) for n, values in wanted.items()}
        _made({name: self._calls.create_subscription(one) for name, one in described.items()})


def _made(calls: Mapping[str, Any]) -> None:
    """Wait for calls that were all started; what they make may be there already."""
    for name, call in calls.items():
        error = call.exception()
        if error is not None and error.code() is not grpc.StatusCode.ALREADY_EXISTS:
            raise RuntimeError(f"Pub/Sub refused {name}: {error.code().name} {error.details()[:200]}")


def _side_by_side(create: Callable[[Made], object], wanted: Sequence[Made]) -> None:
    """An emulator takes its time for each call, and hardly more for several at once."""
    if wanted:
        with ThreadPoolExecutor(min(6, len(wanted))) as pool:
            for made in [pool.submit(create, one) for one in wanted]:
                made.result()


def subscription(function: Declared, topic: str) -> str:
    return f"{function.deployed_name}.{topic}"


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
