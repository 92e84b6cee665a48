"""What can go wrong with an alert's delivery, beside `Unavailable`."""

from __future__ import annotations


class ChannelRefused(Exception):
    """The channel has read it and will never take it. `reason` is for the log and the delivery's document."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
