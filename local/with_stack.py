"""Run a module in the environment of the running stack: `python -m local.with_stack -m tools.verify_audit ...`"""

from __future__ import annotations

import json
import os
import sys

from local.environment import State, variables


def main(arguments: list[str]) -> str:
    """Become the module; a sentence when there is no stack."""
    state = State.here()
    running = state.folder / "running.json"
    if not running.exists():
        return "No stack runs here. Start it with: make run"
    found = json.loads(running.read_text())
    os.environ.update(variables(state, found["emulators"], found["port"], found["simulators"]))
    return os.execv(sys.executable, [sys.executable, *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
