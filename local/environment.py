"""The environment of the local stack: where its state lies, its made-up secrets, its processes' variables."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

PROJECT = "demo-local"
ORIGINS = "http://localhost:5173,http://localhost:3000"
# What a caller of `make run` may set; everything else is the stack's own.
PASSED_ON = ("AUTH_MODE", "CORS_ORIGINS", "JWT_", "LOG_LEVEL", "RATE_LIMIT_", "STORE_TIMEZONE", "TRUSTED_PROXY_HOPS")


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
        return found


def variables(state: State, emulators: dict[str, str], port: int) -> dict[str, str]:
    """The environment of a local function: emulators, secrets, local defaults, and what the caller set."""
    ours = {
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "ENVIRONMENT": "local",
        "AUTH_MODE": "disabled",
        "CORS_ORIGINS": ORIGINS,
        "PUBLIC_URL": f"http://localhost:{port}",
        "CLOCK_FILE": str(state.clock_file),
        "STATE_DIR": str(state.folder),
        **emulators,
        **state.secrets(),
    }
    theirs = {name: value for name, value in os.environ.items() if value and name.startswith(PASSED_ON)}
    return {**ours, **theirs}


def _new_secrets() -> dict[str, str]:
    return {
        "CUSTOMER_HASH_KEY": _random_key(),
        "VERIFICATION_KEY": f"local-1={_random_key()}",
        "JWT_SECRET": _random_key(),
        "AGE_TOKEN_KEY": new_private_key(),
    }


def _random_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def new_private_key() -> str:
    """A P-256 private key in PEM, as AGE_TOKEN_KEY wants it."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
