"""From a rendered template to an e-mail: headers, a text part and an HTML part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr

from shared.notifications.errors import Refused
from shared.notifications.models import Command, Rendered
from shared.notifications.rules import LONGEST_NAME, UNPRINTABLE, is_address, message_id, one_line
from shared.platform.errors import Misconfigured

# Locally, and in mock mode, nobody has chosen one.
NOBODY = "LivHana <no-reply@example.com>"
LONGEST_ADDRESS = 254


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
    to = recipient(command)
    made = EmailMessage(policy=SMTP if to.isascii() else SMTPUTF8)
    made["From"] = Address(one_line(sender.name, LONGEST_NAME), addr_spec=sender.address)
    made["To"] = Address(one_line(str(command.data.get("name") or ""), LONGEST_NAME), addr_spec=to)
    if sender.reply_to:
        made["Reply-To"] = Address(addr_spec=sender.reply_to)
    made["Subject"] = rendered.subject
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
    made.set_content(rendered.text, cte="quoted-printable")
    made.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    return made


def recipient(command: Command) -> str:
    """The address as the envelope has it, its domain in ASCII. Raises `Refused` for what cannot be one."""
    local, _, domain = command.to.strip().rpartition("@")
    try:
        address = f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        address = ""
    if len(address) > LONGEST_ADDRESS or UNPRINTABLE.search(address) or not is_address(address):
        raise Refused("invalid_address")
    return address


def _named(env: str, text: str) -> tuple[str, str]:
    name, address = parseaddr(text)
    if UNPRINTABLE.search(text) or not is_address(address) or not address.isascii():
        raise Misconfigured(f"{env} is no address. Write 'Name <address>'.")
    return name, address
