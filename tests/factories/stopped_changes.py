"""A process that dies at a chosen change to BigQuery, inside this one: nothing after that call runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

CHANGING_SQL = ("INSERT", "MERGE", "UPDATE", "DELETE", "TRUNCATE")


class Killed(BaseException):
    """No `except Exception` catches it, as nothing catches SIGKILL."""


class Changes:
    """Names of the calls that changed something, in order: `insert`, `copy`, `DELETE square_payments`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[str] = []
        # Name of a change → what is done right after each such change.
        self.after: dict[str, Callable[[], None]] = {}
        self._before: dict[int, Callable[[], None]] = {}
        send = requests.Session.send

        def watched(session: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
            name = change_of(request)
            self._note(name)
            answer = send(session, request, **options)
            if act := self.after.get(name):
                act()
            return answer

        monkeypatch.setattr(requests.Session, "send", watched)

    def before(self, number: int, act: Callable[[], None]) -> None:
        """Do something right before change `number`, counted from 0; its own calls are not counted."""
        self._before[number] = act

    def dies_before(self, number: int, act: Callable[[], Any]) -> bool:
        """Whether `act` came as far as its change `number`, where it died; else it has ended."""
        self.made.clear()
        self.before(number, _die)
        try:
            act()
        except Killed:
            return True
        finally:
            self._before.clear()
            self.made.clear()
        return False

    def _note(self, name: str) -> None:
        if not name:
            return
        if act := self._before.pop(len(self.made), None):
            kept, self.made = self.made, []
            act()
            self.made = kept
        self.made.append(name)


def _die() -> None:
    raise Killed


def change_of(request: requests.PreparedRequest) -> str:
    """What a call changes; empty when it only reads."""
    url = (request.url or "").partition("?")[0]
    if request.method in {"DELETE", "PATCH"}:
        return f"{request.method} {url.rpartition('/')[2]}"
    if request.method != "POST":
        return ""
    if url.endswith("/tables"):
        return "create"
    job = json.loads(request.body or b"{}").get("configuration", {})
    verb = job.get("query", {}).get("query", "").split(maxsplit=1)[:1]
    return "copy" if "copy" in job else verb[0].lower() if verb and verb[0] in CHANGING_SQL else ""
