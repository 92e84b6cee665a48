"""Keyed hashes and envelope encryption (AES-256-GCM), over the `cryptography` package."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.platform.errors import Misconfigured

NONCE_BYTES = 12
KEY_BYTES = 32
KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")


class Undecryptable(Exception):
    """The ciphertext was altered, belongs to another record, or its key is gone."""


def keyed_hash(key: bytes, text: str) -> str:
    """HMAC-SHA-256, hex, 64 characters."""
    return hmac.digest(key, text.encode(), hashlib.sha256).hex()


def seal(key: bytes, plaintext: bytes, context: bytes, entropy: Callable[[int], bytes]) -> bytes:
    """nonce ‖ ciphertext ‖ tag. `context` is authenticated: a blob moved to another record does not open."""
    nonce = entropy(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, context)


def unseal(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """Raises `Undecryptable`."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
    except (InvalidTag, ValueError) as error:
        raise Undecryptable("The record cannot be decrypted with this key.") from error


@lru_cache(maxsize=16)
def decode_key(env: str, text: str) -> bytes:
    """32 bytes from base64. Raises `Misconfigured` that names the variable and never shows the value."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise Misconfigured(f"{env} must be 32 bytes in base64. Make one with: openssl rand -base64 32")
    return key


@dataclass(frozen=True)
class Keyring:
    """Service keys by id. New data keys are wrapped with `current`; every key in the ring can unwrap."""

    current: str
    keys: dict[str, bytes]

    @classmethod
    @lru_cache(maxsize=4)
    def parse(cls, env: str, text: str) -> Keyring:
        """From `<id>=<32 bytes base64>`, several with commas or line ends between them; the first is current.

        The bytes alone have the id `k1`. Raises `Misconfigured` that names the variable and never shows a value.
        """
        entries = [entry.strip() for line in text.splitlines() for entry in line.split(",") if entry.strip()]
        named = [_named_key(f"Entry {number} of {env}", entry) for number, entry in enumerate(entries, start=1)]
        if not named:
            raise Misconfigured(f"{env} holds no key. Write '<key id>=<32 bytes base64>', the current key first.")
        keys = dict(named)
        if len(keys) < len(named):
            raise Misconfigured(f"{env} has one key id twice. Give each key its own; a key without one has the id k1.")
        return cls(named[0][0], keys)

    def wrap(self, data_key: bytes, context: bytes, entropy: Callable[[int], bytes]) -> tuple[str, bytes]:
        """(key id, wrapped key)."""
        bound = context + b"|" + self.current.encode()
        return self.current, seal(self.keys[self.current], data_key, bound, entropy)

    def unwrap(self, key_id: str, wrapped: bytes, context: bytes) -> bytes:
        """Raises `Undecryptable`, naming a key id that is not in the ring."""
        if key_id not in self.keys:
            raise Undecryptable(f"Service key '{key_id}' is not configured.")
        return unseal(self.keys[key_id], wrapped, context + b"|" + key_id.encode())


def _named_key(where: str, entry: str) -> tuple[str, bytes]:
    name, _, key = entry.partition("=")
    # Base64 is padded with '=' too: an id is before the first one only where a key comes after it.
    if not key.strip("= "):
        return "k1", decode_key(where, entry)
    if not KEY_ID.fullmatch(name.strip()):
        raise Misconfigured(f"{where} needs a key id before its '=': 1 to 32 letters, digits, '.', '_' or '-'.")
    return name.strip(), decode_key(where, key)
