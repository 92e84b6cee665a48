"""Which path is ours: with the public prefix, or without it at the function's own URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from shared.platform.errors import MethodNotAllowed, NotFound
from shared.runtime.declare import Endpoint


@dataclass(frozen=True)
class Route:
    """The declared path of one endpoint, as patterns."""

    endpoint: Endpoint

    def match(self, method: str, path: str) -> dict[str, str]:
        """Path parameters by name. Raises `NotFound`, `MethodNotAllowed`. `path` is already percent-decoded."""
        found = next((m for pattern in self._patterns if (m := pattern.fullmatch(path))), None)
        # A word wins over a parameter, at the function's own URL too.
        if found is None or self.endpoint.reserved.intersection(found.groupdict().values()):
            raise NotFound("There is nothing at this path. See the API document for the routes.", code="unknown_path")
        if method not in self.methods:
            raise MethodNotAllowed(
                f"{method} is not allowed here. Use {self.endpoint.method}.", headers={"Allow": self.allow}
            )
        return found.groupdict()

    @property
    def methods(self) -> tuple[str, ...]:
        return ("GET", "HEAD") if self.endpoint.method == "GET" else (self.endpoint.method,)

    @property
    def allow(self) -> str:
        return ", ".join((*self.methods, "OPTIONS"))

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(_pattern(path)) for path in own_paths(self.endpoint.path))


def own_paths(path: str) -> tuple[str, ...]:
    """The public path and its forms at a function URL: without `/api/<area>`, and bare without parameters.

    `/api/age-verification/status/{customer_id}` → also `/status/{customer_id}`.
    """
    segments = path.strip("/").split("/")
    forms = [path]
    if segments[0] == "api" and len(segments) > 2:
        forms.append("/" + "/".join(segments[2:]))
    if "{" not in path:
        forms.append("/")
    return tuple(forms)


def public_pattern(path: str) -> re.Pattern[str]:
    """The public path alone, as the gateway routes it."""
    return re.compile(_pattern(path))


def _pattern(path: str) -> str:
    parts = re.split(r"{(\w+)}", path)
    pieces = [f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts)]
    return "".join(pieces) + "/?"
