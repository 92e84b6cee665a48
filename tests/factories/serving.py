"""Functions on a platform of the test's own: its clock stands still until the test moves it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache

import flask
from flask.testing import FlaskClient

from shared.platform.context import Platform
from shared.runtime.declare import Endpoint, declaration_of
from shared.runtime.http import HttpFunction
from shared.runtime.serve import module_name

# In a request's environment: what answers it.
FUNCTION = "tests.function"


def serving(platform: Platform) -> Callable[[str], FlaskClient]:
    """As the `function` fixture: `serving(platform)("verification_verify")` is a client of the HTTP function."""
    return lambda entry_point: _client(platform, entry_point)


def _client(platform: Platform, entry_point: str) -> FlaskClient:
    handler = importlib.import_module(module_name(entry_point)).handle
    declared = declaration_of(handler)
    assert isinstance(declared, Endpoint)
    client = _app(declared.method).test_client()
    client.environ_base[FUNCTION] = HttpFunction(entry_point, declared, handler, platform)
    return client


@cache
def _app(method: str) -> flask.Flask:
    """One for all functions of a method: each route costs a compilation, which threads of Python 3.11 disturb."""
    app = flask.Flask(method, static_folder=None)
    app.add_url_rule(
        "/<path:path>", "all", lambda path: flask.request.environ[FUNCTION](flask.request), methods=[method, "OPTIONS"]
    )
    return app
