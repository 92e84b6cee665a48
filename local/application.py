"""Functions as functions-framework serves them, many in one process."""

from __future__ import annotations

import sys
from pathlib import Path

import flask
import functions_framework

MAIN = str(Path(__file__).parents[1] / "main.py")


def application(entry_point: str, main: str = MAIN) -> flask.Flask:
    """The app of an entry point of `main`, a file."""
    app: flask.Flask = functions_framework.create_app(entry_point, main)
    # Each app adds the file's folder once more: after a thousand, every import would look into it a thousand times.
    sys.path[:] = dict.fromkeys(sys.path)
    return app
