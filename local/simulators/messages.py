"""What goes in and out of a simulator, and how a path finds its view."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Request:
    """One request. `headers` has names in lower case; `path` is without the query, as it was sent."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @cached_property
    def path(self) -> str:
        return urlsplit(self.target).path

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @cached_property
    def arguments(self) -> dict[str, str]:
        """The query with the last value of a name that was sent twice."""
        return dict(self.query)

    def json(self) -> Any:
        """The body; an empty object without one. Raises ValueError."""
        return json.loads(self.body or b"{}")

    def object(self) -> dict[str, Any]:
        """The body of a call to the control API. Raises `Wrong` when it is no JSON object."""
        try:
            found = self.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Wrong("Send a JSON object.")
        return found

    @property
    def bearer(self) -> str:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


@dataclass
class Answer:
    """`lost`: the connection is closed and nothing of it is sent."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    lost: bool = False

    @classmethod
    def json(cls, status: int, value: Any, **headers: str) -> Answer:
        """`Retry_After="1"` becomes the header Retry-After."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(status, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), named)


class Wrong(Exception):
    """A call to the control API that cannot be served: a mistake in the test or by the person, answered with 400."""


class Refused(Exception):
    """A call to the provider's API that it refuses: raised anywhere in a view, `answer` is what is sent."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


View = Callable[..., Answer]


class Routes:
    """`("GET", "/v2/payments/{id}", view)`: the view is called with the request and the path's values."""

    def __init__(self, routes: Sequence[tuple[str, str, View]]) -> None:
        self._routes = [(method, path, _pattern(path), view) for method, path, view in routes]

    def find(self, request: Request) -> tuple[View, dict[str, str]] | None:
        """The first that fits, literal paths before those with parameters. None: nothing is there."""
        for method, path, pattern, view in self._routes:
            if method == request.method and (match := pattern.fullmatch(request.path)):
                request.__dict__["route"] = path
                return view, match.groupdict()
        return None

    def methods(self, path: str) -> list[str]:
        """The methods that the path takes."""
        return sorted({method for method, _, pattern, _ in self._routes if pattern.fullmatch(path)})


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))


def route_of(request: Request) -> str:
    """The template of the path, so that ids do not make a path each; `(none)` when nothing is there."""
    return str(request.__dict__.get("route", "(none)"))
