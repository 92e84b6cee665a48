"""A message that was given up: what may be known of it, and its content, which is sealed."""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.platform.context import Platform
from shared.platform.crypto import Keyring
from shared.platform.pubsub import ORDERING_KEY, Message

# What Pub/Sub adds when it moves a message.
SOURCE = "CloudPubSubDeadLetterSource"
# Ours, and shown as they are; everything else is shown by its kind and length only.
SHOWN = frozenset(
    {"emailId", "eventId", "job", "mode", "occurredAt", "queuedAt", "requestId", "source", "template", "type", "view"}
)
PLAIN = re.compile(r"[A-Za-z0-9._:+-]{1,80}")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}")
DEPTH, WIDTH = 4, 30
# A document holds 1 MiB.
MOST_BYTES = 900 * 1024


@dataclass(frozen=True)
class Letter:
    """As it came to the dead-letter topic. Its content may be personal, hence no repr of it."""

    id: str
    content: bytes
    attributes: Mapping[str, str]
    published_at: datetime

    def __repr__(self) -> str:
        return f"Letter({self.id!r})"

    @property
    def subscription(self) -> str:
        """`<function>.<topic>`: the one that gave it up."""
        return self.attributes.get(f"{SOURCE}Subscription", "")

    @property
    def function(self) -> str:
        return self.subscription.partition(".")[0]

    @property
    def topic(self) -> str:
        return self.subscription.partition(".")[2]

    @property
    def tries(self) -> int:
        count = self.attributes.get(f"{SOURCE}DeliveryCount", "")
        return int(count) if count.isdecimal() else 0

    def message(self) -> Message:
        """As it was published first."""
        own = {n: v for n, v in self.attributes.items() if not n.startswith(SOURCE) and n != ORDERING_KEY}
        return Message(self.content, own, self.attributes.get(ORDERING_KEY, ""))

    def shown(self) -> dict[str, str]:
        """What can be seen without opening it: nobody's name, address, or words."""
        attributes = {name: value for name, value in self.attributes.items() if not name.startswith(SOURCE)}
        return {"attributes": json.dumps(_shape(attributes)), "content": json.dumps(_content(self.content))}


def keyring(platform: Platform) -> Keyring:
    return Keyring.parse("VERIFICATION_KEY", platform.settings.require("VERIFICATION_KEY"))


def sealed(letter: Letter, keys: Keyring, entropy: Any) -> tuple[str, bytes]:
    """(key id, content and attributes, sealed); bound to the letter's id. Nothing for one that no document holds."""
    plain = {"content": b64encode(letter.content).decode(), "attributes": dict(letter.attributes)}
    packed = zlib.compress(json.dumps(plain).encode())
    return keys.wrap(packed, _context(letter.id), entropy) if len(packed) <= MOST_BYTES else ("", b"")


def opened(letter_id: str, key_id: str, blob: bytes, published_at: datetime, keys: Keyring) -> Letter:
    """Raises `Undecryptable`."""
    plain = json.loads(zlib.decompress(keys.unwrap(key_id, blob, _context(letter_id))))
    return Letter(letter_id, b64decode(plain["content"]), plain["attributes"], published_at)


def _context(letter_id: str) -> bytes:
    return b"dead_letter|" + letter_id.encode()


def _content(content: bytes) -> Any:
    try:
        return _shape(json.loads(content))
    except ValueError:
        return f"{len(content)} bytes that are not JSON"


def _shape(value: Any, name: str = "", depth: int = 0) -> Any:
    if depth > DEPTH:
        return "..."
    if isinstance(value, dict):
        known = list(value.items())[:WIDTH]
        return {n if NAME.fullmatch(n) else "(a name)": _shape(v, n, depth + 1) for n, v in known}
    if isinstance(value, list):
        return [_shape(one, "", depth + 1) for one in value[:1]] + ([f"{len(value)} in all"] if len(value) > 1 else [])
    if isinstance(value, str):
        return value if name in SHOWN and PLAIN.fullmatch(value) else f"(text of {len(value)})"
    return value if value is None or isinstance(value, bool) else "(number)"
