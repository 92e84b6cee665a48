"""The simulators behind the local control API: their addresses, their state, and every call passed on."""

from __future__ import annotations

import json
from typing import Any

import flask
import requests

from local.environment import State
from shared.platform.errors import NotFound, Unavailable

TIMEOUT_SECONDS = 300
# Of one connection only, or wrong once the body was read.
NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "host"}


def urls(state: State) -> dict[str, str]:
    """Name → URL of what runs now."""
    running = state.folder / "running.json"
    found: dict[str, str] = json.loads(running.read_text()).get("simulators", {}) if running.exists() else {}
    return found


def listed(state: State) -> dict[str, Any]:
    return {"simulators": [{"name": name, "url": url, "state": _state(url)} for name, url in urls(state).items()]}


def pass_on(state: State, name: str, path: str) -> flask.Response:
    """Any call, to the control API or to the provider's own."""
    url = urls(state).get(name)
    if url is None:
        raise NotFound(f"There is no simulator {name}. Simulators: {', '.join(urls(state)) or 'none'}.")
    request = flask.request
    headers = {key: value for key, value in request.headers.items() if key.lower() not in NOT_PASSED_ON}
    target = f"{url}/{path}" + (f"?{request.query_string.decode()}" if request.query_string else "")
    try:
        reply = requests.request(
            request.method,
            target,
            headers=headers,
            data=request.get_data(),
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
        )
    except requests.RequestException:
        raise Unavailable(f"The {name} simulator gave no whole answer.") from None
    passed = {key: value for key, value in reply.headers.items() if key.lower() not in NOT_PASSED_ON}
    return flask.Response(reply.content, reply.status_code, passed)


def reset(state: State) -> None:
    """Every trap off, and the data as on the first day, up to now."""
    for url in urls(state).values():
        requests.put(f"{url}/traps", json={}, timeout=TIMEOUT_SECONDS).raise_for_status()
        requests.post(f"{url}/seed", json={}, timeout=TIMEOUT_SECONDS).raise_for_status()


def _state(url: str) -> str:
    """seeding, ready, failed or, while its process is away, unreachable."""
    try:
        return str(requests.get(f"{url}/state", timeout=2).json()["state"])
    except (requests.RequestException, ValueError, KeyError):
        return "unreachable"
