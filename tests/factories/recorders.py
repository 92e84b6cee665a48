"""The subscriptions that `PubSub.pull` reads, taken away again: each costs the emulator a thread that never rests."""

from __future__ import annotations

from functools import cache
from typing import Any

import grpc
from google.protobuf import empty_pb2
from google.pubsub_v1 import types

from local.pubsub_calls import LIST, OPTIONS, SECONDS, Calls

DELETE = types.DeleteSubscriptionRequest.pb()


def forget_subscriptions(emulator: str, project: str) -> None:
    """Every subscription of a project; its topics cost nothing and stay, for who still publishes."""
    listed = Calls(emulator).list_subscriptions(LIST(project=f"projects/{project}", page_size=1000)).result()
    delete = _delete(emulator)
    for call in [delete.future(DELETE(subscription=one.name), timeout=SECONDS) for one in listed.subscriptions]:
        call.result()


@cache
def _delete(emulator: str) -> Any:
    return grpc.insecure_channel(emulator, options=OPTIONS).unary_unary(
        "/google.pubsub.v1.Subscriber/DeleteSubscription",
        request_serializer=DELETE.SerializeToString,
        response_deserializer=empty_pb2.Empty.FromString,
    )
