"""An identity provider: RSA and EC keys, tokens signed with them, and its JWKS over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.factories.throw_away import serving_http


@cache
def rsa_key(number: int) -> rsa.RSAPrivateKey:
    """The test run's RSA key of that number."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key(number: int) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public_pem(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def rsa_jwk(number: int, key_id: str) -> dict[str, Any]:
    return {**RSAAlgorithm.to_jwk(rsa_key(number).public_key(), as_dict=True), "kid": key_id, "use": "sig"}


def ec_jwk(number: int, key_id: str) -> dict[str, Any]:
    return {**ECAlgorithm.to_jwk(ec_key(number).public_key(), as_dict=True), "kid": key_id, "use": "sig"}


def claims(now: datetime, **changes: Any) -> dict[str, Any]:
    """Of a customer c-1 who is signed in for another hour; None leaves a claim out."""
    valid = {
        "sub": "c-1",
        "aud": "livhana-api",
        "iss": "livhana",
        "exp": int((now + timedelta(hours=1)).timestamp()),
        **changes,
    }
    return {name: value for name, value in valid.items() if value is not None}


def signed(payload: dict[str, Any], key: Any, algorithm: str, key_id: str | None = None) -> dict[str, str]:
    """Headers of a caller with this token."""
    token = jwt.encode(payload, key, algorithm, headers={"kid": key_id} if key_id else None)
    return {"Authorization": f"Bearer {token}"}


@dataclass
class KeyServer:
    """What it publishes now, whether it answers, and how often it was asked."""

    keys: list[dict[str, Any]] = field(default_factory=list)
    document: Any = None
    down: bool = False
    asked: int = 0
    url: str = ""

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        self.asked += 1
        start_response("503 Down" if self.down else "200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"keys": self.keys} if self.document is None else self.document).encode()]

    @classmethod
    @contextmanager
    def running(cls, *keys: dict[str, Any]) -> Iterator[KeyServer]:
        server = cls(list(keys))
        with serving_http(server) as url:
            server.url = url
            yield server
