"""The command to go on with the refunds of a cancelled raffle."""

from __future__ import annotations

import json
from dataclasses import dataclass

from shared.platform.pubsub import Message

TOPIC = "raffle-refunds"


@dataclass(frozen=True)
class RefundOrder:
    """On topic `raffle-refunds`: {raffleId}. One that is lost does no harm: the schedule goes on with every raffle."""

    raffle_id: str

    def message(self) -> Message:
        return Message(json.dumps({"raffleId": self.raffle_id}), {"type": "raffle.refunds"})
