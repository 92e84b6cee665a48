"""Programs whose work the process of the tests does: to start one costs what a shell costs, not an interpreter."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# Every field ends with a NUL byte; the number of the arguments goes before them. Back come the exit code and what the
# program writes. A server that fails says so where its own traceback would stand.
STUB = r"""#!/bin/bash
IFS= read -r -d '' stdin
exec 3<>/dev/tcp/127.0.0.1/{port} || exit 1
printf '%s\0' "${{0##*/}}" "$PPID" "$PWD" "${{TF_DATA_DIR-}}" "$stdin" $# "$@" >&3
IFS= read -r -d '' code <&3 && IFS= read -r -d '' output <&3 || {{ echo 'Traceback: see the tests' >&2; exit 1; }}
[[ $code == 0 ]] || exec >&2
printf '%s' "$output"
exit "$code"
"""


@dataclass(frozen=True)
class Call:
    """One start of a program: the process that started it, its working directory, TF_DATA_DIR."""

    program: str
    caller: int
    folder: Path
    data: Path
    stdin: str
    arguments: list[str]


class ProgramServer:
    """`answer(call)` is an exit code and what goes to standard output, or with a code that is not 0 to standard error.

    `stub` is the executable file that asks; it goes by the name that it is given.
    """

    def __init__(self, answer: Callable[[Call], tuple[int, str]]) -> None:
        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                code, output = answer(_call(self.rfile))
                self.wfile.write(f"{code}\0{output}\0".encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.stub = STUB.format(port=self._server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _call(sent: BinaryIO) -> Call:
    fields = _fields(sent)
    program, caller, folder, data, stdin, number = (next(fields) for _ in range(6))
    return Call(program, int(caller), Path(folder), Path(data), stdin, [next(fields) for _ in range(int(number))])


def _fields(sent: BinaryIO) -> Iterator[str]:
    field = bytearray()
    while byte := sent.read(1):
        if byte != b"\0":
            field += byte
        else:
            yield field.decode()
            field.clear()
