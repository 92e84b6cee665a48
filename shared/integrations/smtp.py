"""A mail server, over SMTP with the standard library: connections are kept, and every answer has its meaning.

| the server says | what follows |
|---|---|
| 4xx, 421, no connection, no answer, TLS or sign-in that fails | `Unavailable`: another time |
| 5xx to the recipient or to the message | `Refused`: never |
| 5xx to our own address, or that a sign-in is needed | `Unavailable`: our set-up is wrong, no mail is given up |
| nothing, after it was given the whole message | `Doubtful`: it may have taken it |
"""

from __future__ import annotations

import logging
import queue
import re
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

from shared.notifications.errors import Doubtful, Refused
from shared.notifications.letters import Sender
from shared.notifications.rules import without_addresses
from shared.platform.clock import Clock
from shared.platform.context import Platform
from shared.platform.errors import Misconfigured, Unavailable
from shared.platform.settings import Settings

CONNECT_SECONDS, COMMAND_SECONDS = 10.0, 20.0
# RFC 5321 would wait ten minutes for the last answer; our lease does not last so long.
ANSWER_SECONDS = 60.0
# A server may end a connection that did nothing, or had many mails; ours ends it first.
IDLE_SECONDS, LIFE_SECONDS, MAILS_A_CONNECTION = 30.0, 300.0, 100
PORTS = {"smtp": 587, "smtps": 465}
# Sign in first (530, 535, 538): our set-up. 552 of a recipient means too many of them (RFC 5321 4.5.3.1.10).
NOT_THE_RECIPIENTS = (530, 535, 538, 552)

log = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class Server:
    """Where SMTP_URL leads. It holds a password, hence no repr."""

    host: str
    port: int
    implicit_tls: bool
    user: str
    password: str


