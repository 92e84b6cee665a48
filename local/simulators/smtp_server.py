"""SMTP as a server speaks it (RFC 5321, with STARTTLS, AUTH, SIZE, 8BITMIME): a thread for each connection.

Of our own, because a simulator must be able to fall silent or hang up at any word.
"""

from __future__ import annotations

import base64
import binascii
import re
import socket
import socketserver
import ssl
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from local.ports import HOST
from local.simulators.smtp_certificate import context
from local.simulators.traps import Traps

IDLE_SECONDS = 60
LARGEST = 10 * 1024 * 1024
# RFC 5321 4.5.3.1: of a command, and of a line of a message.
LONGEST_COMMAND, LONGEST_LINE = 512, 1000
PATH = re.compile(r"(?:FROM|TO):\s*<([^<>]*)>(.*)", re.IGNORECASE)


class Post(Protocol):
    """What becomes of messages."""

    traps: Traps

    def transmitted(self) -> None: ...

    def greylisted(self, recipient: str) -> bool: ...

    def take(self, sender: str, recipient: str, raw: bytes) -> int: ...


class MailServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, post: Post, account: tuple[str, str]) -> None:
        self.post = post
        self.account = account
        self.tls = context()
        super().__init__((HOST, port), Session)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error of ours; `Session` has written about everything else."""


class HungUp(Exception):
    """The connection is to end, without another word."""


class Session(socketserver.BaseRequestHandler):
    """One connection."""

    server: MailServer
    request: socket.socket

    def setup(self) -> None:
        self._traps = self.server.post.traps
        self.request.settimeout(IDLE_SECONDS)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = self.request.makefile("rb")
        self._secure = self._known = False
        self._forget()

    def handle(self) -> None:
        if self._traps["down"]:
            return
        try:
            self._say(220, "simulated.example ESMTP")
            while self._step():
                pass
        except (HungUp, OSError, ssl.SSLError):
            pass
        except Exception:  # noqa: BLE001 - whatever it is, it is a mistake of the simulator, and a person must see it
            traceback.print_exc()

    def finish(self) -> None:
        with suppress(OSError):
            self.request.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            self.request.close()

    def _forget(self) -> None:
        self._sender: str | None = None
        self._recipients: list[str] = []

    # --- commands

    def _step(self) -> bool:
        line = self._read.readline(LONGEST_COMMAND + 2)
        if not line:
            return False
        if not line.endswith(b"\r\n"):
            self._say(500, "5.5.2 Line too long, or without its end")
            return True
        verb, _, rest = line[:-2].decode("utf-8", "replace").partition(" ")
        commands: dict[str, Callable[[str], None]] = {
            "EHLO": self._ehlo,
            "HELO": lambda _: self._say(250, "simulated.example"),
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": lambda _: self._say(250, "2.0.0 Ok"),
        }
        if verb.upper() == "QUIT":
            self._say(221, "2.0.0 Bye")
            return False
        commands.get(verb.upper(), self._unknown)(rest.strip())
        return True

    def _unknown(self, _: str) -> None:
        self._say(502, "5.5.1 Command not known")

    def _ehlo(self, _: str) -> None:
        self._forget()
        offers = ["simulated.example", f"SIZE {LARGEST}", "8BITMIME", "ENHANCEDSTATUSCODES"]
        if not self._secure and not self._traps["no_tls"]:
            offers.append("STARTTLS")
        if self._secure or self._traps["no_tls"]:
            offers.append("AUTH PLAIN LOGIN")
        for offer in offers[:-1]:
            self._write(f"250-{offer}\r\n")
        self._say(250, offers[-1])

    def _starttls(self, _: str) -> None:
        if self._secure or self._traps["no_tls"]:
            self._say(502, "5.5.1 Not offered")
            return
        self._say(220, "2.0.0 Ready to start TLS")
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        # What was said before in clear does not count (RFC 3207).
        self._read = self.request.makefile("rb")
        self._secure, self._known = True, False
        self._forget()

    def _auth(self, rest: str) -> None:
        kind, _, initial = rest.partition(" ")
        if not self._secure and not self._traps["no_tls"]:
            self._say(538, "5.7.11 Encryption required")
            return
        try:
            given = self._credentials(kind.upper(), initial)
        except (binascii.Error, ValueError):
            self._say(501, "5.5.2 Not base64")
            return
        self._known = given == self.server.account and not self._traps["wrong_password"]
        if self._known:
            self._say(235, "2.7.0 Authentication successful")
        else:
            self._say(535, "5.7.8 Authentication credentials invalid")

    def _credentials(self, kind: str, initial: str) -> tuple[str, str]:
        if kind == "PLAIN":
            _, user, password = _decoded(initial or self._asked("")).split("\0")
            return user, password
        if kind == "LOGIN":
            return _decoded(initial or self._asked("VXNlcm5hbWU6")), _decoded(self._asked("UGFzc3dvcmQ6"))
        return "", ""

    def _asked(self, challenge: str) -> str:
        self._say(334, challenge)
        return self._read.readline(LONGEST_COMMAND).strip().decode("ascii", "replace")

    def _mail(self, rest: str) -> None:
        if self._traps.every("hang_up"):
            self._say(421, "4.3.2 Closing the channel")
            raise HungUp
        if not self._known and not self._traps["open"]:
            self._say(530, "5.7.0 Authentication required")
            return
        path = PATH.fullmatch(rest)
        if path is None or self._sender is not None:
            self._say(503 if path else 501, "5.5.1 Out of order, or no path")
            return
        if self._traps["refuse_sender"]:
            self._say(553, f"5.7.1 <{path[1]}>: Sender address rejected: not owned by user")
            return
        self._sender = path[1]
        self._say(250, "2.1.0 Ok")

    def _rcpt(self, rest: str) -> None:
        path = PATH.fullmatch(rest)
        if path is None or self._sender is None or not path[1]:
            self._say(503 if path else 501, "5.5.1 Out of order, or no path")
            return
        recipient = path[1]
        text = self._traps["refuse_recipients"]
        if text and str(text) in recipient:
            self._say(550, f"5.1.1 <{recipient}>: Recipient address rejected: User unknown")
        elif self._traps.every("not_now_recipient"):
            self._say(450, f"4.2.1 <{recipient}>: Mailbox is busy")
        elif self.server.post.greylisted(recipient):
            self._say(451, f"4.7.1 <{recipient}>: Greylisted, come again in some minutes")
        else:
            self._recipients.append(recipient)
            self._say(250, "2.1.5 Ok")

    def _data(self, _: str) -> None:
        if not self._recipients:
            self._say(503, "5.5.1 Name a recipient first")
            return
        self._say(354, "End data with <CR><LF>.<CR><LF>")
        raw = self._message()
        self.server.post.transmitted()
        if raw is None:
            self._say(500, "5.5.2 A line is longer than 998 characters, or ends without CRLF")
        elif self._traps.every("drop_before"):
            raise HungUp
        elif self._traps.every("not_now"):
            self._say(451, "4.3.0 Local error in processing")
        elif self._unwanted():
            self._say(554, f"5.7.1 Message for <{self._recipients[0]}> refused as spam")
        else:
            self._take(raw)
        self._forget()

    def _unwanted(self) -> bool:
        text = self._traps["refuse_messages"]
        return bool(text) and any(str(text) in recipient for recipient in self._recipients)

    def _take(self, raw: bytes) -> None:
        assert self._sender is not None
        number = 0
        for recipient in self._recipients:
            number = self.server.post.take(self._sender, recipient, raw)
        if self._traps.every("drop_after"):
            raise HungUp
        self._say(250, f"2.0.0 Ok: queued as {number:08X}")

    def _message(self) -> bytes | None:
        """With single dots again; None for one that no real server would have to take."""
        lines, fit = [], True
        while (line := self._read.readline(LONGEST_LINE + 1)) != b".\r\n":
            if not line:
                raise HungUp
            fit = fit and len(line) <= LONGEST_LINE and line.endswith(b"\r\n") and b"\r" not in line[:-2]
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines) if fit else None

    def _rset(self, _: str) -> None:
        self._forget()
        self._say(250, "2.0.0 Ok")

    # --- the wire

    def _say(self, code: int, text: str) -> None:
        if pause := self._traps["slow_ms"]:
            time.sleep(float(pause) / 1000)
        self._write(f"{code} {text}\r\n")

    def _write(self, text: str) -> None:
        self.request.sendall(text.encode("utf-8"))


def _decoded(text: str) -> str:
    return base64.b64decode(text, validate=True).decode("utf-8")
