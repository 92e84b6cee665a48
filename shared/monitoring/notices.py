"""An alert's event as people read it: one text for every channel. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

RAISED, REMINDED, RESOLVED = "raised", "reminded", "resolved"
KINDS = (RAISED, REMINDED, RESOLVED)


@dataclass(frozen=True, kw_only=True)
class Notice:
    """`kind`: raised, reminded or resolved. `value` and `threshold`: decimal text, or None.

    `missed`: how many earlier ones of the alert this channel never got, the first of them of `missed_since`.
    """

    event_id: str
    kind: str
    at: datetime
    severity: str
    title: str
    message: str
    tags: str
    dedup_key: str
    value: str | None
    threshold: str | None
    missed: int = 0
    missed_since: datetime | None = None

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Notice:
        """Raises ValueError and KeyError for what is no alert: a poison message."""
        kind, data = str(event["type"]).removeprefix("alert."), event["data"]
        if kind not in KINDS:
            raise ValueError(f"{kind} is no kind of alert.")
        return cls(
            event_id=event["eventId"],
            kind=kind,
            at=datetime.fromisoformat(event["occurredAt"]),
            severity=data["severity"],
            title=data["title"],
            message=data["message"],
            tags=data["tags"],
            dedup_key=data["dedupKey"],
            value=data.get("value"),
            threshold=data.get("threshold"),
        )

    @property
    def opens(self) -> bool:
        return self.kind != RESOLVED

    @property
    def place(self) -> tuple[datetime, str]:
        """In the order of its alert's events."""
        return self.at, self.event_id

    @property
    def headline(self) -> str:
        """`CRITICAL: Requests fail`."""
        state = {RAISED: self.severity, REMINDED: f"still {self.severity}", RESOLVED: "resolved"}[self.kind]
        return f"{state.upper()}: {self.title}"

    @property
    def remark(self) -> str:
        """What was not told before; empty when everything was."""
        if not self.missed or self.missed_since is None:
            return ""
        messages = "An earlier message" if self.missed == 1 else f"{self.missed} earlier messages"
        first = "it was" if self.missed == 1 else "the first was"
        return f"{messages} of this alert could not be delivered; {first} of {self.missed_since:%Y-%m-%d %H:%M} UTC."


def cut(text: str, most: int) -> str:
    """At most so many characters, with a sign that there were more."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
