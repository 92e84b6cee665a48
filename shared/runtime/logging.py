"""Logs as Cloud Logging reads them: one JSON object per line, ids only, never a body or a person."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from contextvars import ContextVar
from typing import Any

from shared.platform.settings import Settings

# requestId, function and trace of the request that is being served; on each of its lines.
context: ContextVar[dict[str, str] | None] = ContextVar("log_context", default=None)

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """severity, message (an event name), the request's context, and the record's `extra` fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "severity": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        line.update(context.get() or {})
        line.update({k: v for k, v in vars(record).items() if k not in _STANDARD})
        if record.exc_info and record.exc_info[1]:
            line.update(_exception(record.exc_info[1]))
        return json.dumps(line, default=str, ensure_ascii=False)


def configure(settings: Settings) -> None:
    """Send every logger's lines to standard output, once per process."""
    root = logging.getLogger()
    if any(isinstance(handler.formatter, JsonFormatter) for handler in root.handlers):
        return
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    root.addHandler(handler)
    root.setLevel(settings.log_level)
    # These log request lines, whose paths hold customer ids.
    for name in ("werkzeug", "urllib3", "google"):
        logging.getLogger(name).setLevel("WARNING")


def trace(settings: Settings, header: str) -> str:
    """The trace name for Cloud Logging from X-Cloud-Trace-Context, or empty."""
    trace_id = header.partition("/")[0]
    sane = trace_id.isalnum() and len(trace_id) <= 64
    return f"projects/{settings.project}/traces/{trace_id}" if sane else ""


def _exception(error: BaseException) -> dict[str, Any]:
    # The text of an exception can hold what a person typed; its type and the places it passed cannot.
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "exception": type(error).__name__,
        "cause": type(error.__cause__).__name__ if error.__cause__ else "",
        "stack": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
