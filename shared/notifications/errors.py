"""What can go wrong with a mail.

Failure
├── Invalid
│   └── BadLink             a link to unsubscribe that is none of ours
└── Unavailable             comes again by redelivery
    ├── NotSetUp            there is no SMTP_URL
    ├── BeingSent           another instance is at it
    └── Doubtful            the server was given the mail and did not say whether it took it
Refused                     this recipient will never get this mail: recorded, and not tried again
"""

from __future__ import annotations

from shared.platform.errors import Invalid, Unavailable


class BadLink(Invalid):
    code = "bad_link"

    def __init__(self) -> None:
        super().__init__("This link is not complete. Open the one in the mail once more.", field="s")


class NotSetUp(Unavailable):
    def __init__(self) -> None:
        super().__init__("Mail is in mock mode: SMTP_URL is not set. The message is kept, not sent.")


class BeingSent(Unavailable):
    def __init__(self) -> None:
        super().__init__("Another delivery of this mail is under way.")


class Doubtful(Unavailable):
    """The one moment of SMTP that nobody can be sure of (RFC 1047)."""


class Refused(Exception):
    """`code`: of our own words, or the server's status. `answer`: its text, without addresses."""

    def __init__(self, code: str, answer: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.answer = answer
