"""Endpoints that exist for one test, and servers that answer on a real port."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import flask
from marshmallow import Schema, fields
from werkzeug.serving import make_server
from werkzeug.test import Client

from shared.platform.context import Platform
from shared.runtime.declare import Endpoint, declaration_of, endpoint
from shared.runtime.http import HttpFunction
from shared.runtime.request import Answer, Request

WsgiApp = Callable[[Any, Any], Iterable[bytes]]
NAME = "throw_away"


class CallerShape(Schema):
    """Who called, as the handler saw it."""

    role = fields.String()
    subject = fields.String()
    email = fields.String()


class ThingRequest(Schema):
    size = fields.Integer(required=True, strict=True)


def who_calls(request: Request) -> Answer:
    return Answer(200, request.principal)


def app_of(platform: Platform, handler: Callable[[Request], Answer], route: str, **declared: Any) -> WsgiApp:
    """A WSGI app of one endpoint; `responds` defaults to `{200: CallerShape}`."""
    marked = endpoint(route, **{"responds": {200: CallerShape}, **declared})(handler)
    declaration = declaration_of(marked)
    assert isinstance(declaration, Endpoint)
    function = HttpFunction(NAME, declaration, marked, platform)
    flask_app = flask.Flask(NAME, static_folder=None)

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        with flask_app.request_context(environ):
            return function(flask.request)(environ, start_response)

    return app


def client_of(platform: Platform, handler: Callable[[Request], Answer], route: str, **declared: Any) -> Client:
    return Client(app_of(platform, handler, route, **declared))


@contextmanager
def serving_http(app: WsgiApp) -> Iterator[str]:
    """Serve on a free port of this machine while the block runs; yields the URL."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
