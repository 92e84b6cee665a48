"""Looks for what must not be there."""

from __future__ import annotations

import re


def personal_in(text: str, *secrets: str) -> list[str]:
    """The secrets that stand in the text. Digits count as a word only: hashes and durations hold any four of them."""
    return [secret for secret in secrets if _found(secret, text)]


def _found(secret: str, text: str) -> bool:
    if secret.isdecimal():
        return re.search(rf"(?<![\w.]){secret}(?![\w.])", text) is not None
    return secret in text
