"""A mail server that catches every mail and delivers none: SMTP on the port behind its control API's.

What a real one does to a client it does too: STARTTLS with a certificate, AUTH, greylisting, 4xx and 5xx at every step,
silence, connections that are refused or end before or after it took the message. A message that comes again under its
Message-ID is filed once and counted, as mailboxes do.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, ClassVar
from urllib.parse import urlsplit

from local.simulators.database import Database
from local.simulators.messages import Answer, Request, Wrong
from local.simulators.provider import Parameters, Provider, Route
from local.simulators.smtp_certificate import pem_of_certificate
from local.simulators.smtp_server import MailServer
from local.simulators.traps import Strike, Traps
from shared.platform.clock import Clock, wire_time

USER, PASSWORD = "local", "made-up"
TABLES = """
CREATE TABLE mails (
  number INTEGER PRIMARY KEY, message_id TEXT, recipient TEXT, sender TEXT, subject TEXT, received_at TEXT,
  copies INTEGER NOT NULL, raw BLOB NOT NULL, UNIQUE (message_id, recipient)
);
CREATE TABLE greylist (recipient TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class SmtpProvider(Provider):
    name = "smtp"
    parameters: ClassVar = {"seed": 1}
    streams = ()
    tables = TABLES
    prefixes = ("/no-api-of-its-own",)
    own_traps: ClassVar[Mapping[str, str]] = {
        "down": "connections are closed before a word",
        "not_now": "every n-th message is answered 451 at its end",
        "not_now_recipient": "every n-th recipient is answered 450",
        "refuse_recipients": "550 for addresses with this text in them",
        "refuse_messages": "554 at the end of messages with this text in their addresses",
        "refuse_sender": "553 for every sender",
        "greylist": "the first time that a recipient is named is answered 451",
        "drop_before": "every n-th connection ends when the message was sent, and it is not taken",
        "drop_after": "every n-th connection ends when the message was taken, without an answer",
        "hang_up": "every n-th connection ends before MAIL is answered, with 421",
        "slow_ms": "milliseconds before each answer",
        "no_tls": "STARTTLS is not offered",
        "wrong_password": "every sign-in is refused",
        "open": "nobody has to sign in",
    }

    @classmethod
    def environment(cls, url: str) -> dict[str, str]:
        parts = urlsplit(url)
        # Without a simulator there is no port: only the names of the variables are asked for.
        port = parts.port + 1 if parts.port else 0
        return {
            "SMTP_URL": f"smtp://{USER}:{PASSWORD}@{parts.hostname or 'localhost'}:{port}",
            "SMTP_CA": pem_of_certificate(),
        }

    def __init__(self, database: Database, traps: Traps, clock: Clock) -> None:
        super().__init__(database, traps, clock)
        self._transmissions = 0
        self._counting = threading.Lock()

    def beside(self, port: int) -> None:
        server = MailServer(port + 1, self, (USER, PASSWORD))
        threading.Thread(target=server.serve_forever, name="smtp", daemon=True).start()

    def seed(self, parameters: Parameters) -> None:
        """Nobody has written yet."""

    def seeded(self, parameters: Parameters) -> None:
        """Nothing follows from the parameters."""

    def routes(self) -> Sequence[Route]:
        return []

    def controls(self) -> Sequence[Route]:
        return [
            ("GET", "/mail", self._list),
            ("DELETE", "/mail", self._clear),
            ("GET", "/mail/counts", self._counts),
            ("GET", "/mail/{number}", self._one),
            ("GET", "/mail/{number}/raw", self._raw),
        ]

    def admit(self, request: Request) -> None:
        """There is no API."""

    def finish(self, request: Request, answer: Answer) -> None:
        """There is no API."""

    def refusal(self, strike: Strike) -> Answer:
        return Answer.json(strike.status or 404, {"error": strike.kind})

    def ledger(self, stream: str, start: datetime | None, end: datetime | None) -> dict[str, Any]:
        raise Wrong("A mail server keeps no ledger: GET /mail.")

    def counts(self) -> dict[str, int]:
        found = self.database.row("SELECT COUNT(*), COALESCE(SUM(copies), 0) FROM mails")
        assert found is not None
        return {"mails": found[0], "copies": found[1], "transmissions": self._transmissions}

    # --- what the SMTP side asks

    def transmitted(self) -> None:
        """A whole message has come, whether it is taken or not."""
        with self._counting:
            self._transmissions += 1

    def greylisted(self, recipient: str) -> bool:
        """Whether it is the first time that this recipient is named."""
        if not self.traps["greylist"]:
            return False
        with self.database.write() as connection:
            found = connection.execute("INSERT OR IGNORE INTO greylist VALUES (?)", (recipient,))
            return found.rowcount == 1

    def take(self, sender: str, recipient: str, raw: bytes) -> int:
        """File a message; its number. A copy is counted."""
        found = message_from_bytes(raw, policy=policy.default)
        values = (
            str(found["Message-ID"] or ""),
            recipient,
            sender,
            str(found["Subject"] or ""),
            wire_time(self.clock.now()),
            raw,
        )
        with self.database.write() as connection:
            row = connection.execute(
                "INSERT INTO mails (message_id, recipient, sender, subject, received_at, copies, raw) "
                "VALUES (?, ?, ?, ?, ?, 1, ?) "
                "ON CONFLICT (message_id, recipient) DO UPDATE SET copies = copies + 1 RETURNING number",
                values,
            ).fetchone()
            return int(row[0])

    # --- the control API

    def _list(self, request: Request) -> Answer:
        """Newest first. `?to=` and `?subject=` are parts of them; `?limit=`."""
        wanted = request.arguments
        limit = wanted.get("limit", "100")
        if not limit.isdecimal():
            raise Wrong("limit must be a whole number.")
        rows = self.database.rows(
            "SELECT number, message_id, recipient, sender, subject, received_at, copies, raw FROM mails "
            "WHERE instr(recipient, ?) AND instr(lower(subject), lower(?)) AND instr(raw, ?) "
            "ORDER BY number DESC LIMIT ?",
            (wanted.get("to", ""), wanted.get("subject", ""), _header(wanted.get("template", "")), int(limit)),
        )
        return Answer.json(200, {**self.counts(), "list": [_shown(row) for row in rows]})

    def _clear(self, _: Request) -> Answer:
        with self.database.write() as connection:
            connection.execute("DELETE FROM mails")
            connection.execute("DELETE FROM greylist")
        self._transmissions = 0
        return Answer.json(200, {})

    def _counts(self, _: Request) -> Answer:
        """Of every address: how many mails, and copies of them."""
        rows = self.database.rows("SELECT recipient, COUNT(*), SUM(copies) FROM mails GROUP BY recipient")
        return Answer.json(200, {**self.counts(), "recipients": {to: [mails, copies] for to, mails, copies in rows}})

    def _one(self, _: Request, number: str) -> Answer:
        row = self._row(number)
        found = message_from_bytes(row[7], policy=policy.default)
        assert isinstance(found, EmailMessage)
        return Answer.json(
            200,
            {
                **_shown(row),
                "headers": [[name, str(value)] for name, value in found.items()],
                "text": _part(found, "plain"),
                "html": _part(found, "html"),
            },
        )

    def _raw(self, _: Request, number: str) -> Answer:
        return Answer(200, self._row(number)[7], {}, "message/rfc822")

    def _row(self, number: str) -> Sequence[Any]:
        found = self.database.row(
            "SELECT number, message_id, recipient, sender, subject, received_at, copies, raw FROM mails "
            "WHERE number = ?",
            (number,),
        )
        if found is None:
            raise Wrong(f"There is no mail {number}.")
        return found


def _shown(row: Sequence[Any]) -> dict[str, Any]:
    names = ("number", "messageId", "to", "from", "subject", "receivedAt", "copies")
    return {**dict(zip(names, row[:7], strict=True)), "template": _template(row[7])}


def _template(raw: bytes) -> str:
    head = raw.partition(b"\r\n\r\n")[0]
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"x-template:"):
            return line.partition(b":")[2].strip().decode("ascii", "replace")
    return ""


def _header(template: str) -> bytes:
    return f"X-Template: {template}".encode() if template else b""


def _part(found: EmailMessage, kind: str) -> str:
    body = found.get_body((kind,))
    return str(body.get_content()) if body else ""
