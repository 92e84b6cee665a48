"""A provider over HTTP that answers as it is told, one answer after another."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from tests.factories.throw_away import serving_http


@dataclass(frozen=True)
class Reaction:
    """One answer. `missing`: bytes of the body that are promised and do not come; `dropped`: nothing comes at all."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    missing: int = 0
    dropped: bool = False


@dataclass
class Provider:
    """Gives `reactions` in their order, then the last one for ever.

    `received`: method, path with query, headers, body.
    """

    reactions: list[Reaction] = field(default_factory=lambda: [Reaction()])
    received: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    url: str = ""

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        reaction = self.reactions.pop(0) if len(self.reactions) > 1 else self.reactions[0]
        self.received.append(_request(environ))
        if reaction.dropped:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        length = {"Content-Length": str(len(reaction.body) + reaction.missing)}
        start_response(
            f"{reaction.status} {HTTPStatus(reaction.status).phrase}", [*{**reaction.headers, **length}.items()]
        )
        return [reaction.body]

    @classmethod
    @contextmanager
    def running(cls, *reactions: Reaction) -> Iterator[Provider]:
        provider = cls(list(reactions) or [Reaction()])
        with serving_http(provider) as url:
            provider.url = url
            yield provider


def _request(environ: Any) -> tuple[str, str, dict[str, str], Any]:
    query = environ.get("QUERY_STRING", "")
    headers = {name[5:].replace("_", "-").lower(): v for name, v in environ.items() if name.startswith("HTTP_")}
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    path = environ["PATH_INFO"] + (f"?{query}" if query else "")
    return environ["REQUEST_METHOD"], path, headers, json.loads(body) if body else None
