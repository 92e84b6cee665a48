"""The calls of Pub/Sub that no function needs: topics and subscriptions are made, and read.

Over gRPC: through its REST API the emulator takes four times as long for each.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format
from google.pubsub_v1 import types

SECONDS = 10.0
# A pull may be held for nine seconds before it is answered; one that is given up keeps its messages for a minute.
PULL_SECONDS = 60.0
# A proxy is for other machines than this one, and messages may come by the hundred.
OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1))
TOPIC, SUBSCRIPTION = types.Topic.pb(), types.Subscription.pb()
LIST, LISTED = types.ListSubscriptionsRequest.pb(), types.ListSubscriptionsResponse.pb()
PULL, PULLED = types.PullRequest.pb(), types.PullResponse.pb()
ACKNOWLEDGE = types.AcknowledgeRequest.pb()
SEEK, SOUGHT = types.SeekRequest.pb(), types.SeekResponse.pb()
Start = Callable[[Any], Any]


class Calls:
    """Each starts a call with a request and gives its future. Its `result()` raises `grpc.RpcError`."""

    def __init__(self, emulator: str) -> None:
        channel = _channel(emulator)

        def call(name: str, request: Any, answer: Any, seconds: float = SECONDS) -> Start:
            made = channel.unary_unary(
                f"/google.pubsub.v1.{name}",
                request_serializer=request.SerializeToString,
                response_deserializer=answer.FromString,
            )
            return lambda message: made.future(message, timeout=seconds)

        self.create_topic = call("Publisher/CreateTopic", TOPIC, TOPIC)
        self.create_subscription = call("Subscriber/CreateSubscription", SUBSCRIPTION, SUBSCRIPTION)
        self.list_subscriptions = call("Subscriber/ListSubscriptions", LIST, LISTED)
        self.pull = call("Subscriber/Pull", PULL, PULLED, PULL_SECONDS)
        self.acknowledge = call("Subscriber/Acknowledge", ACKNOWLEDGE, empty_pb2.Empty)
        self.seek = call("Subscriber/Seek", SEEK, SOUGHT)


def message(kind: Any, **values: Any) -> Any:
    """Of this kind, from values as its JSON has them."""
    return json_format.ParseDict(values, kind())


def as_json(received: Any) -> dict[str, Any]:
    found: dict[str, Any] = json_format.MessageToDict(received)
    return found


@cache
def _channel(emulator: str) -> Any:
    """One connection for all projects of a process."""
    return grpc.insecure_channel(emulator, options=OPTIONS)
