"""`/_local/mail`: what the simulated mail server caught, and previews of every template."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path
from typing import Any

import flask
import requests

from local.environment import State
from local.mail_examples import EXAMPLES, letter_of
from local.simulators import proxy
from shared.notifications.letters import Sender, part_of
from shared.notifications.models import TEMPLATES
from shared.platform.errors import NotFound, Unavailable
from shared.runtime import instance

PAGES = Path(__file__).parent / "mail_pages"
SIMULATOR = "smtp"
SECONDS = 20
# Of our own pages, which show a mail in a frame.
OURS = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self'"
# Of somebody's HTML: it may be styled, and do nothing.
THEIRS = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def routes(state: State) -> list[tuple[str, str, Any]]:
    """For the control API: method, path, view."""
    return [
        ("GET", "/_local/mail", lambda: _listed(state, _as_json())),
        ("GET", "/_local/mail.json", lambda: _listed(state, True)),
        ("GET", "/_local/mail/<int:number>", lambda number: _one(state, number)),
        ("GET", "/_local/mail/<int:number>/html", lambda number: _html(_asked(state, f"mail/{number}")["html"])),
        ("GET", "/_local/mail/<int:number>/raw", lambda number: _raw(state, number)),
        ("GET", "/_local/mail/templates", _templates),
        ("GET", "/_local/mail/templates/<name>", _template),
    ]


def clear(state: State) -> None:
    """Throw the caught mails away, where there is a simulator."""
    if url := proxy.urls(state).get(SIMULATOR):
        requests.delete(f"{url}/mail", timeout=SECONDS).raise_for_status()


# --- caught mails


def _listed(state: State, as_json: bool) -> Any:
    """Newest first; `?to=` and `?template=` narrow it, `?limit=` at most so many."""
    wanted = {name: value for name, value in flask.request.args.items() if name in ("to", "template", "limit")}
    found = _asked(state, "mail", wanted)
    if as_json:
        return {"count": len(found["list"]), "transmissions": found["transmissions"], "mails": found["list"]}
    return _page("list.html", mails=found["list"], wanted=wanted, templates=TEMPLATES)


def _one(state: State, number: int) -> Any:
    found = _asked(state, f"mail/{number}")
    return found if _as_json() else _page("one.html", mail=found, html=f"/_local/mail/{number}/html")


def _raw(state: State, number: int) -> flask.Response:
    return _plain(_get(state, f"mail/{number}/raw", {}).text)


def _asked(state: State, path: str, query: dict[str, str] | None = None) -> dict[str, Any]:
    reply = _get(state, path, query or {})
    found: dict[str, Any] = reply.json()
    return found


def _get(state: State, path: str, query: dict[str, str]) -> requests.Response:
    url = proxy.urls(state).get(SIMULATOR)
    if url is None:
        raise NotFound("No mail server is simulated here: SMTP_URL is your own, or SIMULATORS=off.")
    try:
        reply = requests.get(f"{url}/{path}", params=query, timeout=SECONDS)
    except requests.RequestException:
        raise Unavailable("The simulated mail server does not answer.") from None
    if reply.status_code >= 400:
        raise NotFound(reply.json().get("error", "There is no such mail."))
    return reply


# --- previews


def _templates() -> Any:
    if _as_json():
        return {"templates": {name: list(states) for name, states in EXAMPLES.items()}}
    return _page("templates.html", examples=EXAMPLES)


def _template(name: str) -> Any:
    """`?state=`: one of its examples. `?part=`: html, text or headers alone; without it, all of them."""
    if name not in EXAMPLES:
        raise NotFound(f"There is no template {name}. Templates: {', '.join(EXAMPLES)}.")
    state = flask.request.args.get("state") or next(iter(EXAMPLES[name]))
    if state not in EXAMPLES[name]:
        raise NotFound(f"There is no such state. States: {', '.join(EXAMPLES[name])}.")
    made = _preview(name, state)
    headers = "".join(f"{key}: {value}\n" for key, value in made.items())
    parts = {kind: part_of(made, kind) for kind in ("html", "plain")}
    part = flask.request.args.get("part")
    if part == "html":
        return _html(parts["html"])
    if part in ("text", "headers"):
        return _plain(parts["plain"] if part == "text" else headers)
    return _page("template.html", name=name, state=state, states=EXAMPLES[name], headers=headers, text=parts["plain"])


def _preview(name: str, state: str) -> EmailMessage:
    settings = instance.platform().settings
    return letter_of(name, state, settings.store_timezone, Sender.parse(settings.mail_from, settings.mail_reply_to))


# --- answers


def _as_json() -> bool:
    if flask.request.args.get("format") == "json":
        return True
    accepted = flask.request.accept_mimetypes
    return accepted.best_match(["text/html", "application/json"], "text/html") == "application/json"


def _page(page: str, **values: Any) -> flask.Response:
    # A string is escaped like a file that ends in .html.
    text = flask.render_template_string((PAGES / page).read_text(encoding="utf-8"), **values)
    style = (PAGES / "style.css").read_text(encoding="utf-8")
    response = flask.make_response(text.replace("/* style.css */", style))
    response.headers["Content-Security-Policy"] = OURS
    return response


def _html(text: str) -> flask.Response:
    response = flask.make_response(text)
    response.headers["Content-Security-Policy"] = THEIRS
    return response


def _plain(text: str) -> flask.Response:
    response = flask.make_response(text)
    response.content_type = "text/plain; charset=utf-8"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