def parse_url(env: str, text: str) -> Server:
    """Raises `Misconfigured` that names the variable and never shows the value."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise Misconfigured(f"{env} must be smtp://user:password@host:587 or smtps://user:password@host:465.")
    return Server(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        implicit_tls=parts.scheme == "smtps",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def connect(platform: Platform) -> Smtp | None:
    """None without SMTP_URL: mail is in mock mode."""
    settings = platform.settings
    if not settings.smtp_url:
        return None
    return Smtp(parse_url("SMTP_URL", settings.smtp_url), settings, platform.clock)


@dataclass(eq=False)
class Connection:
    """One that is open and signed in."""

    smtp: smtplib.SMTP
    since: float
    used: float
    mails: int = 0


class Smtp:
    """The `Mailer` of one instance. Threads share it; each has a connection for itself while it sends."""

    def __init__(self, server: Server, settings: Settings, clock: Clock) -> None:
        self._server = server
        self._clock = clock
        self._from = Sender.parse(settings.mail_from, "").address
        self._tls_needed = settings.environment != "local"
        self._ca = settings.smtp_ca
        self._idle: queue.LifoQueue[Connection] = queue.LifoQueue()

    def send(self, message: EmailMessage, to: str, seconds: float) -> str:
        """See `Mailer`."""
        until = self._clock.monotonic() + seconds
        connection, kept = self._lent()
        try:
            try:
                self._envelope(connection, to, until)
            except (smtplib.SMTPServerDisconnected, OSError):
                # A kept connection may have ended since: nothing was given to the server yet, so another one is safe.
                if not kept:
                    raise
                self._close(connection)
                connection = self._opened()
                self._envelope(connection, to, until)
            answer = self._message(connection, message)
        except Refused:
            self._keep(connection)
            raise
        except (smtplib.SMTPException, OSError) as error:
            self._close(connection)
            raise _unavailable(error) from None
        except BaseException:
            self._close(connection)
            raise
        connection.mails += 1
        self._keep(connection, wipe=False)
        return answer

    def close(self) -> None:
        """End the connections that are kept."""
        while True:
            try:
                self._close(self._idle.get_nowait())
            except queue.Empty:
                return

    def __del__(self) -> None:
        self.close()

    # --- one mail

    def _envelope(self, connection: Connection, to: str, until: float) -> None:
        """Up to the server's word that it wants the message."""
        smtp = connection.smtp
        self._in_time(smtp, until)
        code, text = smtp.mail(self._from)
        if code == 421:
            # It ends the connection, which says nothing about this mail.
            raise smtplib.SMTPServerDisconnected("421")
        if code != 250:
            # Failure policy: a server that refuses our own address refuses every mail; that is for the operator.
            log.error("mail_sender_refused", extra={"status": code, "answer": _said(text)})
            raise smtplib.SMTPResponseException(code, text)
        self._in_time(smtp, until)
        code, text = smtp.rcpt(to)
        if code not in (250, 251):
            _refuse(code, text)
        self._in_time(smtp, until)
        code, text = smtp.docmd("DATA")
        if code != 354:
            _refuse(code, text)

    def _message(self, connection: Connection, message: EmailMessage) -> str:
        """The server's answer to the message as a whole; from its last line on it may have it."""
        smtp = connection.smtp
        assert smtp.sock is not None  # noqa: S101 - the server has just answered
        smtp.sock.settimeout(ANSWER_SECONDS)
        try:
            smtp.send(_on_the_wire(message))
            code, text = smtp.getreply()
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            # Failure policy: it is sent again under the same Message-ID, rather than never.
            self._close(connection)
            log.warning("mail_doubtful", extra={"reason": type(error).__name__})
            raise Doubtful("The mail server did not say whether it took the mail.") from None
        if code != 250:
            _refuse(code, text)
        return f"{code} {_said(text)}"

    def _in_time(self, smtp: smtplib.SMTP, until: float) -> None:
        """Each command may take so long, and all of them together no longer than until then."""
        left = until - self._clock.monotonic()
        if left <= 0 or smtp.sock is None:
            raise smtplib.SMTPServerDisconnected("out of time")
        smtp.sock.settimeout(min(left, COMMAND_SECONDS))

    # --- connections

    def _lent(self) -> tuple[Connection, bool]:
        """One, and whether it was kept from before."""
        while True:
            try:
                found = self._idle.get_nowait()
            except queue.Empty:
                return self._opened_or_unavailable(), False
            now = self._clock.monotonic()
            fresh = now - found.used < IDLE_SECONDS and now - found.since < LIFE_SECONDS
            if fresh and found.mails < MAILS_A_CONNECTION:
                return found, True
            self._close(found)

    def _opened_or_unavailable(self) -> Connection:
        try:
            return self._opened()
        except (smtplib.SMTPException, OSError) as error:
            raise _unavailable(error) from None

    def _opened(self) -> Connection:
        server = self._server
        if server.implicit_tls:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=CONNECT_SECONDS, context=self._context()
            )
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=CONNECT_SECONDS)
        try:
            assert smtp.sock is not None  # noqa: S101 - it has connected
            smtp.sock.settimeout(COMMAND_SECONDS)
            self._secure(smtp)
            if server.user:
                smtp.login(server.user, server.password)
            smtp.ehlo_or_helo_if_needed()
        except BaseException:
            smtp.close()
            raise
        now = self._clock.monotonic()
        return Connection(smtp, now, now)

    def _secure(self, smtp: smtplib.SMTP) -> None:
        """STARTTLS where it is offered. Failure policy: outside of a developer's machine nothing is said without it."""
        if self._server.implicit_tls:
            return
        smtp.ehlo_or_helo_if_needed()
        if smtp.has_extn("starttls"):
            smtp.starttls(context=self._context())
            smtp.ehlo()
        elif self._tls_needed:
            raise smtplib.SMTPNotSupportedError("The server offers no STARTTLS.")

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self._ca or None)

    def _keep(self, connection: Connection, *, wipe: bool = True) -> None:
        """For the next mail; after a refusal the server's idea of this one is wiped."""
        if wipe and not self._wiped(connection.smtp):
            self._close(connection)
            return
        connection.used = self._clock.monotonic()
        self._idle.put(connection)

    @staticmethod
    def _wiped(smtp: smtplib.SMTP) -> bool:
        try:
            code, _ = smtp.rset()
        except (smtplib.SMTPException, OSError):
            return False
        return code == 250

    @staticmethod
    def _close(connection: Connection) -> None:
        with suppress(smtplib.SMTPException, OSError):
            connection.smtp.close()


def _on_the_wire(message: EmailMessage) -> bytes:
    """With CRLF, dots doubled at the beginning of lines, and the line with one dot that ends it."""
    raw = re.sub(rb"\r\n|\n|\r", b"\r\n", message.as_bytes())
    doubled = re.sub(rb"(?m)^\.", b"..", raw)
    return doubled + (b"" if doubled.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _refuse(code: int, text: bytes) -> NoReturn:
    """4xx: another time. 5xx of the recipient or the message: never."""
    if 500 <= code < 600 and code not in NOT_THE_RECIPIENTS:
        raise Refused(str(code), _said(text))
    raise smtplib.SMTPResponseException(code, text)


def _unavailable(error: Exception) -> Unavailable:
    status = getattr(error, "smtp_code", None)
    log.warning(
        "mail_server_unavailable",
        extra={"reason": type(error).__name__, "status": status, "answer": _said(getattr(error, "smtp_error", b""))},
    )
    return Unavailable(f"The mail server did not take it ({status or type(error).__name__}).")


def _said(text: Any) -> str:
    return without_addresses(text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text))
