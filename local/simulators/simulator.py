"""A provider with what all have: traps, the request log, seeding, and the control API at its root."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.simulators.database import Database
from local.simulators.messages import Answer, Refused, Request, Routes, Wrong, route_of
from local.simulators.provider import Parameters, Provider
from local.simulators.request_log import RequestLog
from local.simulators.traps import Strike, Traps
from shared.platform.clock import Clock, wire_time

SEEDING, READY, FAILED = "seeding", "ready", "failed"
# What the control API answers before there is data.
WITHOUT_DATA = ("/state", "/seed", "/traps", "/requests", "/token", "/webhooks")


@dataclass(frozen=True)
class Sent:
    """An answer and how it is sent: broken off in the middle, or in pieces over so many milliseconds."""

    answer: Answer
    broken_off: bool = False
    slow_ms: float = 0


class SimulatorApp:
    """Called with each request, from many threads."""

    def __init__(self, kind: type[Provider], database: Database, clock: Clock) -> None:
        self.traps = Traps(database, kind.own_traps)
        self.provider = kind(database, self.traps, clock)
        self._database = database
        self._clock = clock
        self._log = RequestLog()
        self._seeding = threading.Lock()
        self._state = SEEDING
        self._error = ""
        self._api = Routes(self.provider.routes())
        self._control = Routes(
            [
                ("GET", "/state", self._read_state),
                ("POST", "/seed", self._seed_again),
                ("GET", "/traps", lambda _: Answer.json(200, self.traps.values)),
                ("PUT", "/traps", self._set_traps),
                ("GET", "/ledger", self._ledger),
                ("GET", "/requests", lambda _: Answer.json(200, self._log.report())),
                ("DELETE", "/requests", self._reset_requests),
                *self.provider.controls(),
            ]
        )

    def __call__(self, request: Request) -> Sent:
        if not request.path.startswith(self.provider.prefixes):
            return Sent(self._controlled(request))
        self._log.began()
        status = "error"
        try:
            sent = self._answered(request)
            status = "dropped" if sent.broken_off or sent.answer.lost else str(sent.answer.status)
        finally:
            self._log.ended(route_of(request), status)
        return sent

    def seed_once(self, parameters: Parameters) -> None:
        """Fill an empty file; one that was left half filled is begun again, one that is full is kept."""
        kept = self._database.kept("parameters")
        if kept is None:
            self._seed(parameters)
        else:
            self._open(Parameters(kept["numbers"], datetime.fromisoformat(kept["until"])))

    def _seed(self, parameters: Parameters) -> None:
        with self._seeding:
            self._state = SEEDING
            try:
                self._database.keep("parameters", None)
                self._database.start_over(self.provider.tables)
                self.provider.seed(parameters)
                kept = {"numbers": dict(parameters.numbers), "until": parameters.until.isoformat()}
                self._database.keep("parameters", kept)
                self._open(parameters)
            except Exception as error:
                self._state, self._error = FAILED, str(error)
                raise

    def _open(self, parameters: Parameters) -> None:
        self.provider.seeded(parameters)
        self._state = READY

    def _answered(self, request: Request) -> Sent:
        if latency := self.traps["latency_ms"]:
            time.sleep(latency / 1000)
        found = self._api.find(request)
        strike = self.traps.strike(request) if self._state == READY else None
        broken_off = strike is not None and strike.kind == "dropped"
        answer = self.provider.refusal(strike) if strike and not broken_off else self._served(request, found)
        self.provider.finish(request, answer)
        return Sent(answer, broken_off, self.traps["slow"])

    def _served(self, request: Request, found: Any) -> Answer:
        if self._state != READY:
            return Answer.json(503, {"error": self._state, "detail": self._error}, Retry_After="1")
        try:
            self.provider.admit(request)
            if found is None:
                known = self._api.methods(request.path)
                return self.provider.refusal(Strike("wrong_method" if known else "unknown_path"))
            view, values = found
            answer: Answer = view(request, **values)
        except Refused as refused:
            return refused.answer
        return answer

    def _controlled(self, request: Request) -> Answer:
        found = self._control.find(request)
        if found is None:
            return Answer.json(404, {"error": f"The control API has no {request.method} {request.path}."})
        view, values = found
        if self._state != READY and request.path not in WITHOUT_DATA:
            return Answer.json(503, {"error": self._state, "detail": self._error}, Retry_After="1")
        try:
            answer: Answer = view(request, **values)
        except Wrong as error:
            return Answer.json(400, {"error": str(error)})
        return answer

    def _read_state(self, _: Request) -> Answer:
        ready = self._state == READY
        return Answer.json(
            200,
            {
                "provider": self.provider.name,
                "state": self._state,
                "error": self._error,
                "pid": os.getpid(),
                "clock": wire_time(self._clock.now()),
                "parameters": self._database.kept("parameters"),
                "traps": self.traps.values,
                "counts": self.provider.counts() if ready else {},
                "streams": list(self.provider.streams),
            },
        )

    def _seed_again(self, request: Request) -> Answer:
        """With the parameters that were sent over those before; `until` is now unless it was sent."""
        wanted = request.object()
        before = (self._database.kept("parameters") or {}).get("numbers", {})
        self._seed(read_parameters(self.provider, {**before, **wanted}, self._clock))
        return self._read_state(request)

    def _set_traps(self, request: Request) -> Answer:
        """Those that are sent are all that are on afterwards: `{}` clears."""
        self.traps.set(request.object(), keep_others=False)
        return Answer.json(200, self.traps.values)

    def _ledger(self, request: Request) -> Answer:
        stream = request.arguments.get("stream", "")
        if stream not in self.provider.streams:
            raise Wrong(f"There is no stream '{stream}'. Streams: {', '.join(self.provider.streams)}.")
        start, end = (_moment(request.arguments.get(name)) for name in ("from", "to"))
        return Answer.json(200, self.provider.ledger(stream, start, end))

    def _reset_requests(self, _: Request) -> Answer:
        self._log.reset()
        return Answer.json(200, {})


def read_parameters(kind: Provider | type[Provider], given: Mapping[str, Any], clock: Clock) -> Parameters:
    """Raises `Wrong` for what is unknown or no number."""
    numbers = dict(kind.parameters)
    for name, value in given.items():
        if name == "until":
            continue
        if name not in numbers:
            raise Wrong(f"There is no parameter {name}. Parameters: {', '.join(numbers)}, until.")
        if type(value) is not int or value < 0:
            raise Wrong(f"{name} is '{value}'. It must be a whole number.")
        numbers[name] = value
    until = _moment(given.get("until")) or clock.now()
    return Parameters(numbers, until.replace(microsecond=until.microsecond // 1000 * 1000))


def _moment(text: Any) -> datetime | None:
    if text in (None, ""):
        return None
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        raise Wrong(f"'{text}' is no RFC 3339 time.") from None
    if found.tzinfo is None:
        raise Wrong(f"'{text}' has no time zone.")
    return found.astimezone(UTC)
