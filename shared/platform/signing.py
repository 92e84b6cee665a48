"""P-256 keys in PEM, of one secret: one signs, every one is published. Over the `cryptography` package.

Apart from crypto.py, because a function that declares no such secret need not import this at its cold start.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from shared.platform.errors import Misconfigured

ALGORITHM = "ES256"
BLOCK = re.compile("-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \\1-----", re.DOTALL)
PRIVATE = ("PRIVATE KEY", "EC PRIVATE KEY")
PUBLIC = "PUBLIC KEY"
# `openssl ecparam -genkey` writes it before the key; the key says its curve itself.
PARAMETERS = "EC PARAMETERS"
MAKE_ONE = "Make a key with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"

Key = ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey


@dataclass(frozen=True, eq=False, repr=False)
class SigningKeys:
    """`private` signs. `public` holds its public half first, then the other keys': key id → key.

    It has no repr, so that no log line and no traceback shows a key.
    """

    private: ec.EllipticCurvePrivateKey
    public: dict[str, ec.EllipticCurvePublicKey]

    @classmethod
    @lru_cache(maxsize=4)
    def parse(cls, env: str, pems: str) -> SigningKeys:
        """From PEM blocks one after another: the first private key signs, of all others the public half is kept.

        Raises `Misconfigured` that names the variable and never shows a value.
        """
        # Secrets are often stored with literal \\n in place of line ends.
        keys = list(_keys(env, pems.replace("\\n", "\n")))
        private = next((key for key in keys if isinstance(key, ec.EllipticCurvePrivateKey)), None)
        if private is None:
            raise Misconfigured(f"{env} holds no private key. Put a P-256 private key in PEM first. {MAKE_ONE}")
        published = [key.public_key() if isinstance(key, ec.EllipticCurvePrivateKey) else key for key in keys]
        return cls(private, {_thumbprint(key): key for key in [private.public_key(), *published]})

    @cached_property
    def key_id(self) -> str:
        """Of the key that signs."""
        return next(iter(self.public))

    def sign(self, message: bytes) -> bytes:
        """ECDSA over SHA-256 as JWS wants it (RFC 7518): r ‖ s, 64 bytes."""
        r, s = decode_dss_signature(self.private.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def jwks(self) -> dict[str, Any]:
        """`{keys: [...]}` (RFC 7517), the key that signs first."""
        return {
            "keys": [
                {**_coordinates(key), "kid": key_id, "use": "sig", "alg": ALGORITHM}
                for key_id, key in self.public.items()
            ]
        }


def base64url(raw: bytes) -> str:
    """Without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _keys(env: str, pems: str) -> Iterator[Key]:
    if BLOCK.sub("", pems).strip():
        raise Misconfigured(
            f"{env} holds something besides whole PEM blocks; a line may be cut off. Put whole blocks one after "
            f"another, the private key that signs first. {MAKE_ONE}"
        )
    for position, block in enumerate(BLOCK.finditer(pems), start=1):
        if block[1] == PARAMETERS:
            continue
        key = _key(block[1], block[0].encode())
        if key is None:
            raise Misconfigured(f"Block {position} of {env} is not a P-256 key in unencrypted PEM. {MAKE_ONE}")
        yield key


def _key(label: str, pem: bytes) -> Key | None:
    """None for what is no P-256 key."""
    try:
        if label in PRIVATE:
            key: object = serialization.load_pem_private_key(pem, password=None)
        elif label == PUBLIC:
            key = serialization.load_pem_public_key(pem)
        else:
            return None
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it is encrypted
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return None
    return key if isinstance(key.curve, ec.SECP256R1) else None


def _thumbprint(key: ec.EllipticCurvePublicKey) -> str:
    """RFC 7638, so that the key id follows from the key."""
    canonical = json.dumps(_coordinates(key), sort_keys=True, separators=(",", ":"))
    return base64url(hashlib.sha256(canonical.encode()).digest())


def _coordinates(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    x, y = (base64url(n.to_bytes(32, "big")) for n in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
