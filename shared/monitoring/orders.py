"""Orders of operators on topic `dead-letter-orders`: {orderId, action, ids, function}."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.monitoring.dead_letters import DISCARDED, REPLAYED
from shared.monitoring.resolving import Order
from shared.platform.pubsub import Message

TOPIC_OF_ORDERS = "dead-letter-orders"
ACTIONS = {"replay": REPLAYED, "discard": DISCARDED}


def message_of(order_id: str, action: str, ids: Sequence[str], function: str) -> Message:
    """`action`: `replay` or `discard`. Without `ids` and `function` it means all."""
    order = {"orderId": order_id, "action": action, "ids": list(ids), "function": function}
    return Message(json.dumps(order), {"type": action, "eventId": order_id})


def order_of(data: Mapping[str, Any], at: datetime) -> Order:
    """Raises ValueError for what is no order: nothing is done that nobody has asked for."""
    ids, function = data.get("ids"), data.get("function")
    if data.get("action") not in ACTIONS or not isinstance(ids, list) or not isinstance(function, str):
        raise ValueError("This is no order about dead letters.")
    return Order(str(data.get("orderId")), ACTIONS[data["action"]], tuple(map(str, ids)), function, at)
