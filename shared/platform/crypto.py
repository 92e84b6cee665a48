"""Keyed hashes and envelope encryption (AES-256-GCM), over the `cryptography` package."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.platform.errors import Misconfigured

NONCE_BYTES = 12
KEY_BYTES = 32


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
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
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
    def parse(cls, env: str, current: str, retired: str = "") -> Keyring:
        """From `<id>=<base64>` (or the base64 alone: id `k1`) and comma-separated retired ones."""
        current_id, key = _named_key(env, current)
        former = dict(_named_key(env, item.strip()) for item in retired.split(",") if item.strip())
        return cls(current_id, {**former, current_id: key})

    def wrap(self, data_key: bytes, context: bytes, entropy: Callable[[int], bytes]) -> tuple[str, bytes]:
        """(key id, wrapped key)."""
        bound = context + b"|" + self.current.encode()
        return self.current, seal(self.keys[self.current], data_key, bound, entropy)

    def unwrap(self, key_id: str, wrapped: bytes, context: bytes) -> bytes:
        """Raises `Undecryptable`, naming a key id that is not in the ring."""
        if key_id not in self.keys:
            raise Undecryptable(f"Service key '{key_id}' is not configured.")
        return unseal(self.keys[key_id], wrapped, context + b"|" + key_id.encode())


def _named_key(env: str, text: str) -> tuple[str, bytes]:
    # Base64 padding is '=' too: only a short prefix before the first '=' is a key id.
    name, separator, value = text.partition("=")
    if separator and len(name) <= 32 and value.strip("="):
        return name, decode_key(env, value)
    return "k1", decode_key(env, text)
