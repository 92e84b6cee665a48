"""All functions in one process, each behind its own functions-framework app, routed as the public host routes them.

`/_push/{entry point}/...` is where the Pub/Sub emulator delivers; `/_local/...` is the control API.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from local.application import application
from local.control import control_app
from local.environment import State
from local.parent import end_with_parent
from shared.platform.errors import MethodNotAllowed, NotFound
from shared.runtime import cors, instance
from shared.runtime.declare import Endpoint, path_parameters
from shared.runtime.errors import answer_for
from shared.runtime.http import REQUEST_ID, SECURITY_HEADERS
from shared.runtime.manifest import Declared, declared_functions
from shared.runtime.routing import public_pattern

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

WsgiApp = Callable[["WSGIEnvironment", "StartResponse"], Iterable[bytes]]


class Gateway:
    """A WSGI app. Static paths win over parameters; a known path with another method is a 405."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._functions = declared_functions()
        self._pushes = InFlight()
        self._control = control_app(state, self._pushes.wait_until_none)
        self._seen_generation = self._generation()
        self._load()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._generation() != self._seen_generation:
            self._seen_generation = self._generation()
            self._load()
        return self._app(environ)(environ, start_response)

    def _load(self) -> None:
        instance.forget()
        self._apps = {f.name: _at_most(f.declaration.concurrency, application(f.name)) for f in self._functions}
        endpoints = [f for f in self._functions if isinstance(f.declaration, Endpoint)]
        self._routes = [(public_pattern(_path(f)), f) for f in sorted(endpoints, key=_parameters)]

    def _app(self, environ: WSGIEnvironment) -> WsgiApp:
        path = environ.get("PATH_INFO", "/")
        if path.startswith("/_local"):
            return self._control
        if path.startswith("/_push/"):
            return self._pushed(environ, path)
        matching = [function for pattern, function in self._routes if pattern.fullmatch(path)]
        # Only the most specific path counts: `stats` is never read as a customer of that name.
        matching = [f for f in matching if _path(f) == _path(matching[0])]
        return self._chosen(matching, environ)

    def _pushed(self, environ: WSGIEnvironment, path: str) -> WsgiApp:
        name, _, rest = path.removeprefix("/_push/").partition("/")
        environ["PATH_INFO"] = f"/{rest}"
        return self._pushes.counted(self._apps.get(name, _refusal(NotFound(f"There is no function {name}."))))

    def _chosen(self, matching: list[Declared], environ: WSGIEnvironment) -> WsgiApp:
        if not matching:
            return _refusal(NotFound("There is nothing at this path. See the API document.", code="unknown_path"))
        method = str(environ["REQUEST_METHOD"])
        wanted = str(environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", method)) if method == "OPTIONS" else method
        methods = {_method(f): f for f in matching}
        function = methods.get("GET" if wanted == "HEAD" else wanted)
        if function or method == "OPTIONS" or len(matching) == 1:
            return self._apps[(function or matching[0]).name]
        allow = ", ".join([*sorted(methods), "OPTIONS"])
        return _refusal(MethodNotAllowed(f"{method} is not allowed here. Use {allow}.", headers={"Allow": allow}))

    def _generation(self) -> int:
        try:
            return os.stat(self._state.generation_file).st_mtime_ns
        except FileNotFoundError:
            return 0


class InFlight:
    """Counts the messages that are being handled, so that a reset can wait for them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    def counted(self, app: WsgiApp) -> WsgiApp:
        def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            self._add(1)
            try:
                return app(environ, start_response)
            finally:
                self._add(-1)

        return call

    def wait_until_none(self, seconds: float) -> bool:
        """Whether there was a moment without any."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, seconds)

    def _add(self, change: int) -> None:
        with self._changed:
            self._count += change
            self._changed.notify_all()


def _at_most(concurrency: int, app: WsgiApp) -> WsgiApp:
    """As Cloud Run does: no more requests inside than declared, the others wait at the door."""
    door = threading.BoundedSemaphore(concurrency)

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with door:
            return app(environ, start_response)

    return guarded


def _refusal(failure: NotFound | MethodNotAllowed) -> WsgiApp:
    """An error of the gateway itself, in the shape of every other one."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        platform = instance.platform()
        sent = environ.get("HTTP_X_REQUEST_ID", "")
        request_id = sent if REQUEST_ID.fullmatch(sent) else platform.ids.new("req")
        answer = answer_for(failure, request_id)
        body = json.dumps(answer.value).encode()
        headers = {
            **SECURITY_HEADERS,
            **cors.headers(platform.settings, environ.get("HTTP_ORIGIN", "")),
            **answer.headers,
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "X-Request-ID": request_id,
        }
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", list(headers.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return app


def _path(function: Declared) -> str:
    assert isinstance(function.declaration, Endpoint)
    return function.declaration.path


def _method(function: Declared) -> str:
    assert isinstance(function.declaration, Endpoint)
    return function.declaration.method


def _parameters(function: Declared) -> tuple[int, str]:
    return len(path_parameters(_path(function))), _path(function)


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with threads, as functions-framework runs it; WORKERS processes share the port."""

    def load_config(self) -> None:
        settings: dict[str, Any] = {
            # The stack's own socket, so that nobody is refused while one gateway replaces another.
            "bind": f"fd://{os.environ['LISTENER']}",
            "workers": int(os.environ.get("WORKERS") or 1),
            "worker_class": "gthread",
            "threads": int(os.environ.get("THREADS") or 64),
            "timeout": 0,
            "graceful_timeout": 5,
            # Longer than clients keep a connection: one that is closed as it is used again gets no answer.
            "keepalive": 75,
            "loglevel": "warning",
            "control_socket_disable": True,
            "post_fork": lambda server, worker: end_with_parent(),
        }
        for name, value in settings.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> WsgiApp:
        return Gateway(State.here())


if __name__ == "__main__":
    end_with_parent()
    Server().run()
