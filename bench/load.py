"""A load generator: keep-alive connections, prebuilt requests, one asyncio loop."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """Latencies in ms as the client saw them, requests a second, and the statuses."""

    latencies: list[float]
    per_second: float
    statuses: dict[int, int]


def run(port: int, requests: list[bytes], concurrency: int) -> Result:
    """Send all requests over `concurrency` connections, each as soon as the one before it is answered."""
    return asyncio.run(_run(port, requests, concurrency))


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _run(port: int, requests: list[bytes], concurrency: int) -> Result:
    waiting = iter(requests)
    latencies: list[float] = []
    statuses: dict[int, int] = {}
    started = time.perf_counter()
    await asyncio.gather(*(_connection(port, waiting, latencies, statuses) for _ in range(concurrency)))
    return Result(latencies, len(latencies) / (time.perf_counter() - started), statuses)


async def _connection(port, waiting, latencies, statuses) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for sent in waiting:
        started = time.perf_counter()
        writer.write(sent)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(_length(head))
        latencies.append((time.perf_counter() - started) * 1000)
        status = int(head[9:12])
        statuses[status] = statuses.get(status, 0) + 1
    writer.close()
    await writer.wait_closed()


def _length(head: bytes) -> int:
    if head[9:12] == b"304":
        return 0
    lowered = head.lower()
    start = lowered.index(b"content-length:") + len(b"content-length:")
    return int(lowered[start : lowered.index(b"\r\n", start)])
