"""The control API of the local stack, under /_local/. It is mounted by the local gateway and nowhere else."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import flask
import requests
from werkzeug.exceptions import HTTPException

from local import mail, provision
from local.environment import State
from local.seed import seed
from local.simulators import proxy
from shared.monitoring.alert_states import COLLECTION as ALERT_STATES
from shared.monitoring.deliveries import DELIVERIES
from shared.platform.clock import MovableClock, parse_wire_time, wire_time
from shared.platform.errors import Failure, Invalid, NotFound
from shared.runtime import instance
from shared.runtime.errors import answer_for
from shared.runtime.manifest import declared_functions, entry, schedules

VIEWER = Path(__file__).parent / "docs_viewer"
OPENAPI = Path(__file__).parents[1] / "infra" / "generated" / "openapi.json"
SETTLE_SECONDS = 10.0
# Dates that a person can be old enough on, and that leave room for what is reckoned from them.
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
DURATION = re.compile(
    r"(?P<sign>-?)P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)


def control_app(state: State, settle: Callable[[float], bool]) -> flask.Flask:
    """A Flask app for /_local/. `settle` waits for the messages that are being handled, so many seconds at most."""
    app = flask.Flask("local", static_folder=None)
    routes: list[tuple[str, str, Callable[..., Any]]] = [
        ("GET", "/_local/functions", _functions),
        ("POST", "/_local/jobs/<name>", _run_job),
        ("GET", "/_local/clock", lambda: _read_clock(state)),
        ("POST", "/_local/clock", lambda: _move_clock(state)),
        ("GET", "/_local/events", lambda: _events(state)),
        ("GET", "/_local/alerts", _alerts),
        ("POST", "/_local/reset", lambda: _reset(state, settle)),
        ("GET", "/_local/simulators", lambda: proxy.listed(state)),
        ("GET", "/_local/docs/openapi.json", lambda: flask.send_file(OPENAPI)),
        ("GET", "/_local/docs/", lambda: _page("index.html")),
        ("GET", "/_local/docs/<name>", _page),
        *mail.routes(state),
        ("GET", "/_local/docs", lambda: flask.redirect("/_local/docs/")),
    ]
    for method, path, view in routes:
        app.add_url_rule(path, f"{method} {path}", view, methods=[method])
    simulators, methods = "/_local/simulators/<name>/<path:path>", ["GET", "POST", "PUT", "PATCH", "DELETE"]
    app.add_url_rule(simulators, simulators, lambda name, path: proxy.pass_on(state, name, path), methods=methods)
    app.register_error_handler(Failure, lambda failure: (answer_for(failure, "local").value, failure.status))
    app.register_error_handler(HTTPException, _refused)
    return app


def _refused(error: HTTPException) -> flask.Response:
    """Flask's own refusals (unknown path, wrong method) with their headers, in the shape of every other error."""
    response = flask.make_response(error.get_response())
    code = (error.name or "error").lower().replace(" ", "_")
    shape = {"success": False, "error": error.description, "code": code, "requestId": "local"}
    response.data, response.content_type = json.dumps(shape), "application/json"
    return response


def _body() -> dict[str, Any]:
    """The JSON object that was sent; an empty one for anything else."""
    sent = flask.request.get_json(silent=True)
    return sent if isinstance(sent, dict) else {}


def _functions() -> dict[str, Any]:
    return {"functions": [entry(function) for function in declared_functions()]}


def _run_job(name: str) -> tuple[dict[str, Any], int]:
    """Publish what the Cloud Scheduler would, with what was sent put over it; nothing depends on the time."""
    wanted = name.replace("-", "_")
    jobs = {scheduled.name: scheduled for scheduled in schedules(declared_functions())}
    found = jobs.get(wanted) or next((s for s in jobs.values() if s.name == f"{s.function.domain}_{wanted}"), None)
    if found is None:
        raise NotFound(f"There is no job {name}. Jobs: {', '.join(sorted(jobs))}.")
    instance.platform().publisher.publish(found.topic, [found.message(**_body())])
    return {"success": True, "job": found.name, "topic": found.topic}, 202


def _read_clock(state: State) -> dict[str, Any]:
    now = MovableClock(str(state.clock_file)).now()
    return {"now": wire_time(now), "offsetSeconds": round((now - datetime.now(UTC)).total_seconds(), 3)}


