"""The environment of the local stack: where its state lies, its made-up secrets, its processes' variables."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from local.simulators.registry import provider

PROJECT = "demo-local"
MAIL_FROM = "LivHana <no-reply@example.com>"
ORIGINS = "http://localhost:5173,http://localhost:3000"
# What a caller of `make run` may set; everything else is the stack's own.
PASSED_ON = (
    "ALERT_EMAILS",
    "AUTHORIZE_NET_",
    "AUTH_MODE",
    "CORS_ORIGINS",
    "DRAND_",
    "DRAW_ENTROPY",
    "JWT_",
    "LIGHTSPEED_",
    "LOG_LEVEL",
    "MAIL_",
    "PAGERDUTY_",
    "RATE_LIMIT_",
    "REVERIFY_URL",
    "SLACK_",
    "SMTP_",
    "SQUARE_",
    "STORE_TIMEZONE",
    "TRUSTED_PROXY_HOPS",
)


# A simulator has no limit but its traps.
SIMULATED_PACE = "100"


@dataclass(frozen=True)
class State:
    """The folder everything of a local stack lies in (STATE_DIR, default `.local/`)."""

    folder: Path

    @classmethod
    def here(cls) -> State:
        return cls(Path(os.environ.get("STATE_DIR") or ".local").absolute())

    @property
    def clock_file(self) -> Path:
        return self.folder / "clock.json"

    @property
    def events_file(self) -> Path:
        return self.folder / "events.jsonl"

    @property
    def generation_file(self) -> Path:
        """Touched by a reset: a gateway that sees it change forgets what it holds in memory."""
        return self.folder / "generation"

    @property
    def secrets_file(self) -> Path:
        return self.folder / "secrets.json"

    def secrets(self) -> dict[str, str]:
        """Made on the first start and kept, so that stored records stay readable."""
        if not self.secrets_file.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.secrets_file.touch(mode=0o600)
            self.secrets_file.write_text(json.dumps(_new_secrets(), indent=2))
        found: dict[str, str] = json.loads(self.secrets_file.read_text())
        if "SQUARE_WEBHOOK_SIGNATURE_KEY" not in found:  # a state folder from before there was one
            found["SQUARE_WEBHOOK_SIGNATURE_KEY"] = _random_key()
            self.secrets_file.write_text(json.dumps(found, indent=2))
        return found


def variables(
    state: State, emulators: dict[str, str], port: int, simulators: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """The environment of a local function: emulators, simulators, secrets, local defaults, and what the caller set."""
    ours = {
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "ENVIRONMENT": "local",
        "AUTH_MODE": "disabled",
        "CORS_ORIGINS": ORIGINS,
        "PUBLIC_URL": f"http://localhost:{port}",
        "MAIL_FROM": MAIL_FROM,
        "CLOCK_FILE": str(state.clock_file),
        "STATE_DIR": str(state.folder),
        **emulators,
        **state.secrets(),
        "SQUARE_WEBHOOK_URL": f"http://localhost:{port}/api/square/webhook",
    }
    for name, url in simulators.items():
        ours |= provider(name).environment(url)
    if "square" in simulators:
        ours["SQUARE_REQUESTS_PER_SECOND"] = SIMULATED_PACE
    theirs = {name: value for name, value in os.environ.items() if value and name.startswith(PASSED_ON)}
    return {**ours, **theirs}


def _new_secrets() -> dict[str, str]:
    return {
        "CUSTOMER_HASH_KEY": _random_key(),
        "VERIFICATION_KEY": f"local-1={_random_key()}",
        "JWT_SECRET": _random_key(),
        "AGE_TOKEN_KEY": new_private_key(),
        "SQUARE_WEBHOOK_SIGNATURE_KEY": _random_key(),
    }


def _random_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def new_private_key() -> str:
    """A P-256 private key in PEM, as AGE_TOKEN_KEY wants it."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
