"""From the name of an entry point to the function that functions-framework serves."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from types import FunctionType
from typing import Any

import flask
import functions_framework

from shared.runtime import instance
from shared.runtime import logging as logs
from shared.runtime.declare import Endpoint, declaration_of

ENTRY_POINT = re.compile(r"([a-z]+)_([a-z][a-z_]*)")


def load(entry_point: str) -> FunctionType:
    """`verification_own_status` → `functions/verification/own_status.py`, ready to be served.

    Raises AttributeError when there is no such function, `Misconfigured` when it cannot run in this environment: a
    secret that it declares and that is missing or malformed ends the start, an optional one only when it is malformed.
    """
    handler = _handler(entry_point)
    declared = declaration_of(handler)
    platform = instance.platform()
    logs.configure(platform.settings)
    for secret in declared.secrets:
        platform.settings.check_secret(secret)
    for secret in declared.optional_secrets:
        platform.settings.check_secret(secret, optional=True)
    if isinstance(declared, Endpoint):
        platform.customer_hash("")  # a missing or malformed key shows at the start, not at the first request
        from shared.runtime.http import HttpFunction

        http = HttpFunction(entry_point, declared, handler, platform)
        _answer_every_path(http)
        return _named(entry_point, http, functions_framework.http)
    from shared.runtime.messages import MessageFunction

    message = MessageFunction(entry_point, handler, platform, any_data=declared.any_data)
    return _named(entry_point, message, functions_framework.cloud_event)


def module_name(entry_point: str) -> str:
    """Raises AttributeError for a name that cannot be an entry point."""
    match = ENTRY_POINT.fullmatch(entry_point)
    if match is None:
        raise AttributeError(entry_point)
    return f"functions.{match[1]}.{match[2]}"


def _handler(entry_point: str) -> Callable[..., Any]:
    name = module_name(entry_point)
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and name.startswith(error.name):
            raise AttributeError(entry_point) from None
        raise
    handler: Callable[..., Any] = module.handle
    return handler


def _answer_every_path(served: Callable[..., Any]) -> None:
    """functions-framework keeps /robots.txt, /favicon.ico and paths with a line end to itself; we answer those too."""
    if flask.has_app_context():
        flask.current_app.register_error_handler(404, lambda _: served(flask.request))


def _named(entry_point: str, served: Callable[..., Any], register: Callable[..., Any]) -> FunctionType:
    # functions-framework takes plain functions only, and finds their kind by their name.
    def function(event_or_request: Any) -> Any:
        return served(event_or_request)

    assert isinstance(function, FunctionType)  # noqa: S101 - tells mypy what functions-framework checks
    function.__name__ = function.__qualname__ = entry_point
    register(function)
    return function