def _move_clock(state: State) -> dict[str, Any]:
    """`{"advance": "P31D"}`, `{"set": "2026-01-01T00:00:00Z"}` or `{"reset": true}`."""
    order = _body()
    now = MovableClock(str(state.clock_file)).now()
    if "advance" in order:
        now = _later(now, str(order["advance"]))
    elif "set" in order:
        now = _moment(str(order["set"]))
    elif order.get("reset"):
        now = datetime.now(UTC)
    else:
        raise Invalid('Send {"advance": "P31D"}, {"set": "2026-01-01T00:00:00Z"} or {"reset": true}.')
    if not EARLIEST <= now <= LATEST:
        raise _too_far()
    move_clock(state, now)
    return _read_clock(state)


def move_clock(state: State, now: datetime) -> None:
    """Make every process of the stack see `now`. Written at once, so that no process reads half a file."""
    offset = (now - datetime.now(UTC)).total_seconds()
    fresh = state.clock_file.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps({"offsetSeconds": offset}))
    fresh.replace(state.clock_file)


def _later(now: datetime, text: str) -> datetime:
    match = DURATION.fullmatch(text)
    parts = {
        name: int(value) for name, value in (match.groupdict() if match else {}).items() if value and name != "sign"
    }
    if not match or not parts:
        raise Invalid(f"'{text}' is no duration. Use weeks, days, hours, minutes, seconds: P31D, PT36H, P1W.")
    try:
        length = timedelta(**parts)
        return now - length if match["sign"] else now + length
    except OverflowError:
        raise _too_far() from None


def _too_far() -> Invalid:
    return Invalid(f"That is too far. Stay between {EARLIEST.year} and {LATEST.year}.")


def _moment(text: str) -> datetime:
    try:
        moment = parse_wire_time(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Invalid(f"'{text}' is no RFC 3339 time. Write 2026-01-01T00:00:00Z.")
    return moment


def _events(state: State) -> dict[str, Any]:
    """What was published since the last reset, oldest first; `?topic=` and `?type=` narrow it."""
    topic, kind = flask.request.args.get("topic"), flask.request.args.get("type")
    lines = state.events_file.read_text().splitlines() if state.events_file.exists() else []
    events = [json.loads(line) for line in lines]
    wanted = [e for e in events if topic in (None, e["topic"]) and kind in (None, e["attributes"].get("type"))]
    return {"count": len(wanted), "events": wanted}


def _alerts() -> dict[str, Any]:
    """Which alerts there are, and what has become of each of their messages on each channel; newest first."""
    store = instance.platform().firestore
    states = {found.id: _wired(found.to_dict()) for found in store.collection(ALERT_STATES).stream()}
    deliveries = [{"eventId": found.id, **_wired(found.to_dict())} for found in store.collection(DELIVERIES).stream()]
    return {"states": states, "deliveries": sorted(deliveries, key=lambda found: str(found["at"]), reverse=True)}


def _wired(value: Any) -> Any:
    """With times as they are on the wire, at any depth."""
    if isinstance(value, dict):
        return {name: _wired(inner) for name, inner in value.items()}
    return wire_time(value) if isinstance(value, datetime) else value


def _reset(state: State, settle: Callable[[float], bool]) -> dict[str, Any]:
    """Back to an empty store, on today's clock. `{"seed": true}` puts the demo customers back.

    `{"simulators": true}` does the same to the simulators: no traps, and fresh data up to now.
    """
    platform = instance.platform()
    settings = platform.settings
    pubsub = provision.PubSub(settings.pubsub_emulator, settings.project)
    pubsub.purge()
    # What is being handled now would be stored after the stores have been emptied, and what then fails come again.
    settle(SETTLE_SECONDS)
    pubsub.purge()
    _empty_firestore(settings.firestore_emulator, settings.project)
    warehouse = provision.warehouse(settings.bigquery_emulator, settings.project)
    provision.drop_tables(warehouse)
    provision.create_tables(warehouse)
    state.clock_file.unlink(missing_ok=True)
    state.events_file.unlink(missing_ok=True)
    mail.clear(state)
    if _body().get("seed"):
        seed(platform)
    if _body().get("simulators"):
        proxy.reset(state)
    state.generation_file.write_text(wire_time(datetime.now(UTC)))
    return {"success": True}


def _empty_firestore(emulator: str, project: str) -> None:
    url = f"http://{emulator}/emulator/v1/projects/{project}/databases/(default)/documents"
    for _ in range(5):
        # 409 while a transaction is open: it ends within two seconds.
        if requests.delete(url, timeout=30).status_code == 200:
            return
    raise Invalid("Firestore could not be emptied, because a transaction is open. Try again in two seconds.")


def _page(name: str) -> flask.Response:
    response = flask.send_from_directory(VIEWER, name)
    # Swagger UI sets style attributes from script, which this allows, and draws its icons from data: URLs.
    response.headers["Content-Security-Policy"] = "default-src 'self'; img-src 'self' data:; style-src 'self'"
    return response
