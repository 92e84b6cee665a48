"""From a rendered template to an e-mail: headers, a text part and an HTML part.

Headers are encoded here and handed over as plain ASCII under the policy `compat32`. The newer policies of the standard
library read a value before they write it: until Python 3.12.5 a name like `=?utf-8?q?=0D=0ABcc:_x?=` came out as a
header of its own, and spaces between encoded words are lost to this day (docs/traps.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.contentmanager import raw_data_manager
from email.header import Header
from email.message import EmailMessage
from email.policy import compat32
from email.utils import format_datetime, parseaddr

from shared.notifications.errors import Refused
from shared.notifications.models import Command, Rendered
from shared.notifications.rules import LONGEST_NAME, UNPRINTABLE, is_address, message_id, one_line
from shared.platform.errors import Misconfigured

# Locally, and in mock mode, nobody has chosen one.
NOBODY = "LivHana <no-reply@example.com>"
LONGEST_ADDRESS = 254
ON_THE_WIRE = compat32.clone(linesep="\r\n", max_line_length=78)
# What may stand in a header as it is: printable ASCII that nobody takes for an encoded word.
PLAIN = re.compile(r"(?!.*=\?)[ -~]*")
ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")


@dataclass(frozen=True)
class Sender:
    """MAIL_FROM and MAIL_REPLY_TO."""

    name: str
    address: str
    reply_to: str

    @classmethod
    def parse(cls, sender: str, reply_to: str) -> Sender:
        """Raises `Misconfigured` that names the variable."""
        name, address = _named("MAIL_FROM", sender or NOBODY)
        return cls(name or "LivHana", address, _named("MAIL_REPLY_TO", reply_to)[1] if reply_to else "")


def letter(
    command: Command, rendered: Rendered, sender: Sender, unsubscribe_url: str, written_at: datetime
) -> EmailMessage:
    """The message; its envelope is `sender.address` and `recipient(command)`. Raises `Refused` for no address."""
    made = EmailMessage(policy=ON_THE_WIRE)
    made["From"] = mailbox(sender.name, sender.address)
    made["To"] = mailbox(str(command.data.get("name") or ""), recipient(command))
    if sender.reply_to:
        made["Reply-To"] = sender.reply_to
    made["Subject"] = unstructured(rendered.subject)
    made["Date"] = format_datetime(written_at)
    made["Message-ID"] = message_id(command.id, sender.address)
    made["X-Template"] = command.template
    # No vacation notice answers a machine (RFC 3834).
    made["Auto-Submitted"] = "auto-generated"
    if unsubscribe_url:
        made["List-Unsubscribe"] = f"<{unsubscribe_url}>"
    if unsubscribe_url.startswith("https://"):
        # RFC 8058 knows one click by HTTPS only.
        made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    made.set_content(rendered.text, content_manager=raw_data_manager, cte="quoted-printable")
    made.add_alternative(rendered.html, content_manager=raw_data_manager, subtype="html", cte="quoted-printable")
    return made


def part_of(message: EmailMessage, kind: str) -> str:
    """The text of its `plain` or `html` part; empty without one."""
    found = message.get_body((kind,))
    content = found.get_payload(decode=True) if found else b""
    return content.decode("utf-8", "replace") if isinstance(content, bytes) else ""


def recipient(command: Command) -> str:
    """The address as the envelope has it, its domain in ASCII. Raises `Refused` for what cannot be one."""
    local, _, domain = command.to.strip().rpartition("@")
    try:
        address = f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        address = ""
    if len(address) > LONGEST_ADDRESS or not is_address(address):
        raise Refused("invalid_address")
    if not address.isascii():
        # Failure policy: few servers take it (SMTPUTF8), and none that is on the way may be missing.
        raise Refused("address_not_ascii")
    return address


def unstructured(text: str) -> str:
    """Of a subject: as it is, or in encoded words (RFC 2047)."""
    return text if PLAIN.fullmatch(text) else _encoded(text)


def mailbox(name: str, address: str) -> str:
    """`Name <address>`; the name as it is, in quotes, or in encoded words."""
    line = one_line(name, LONGEST_NAME)
    if not line:
        return address
    if not PLAIN.fullmatch(line):
        return f"{_encoded(line)} <{address}>"
    quoted = line if ATOMS.fullmatch(line) else '"' + re.sub(r'(["\\])', r"\\\1", line) + '"'
    return f"{quoted} <{address}>"


def _encoded(text: str) -> str:
    # One space between two words, which readers take away; the policy folds there.
    return Header(text, "utf-8", maxlinelen=60).encode(linesep="").replace("\n", "")


def _named(env: str, text: str) -> tuple[str, str]:
    name, address = parseaddr(text)
    if UNPRINTABLE.search(text) or not is_address(address) or not address.isascii():
        raise Misconfigured(f"{env} is no address. Write 'Name <address>'.")
    return name, address
