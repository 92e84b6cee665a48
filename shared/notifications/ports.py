"""What sends a mail, seen from here."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Protocol


class Mailer(Protocol):
    """A mail server."""

    def send(self, message: EmailMessage, to: str, seconds: float) -> str:
        """Give the message to the server, which must have begun to take it within `seconds`; what it answered.

        Raises `Refused` when it will never take it for this recipient, `Doubtful` when it did not say whether it took
        it, `Unavailable` for everything that may be otherwise the next time.
        """
