"""The text of an answer's body."""

from __future__ import annotations

from typing import Any

from shared.platform import wire
from shared.runtime.request import Serialized


def of(value: Any) -> str:
    """Empty for no body."""
    if value is None:
        return ""
    return value.text if isinstance(value, Serialized) else wire.json_text(value)
