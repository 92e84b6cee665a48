"""The environment of a function under test. Every secret is made up."""

from __future__ import annotations

import base64
import os

from local.environment import new_private_key

JWT_SECRET = "made-up-secret-of-more-than-32-bytes"

# Of this run alone; child processes get it with the rest of their environment.
AGE_TOKEN_KEY = new_private_key()


def environment(project: str, **changes: str) -> dict[str, str]:
    """Variables of one project on the running emulators; authentication is on."""
    return {
        "GOOGLE_CLOUD_PROJECT": project,
        "ENVIRONMENT": "local",
        "AUTH_MODE": "jwt",
        "JWT_SECRET": JWT_SECRET,
        "CORS_ORIGINS": "http://localhost:5173",
        "PUBLIC_URL": "http://localhost:3005",
        "CUSTOMER_HASH_KEY": _key(1),
        "VERIFICATION_KEY": f"test-1={_key(2)}",
        "AGE_TOKEN_KEY": AGE_TOKEN_KEY,
        **{name: os.environ[name] for name in EMULATORS},
        **changes,
    }


EMULATORS = ("FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST", "BIGQUERY_EMULATOR_HOST")


def _key(number: int) -> str:
    return base64.b64encode(bytes([number]) * 32).decode()
