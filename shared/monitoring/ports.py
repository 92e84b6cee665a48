"""What an alert's delivery needs of a channel: shared/integrations/slack.py, pagerduty.py, and by_mail.py here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shared.monitoring.notices import Notice
from shared.platform.outbox import Outgoing


class Channel(Protocol):
    """Threads may share one. `closes`: it keeps alerts open until they are resolved, and takes nothing for others."""

    @property
    def name(self) -> str: ...

    @property
    def closes(self) -> bool: ...

    def deliver(self, notice: Notice) -> Sequence[Outgoing]:
        """It is delivered when this returns, and what is returned has left through the outbox.

        Raises `Unavailable` to be called again, once or more for one notice, and `ChannelRefused` when it is in vain.
        """
