"""Alerts by e-mail: a mail for each address of ALERT_EMAILS, which the sender dedupes by its id."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from shared.monitoring.notices import Notice
from shared.platform.clock import Clock, wire_time
from shared.platform.mail import Mail

TEMPLATE = "alert"


class ByMail:
    name = "email"
    closes = False

    def __init__(self, addresses: Sequence[str], clock: Clock) -> None:
        self._addresses = addresses
        self._clock = clock

    def deliver(self, notice: Notice) -> Sequence[Mail]:
        data = {
            "severity": notice.severity,
            "title": notice.title,
            "message": " ".join(filter(None, (notice.message, notice.remark))),
            "value": notice.value,
            "threshold": notice.threshold,
            "tags": notice.tags,
            "at": wire_time(notice.at),
            "state": notice.kind,
        }
        return [
            Mail(id=_id(notice, address), template=TEMPLATE, to=address, data=data, queued_at=self._clock.now())
            for address in self._addresses
        ]


def _id(notice: Notice, address: str) -> str:
    """The same mail has the same id, whoever makes it and how often."""
    return f"eml_{hashlib.sha256(f'{notice.event_id} {address}'.encode()).hexdigest()[:32]}"
