"""Age tokens: a signed sentence "this customer is over 21" that a shop can check offline (JWS, ES256)."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

from shared.platform.clock import Clock
from shared.platform.context import Platform
from shared.platform.ids import Ids
from shared.platform.signing import ALGORITHM, SigningKeys, base64url
from shared.verification.errors import AgeTokenInvalid
from shared.verification.models import Verification

LIFETIME_SECONDS = 24 * 3600
TYPE = "age+jwt"


class AgeTokens:
    """Signs with the current key; reads tokens of every key that AGE_TOKEN_KEY holds."""

    def __init__(self, keys: SigningKeys, issuer: str, clock: Clock, ids: Ids) -> None:
        self._keys = keys
        self._issuer = issuer
        self._clock = clock
        self._ids = ids

    @classmethod
    def on(cls, platform: Platform) -> AgeTokens:
        return platform.once(cls, lambda: cls._made(platform))

    @classmethod
    def _made(cls, platform: Platform) -> AgeTokens:
        keys = SigningKeys.parse("AGE_TOKEN_KEY", platform.settings.require("AGE_TOKEN_KEY"))
        return cls(keys, platform.settings.public_url, platform.clock, platform.ids)

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
        signing_input = f"{self._header}.{base64url(claims)}"
        return f"{signing_input}.{base64url(self._keys.sign(signing_input.encode()))}"

    def read(self, token: str) -> tuple[str, str]:
        """(customer id, token family). A token whose family has ended is revoked. Raises `AgeTokenInvalid`."""
        import jwt

        try:
            key = self._keys.public[jwt.get_unverified_header(token)["kid"]]
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
        return self._keys.jwks()

    @cached_property
    def _header(self) -> str:
        header = {"alg": ALGORITHM, "kid": self._keys.key_id, "typ": TYPE}
        return base64url(json.dumps(header).encode())
