"""Run one simulator: `python -m local.simulators square --port 8100 --data FILE.sqlite [--payments 300 ...]`."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from local.parent import end_with_parent
from local.ports import HOST
from local.simulators.database import Database
from local.simulators.messages import Wrong
from local.simulators.provider import Parameters
from local.simulators.registry import names, provider
from local.simulators.server import Server
from local.simulators.simulator import SimulatorApp, read_parameters
from shared.platform.clock import Clock, MovableClock


def main(arguments: list[str]) -> int:
    first = argparse.ArgumentParser(prog="python -m local.simulators", add_help=False)
    first.add_argument("provider", choices=names())
    kind = provider(first.parse_known_args(arguments)[0].provider)
    wanted = vars(_parser(kind.parameters, first).parse_args(arguments))
    if wanted["with_parent"]:
        end_with_parent()
    clock = MovableClock(os.environ["CLOCK_FILE"]) if os.environ.get("CLOCK_FILE") else Clock()
    given = {name: wanted[name] for name in [*kind.parameters, "until"] if wanted[name] is not None}
    try:
        parameters = read_parameters(kind, given, clock)
    except Wrong as error:
        print(error, file=sys.stderr)
        return 2
    app = SimulatorApp(kind, Database(wanted["data"]), clock)
    server = Server(wanted["port"], app)
    app.provider.beside(server.server_port)
    # It answers from the first moment, and says that it is seeding.
    threading.Thread(target=_seed, args=(app, parameters), name="seed", daemon=True).start()
    print(f"{kind.name}: http://{HOST}:{server.server_port}", flush=True)
    server.serve_forever()
    return 0


def _seed(app: SimulatorApp, parameters: Parameters) -> None:
    """Behind everything else that starts at the same time."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
    app.seed_once(parameters)


def _parser(parameters: Mapping[str, int], first: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(parents=[first], prog=first.prog, description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one, which is printed")
    parser.add_argument("--data", type=Path, required=True, help="SQLite file, kept; filled when it is empty")
    parser.add_argument("--until", help="RFC 3339 time that the data ends at (default: now)")
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started it ends (Linux)")
    for name, default in parameters.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=None, help=f"default: {default}")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
