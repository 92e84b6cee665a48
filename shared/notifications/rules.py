"""Headers that nobody can break out of, and what is kept of what a server says. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.notifications.models import TEMPLATES, Command

# An encoded subject of so many characters of four bytes each is still a header of less than 998.
LONGEST_SUBJECT, LONGEST_NAME, LONGEST_ANSWER = 150, 60, 200
# Every kind of control, separator and half of a pair: C0, C1, line and paragraph separators, direction marks, BOM.
UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]+"
)
ADDRESS = re.compile(r"""(?x)
    (?P<local> [^\s@<>()\[\]\\,;:"\x00-\x20\x7f]{1,64} )
    @
    (?P<domain> (?!\.) [^\s@<>()\[\]\\,;:"\x00-\x20\x7f]{1,255} (?<!\.) )
""")
EMAIL_ID = re.compile(r"[A-Za-z0-9_.-]{1,200}")


def command_of(data: Mapping[str, Any], queued_at: datetime) -> Command:
    """A message's data. Raises ValueError, without a word of what it holds, for a command that nobody can send."""
    email_id, template, fields = data.get("emailId"), data.get("template"), data.get("data")
    if not isinstance(email_id, str) or not EMAIL_ID.fullmatch(email_id):
        raise ValueError("The mail has no emailId that could be a document's name.")
    if not isinstance(template, str) or template not in TEMPLATES:
        raise ValueError("The mail names a template that there is not.")
    if not isinstance(fields, Mapping) or not isinstance(data.get("to"), str):
        raise ValueError("The mail has no data or no address.")
    return Command(
        id=email_id,
        template=template,
        to=data["to"],
        data=fields,
        queued_at=queued_at,
        customer_hash=str(data.get("customerHash") or ""),
        about=str(data.get("about") or ""),
    )


def is_address(text: str) -> bool:
    """Whether it can stand in an envelope and a header: one address, nothing around it, no control in it."""
    found = ADDRESS.fullmatch(text)
    return found is not None and not UNPRINTABLE.search(text) and ".." not in text and text.isprintable()


def one_line(text: str, longest: int) -> str:
    """Fit for a header: controls become spaces, one space between words, cut at `longest` characters."""
    words = " ".join(UNPRINTABLE.sub(" ", text).split())
    return words if len(words) <= longest else words[: longest - 1].rstrip() + "…"


def message_id(email_id: str, sender: str) -> str:
    """The same for each try of one mail, so that whoever gets it twice files it once."""
    name = hashlib.sha256(email_id.encode()).hexdigest()[:40]
    return f"<{name}@{sender.rpartition('@')[2] or 'localhost'}>"


def without_addresses(answer: str) -> str:
    """What a server said. Many repeat the address, which is not kept."""
    return one_line(re.sub(r"\S*@\S*", "…", answer), LONGEST_ANSWER)
