"""What Cloud Functions loads. Only the deployed function is imported, when functions-framework asks for it by name."""

from __future__ import annotations

from typing import Any

from shared.runtime import serve


def __getattr__(entry_point: str) -> Any:
    function = serve.load(entry_point)
    globals()[entry_point] = function
    return function
