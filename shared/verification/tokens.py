"""Age tokens: a signed sentence "this customer is over 21" that a shop can check offline (JWS, ES256)."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from shared.platform.clock import Clock
from shared.platform.context import Platform
from shared.platform.errors import Misconfigured
from shared.platform.ids import Ids
from shared.verification.errors import AgeTokenInvalid
from shared.verification.models import Verification

LIFETIME_SECONDS = 24 * 3600
ALGORITHM = "ES256"
TYPE = "age+jwt"


class AgeTokens:
    """Signs with the current key; knows retired public keys until their last token has expired."""

    def __init__(self, private_pem: str, retired_pems: str, issuer: str, clock: Clock, ids: Ids) -> None:
        self._private_pem = private_pem
        self._retired_pems = retired_pems
        self._issuer = issuer
        self._clock = clock
        self._ids = ids

    @classmethod
    def on(cls, platform: Platform) -> AgeTokens:
        return platform.once(cls, lambda: cls._made(platform))

    @classmethod
    def _made(cls, platform: Platform) -> AgeTokens:
        settings = platform.settings
        pem = settings.require("AGE_TOKEN_KEY")
        return cls(pem, settings.age_token_retired_keys, settings.public_url, platform.clock, platform.ids)

    def issue(self, customer_id: str, verification: Verification) -> str:
        """A token that ends after 24 hours, and never after the verification itself."""
        issued = int(self._clock.now().timestamp())
        claims = {
            "iss": self._issuer,
            "sub": customer_id,
            "age_over_21": True,
            "iat": issued,
            "exp": min(issued + LIFETIME_SECONDS, int(verification.expires_at.timestamp())),
            "jti": f"{verification.token_family}.{self._ids.new('tok')}",
        }
        return self._signed(json.dumps(claims, separators=(",", ":")).encode())

    def _signed(self, claims: bytes) -> str:
        """A compact JWS (RFC 7515). Every status carries one, and `jwt.encode` takes three times as long."""
        signing_input = f"{self._header}.{_base64url(claims)}"
        r, s = decode_dss_signature(self._private_key.sign(signing_input.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signing_input}.{_base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def read(self, token: str) -> tuple[str, str]:
        """(customer id, token family). A token whose family has ended is revoked. Raises `AgeTokenInvalid`."""
        import jwt

        try:
            key = self._public_keys[jwt.get_unverified_header(token)["kid"]]
            options: jwt.types.Options = {"verify_exp": False, "verify_iat": False, "require": ["sub", "exp", "jti"]}
            claims: dict[str, Any] = jwt.decode(token, key, [ALGORITHM], options=options, issuer=self._issuer)
            expires = int(claims["exp"])
        except (jwt.PyJWTError, KeyError, ValueError, TypeError):
            raise AgeTokenInvalid("The age token is not one of ours. Verify the customer's age again.") from None
        if self._clock.now().timestamp() >= expires:
            raise AgeTokenInvalid(
                "The age token has expired. Ask for the status to get a new one.", "age_token_expired"
            )
        return str(claims["sub"]), str(claims["jti"]).partition(".")[0]

    def jwks(self) -> dict[str, Any]:
        """`{keys: [...]}`: what shops check tokens with."""
        return {"keys": [_jwk(key) for key in self._public_keys.values()]}

    @cached_property
    def _private_key(self) -> ec.EllipticCurvePrivateKey:
        return _private(self._private_pem)

    @cached_property
    def _header(self) -> str:
        header = {"alg": ALGORITHM, "kid": _thumbprint(self._private_key.public_key()), "typ": TYPE}
        return _base64url(json.dumps(header).encode())

    @cached_property
    def _public_keys(self) -> dict[str, ec.EllipticCurvePublicKey]:
        keys = [self._private_key.public_key(), *_publics(self._retired_pems)]
        return {_thumbprint(key): key for key in keys}


def _private(pem: str) -> ec.EllipticCurvePrivateKey:
    try:
        # Secrets are often stored with literal \\n in place of line ends.
        key = serialization.load_pem_private_key(pem.replace("\\n", "\n").encode(), password=None)
    except ValueError:
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Misconfigured(
            "AGE_TOKEN_KEY must be a P-256 private key in PEM. Make one with: openssl genpkey -algorithm EC "
            "-pkeyopt ec_paramgen_curve:P-256"
        )
    return key


def _publics(pems: str) -> list[ec.EllipticCurvePublicKey]:
    found = re.findall("-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", pems.replace("\\n", "\n"), re.DOTALL)
    keys = [serialization.load_pem_public_key(pem.encode()) for pem in found]
    return [key for key in keys if isinstance(key, ec.EllipticCurvePublicKey)]


def _jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    return {**_coordinates(key), "kid": _thumbprint(key), "use": "sig", "alg": ALGORITHM}


def _thumbprint(key: ec.EllipticCurvePublicKey) -> str:
    """RFC 7638, so that the key id follows from the key."""
    canonical = json.dumps(_coordinates(key), sort_keys=True, separators=(",", ":"))
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def _coordinates(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    x, y = (_base64url(n.to_bytes(32, "big")) for n in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
