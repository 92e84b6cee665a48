"""Write infra/generated/ from what functions/ declares. `--check` only says whether it is up to date.

functions.json: one entry per function, for Terraform's for_each. openapi.json: the API document.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from shared.runtime.manifest import declared_functions, entry
from tools.openapi import document

GENERATED = Path(__file__).parents[1] / "infra" / "generated"


def contents() -> dict[str, str]:
    """File name → text."""
    functions = declared_functions()
    return {
        "functions.json": _json({function.deployed_name: entry(function) for function in functions}),
        "openapi.json": _json(document(functions, "1.0.0")),
    }


def main(arguments: list[str]) -> int:
    stale = [name for name, text in contents().items() if _read(name) != text]
    if "--check" in arguments:
        for name in stale:
            print(f"infra/generated/{name} is stale. Run: make generate")
        return 1 if stale else 0
    GENERATED.mkdir(parents=True, exist_ok=True)
    for name in stale:
        (GENERATED / name).write_text(contents()[name], encoding="utf-8")
        print(f"wrote infra/generated/{name}")
    return 0


def _read(name: str) -> str:
    path = GENERATED / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
