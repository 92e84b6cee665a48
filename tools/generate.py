"""Write what follows from the code; `--check` only says whether it is up to date.

infra/generated/functions.json: one entry per function, for Terraform's for_each. infra/generated/openapi.json: the API
document. docs/api.md, docs/settings.md and docs/costs.md: the tables of routes, settings and monthly costs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from shared.runtime.manifest import declared_functions, entry
from tools import costs
from tools.openapi import document
from tools.reference import ROUTES, SETTINGS, routes, settings, with_table

REPOSITORY = Path(__file__).parents[1]


def contents() -> dict[str, str]:
    """Path in the repository → text."""
    functions = declared_functions()
    entries = {f.deployed_name: entry(f) for f in functions}
    return {
        "infra/generated/functions.json": _json(entries),
        "infra/generated/openapi.json": _json(document(functions, "1.0.0")),
        "docs/api.md": with_table(_read("docs/api.md"), ROUTES, routes(functions)),
        "docs/settings.md": with_table(_read("docs/settings.md"), SETTINGS, settings()),
        "docs/costs.md": with_table(_read("docs/costs.md"), costs.COSTS, costs.rows(entries)),
    }


def main(arguments: list[str]) -> int:
    stale = {name: text for name, text in contents().items() if _read(name) != text}
    if "--check" in arguments:
        for name in stale:
            print(f"{name} is stale. Run: make generate")
        return 1 if stale else 0
    for name, text in stale.items():
        path = REPOSITORY / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {name}")
    return 0


def _read(name: str) -> str:
    path = REPOSITORY / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
