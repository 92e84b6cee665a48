"""A simulator as a child process, and its control API as methods.

with Simulator("square", folder, payments=300, until="2026-07-01T00:00:00Z") as square:
    square.trap(burst_429=7)
    ... square.url ...
    assert square.ledger("payments")["count"] == 300
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import requests

from local.ports import HOST, free_port

REPOSITORY = Path(__file__).parents[2]
START_SECONDS = 20
SEED_SECONDS = 300


class SimulatorFailed(RuntimeError):
    """It did not start, or refused a call; the text says why."""


class Control:
    """The control API of a simulator at `url`. Every method raises `SimulatorFailed`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The answer's JSON."""
        params = {name.rstrip("_"): value for name, value in query.items() if value is not None}
        try:
            reply = requests.request(method, self.url + path, json=body, params=params, timeout=SEED_SECONDS)
        except requests.RequestException as error:
            raise SimulatorFailed(f"The simulator at {self.url} does not answer ({type(error).__name__}).") from error
        if reply.status_code >= 400:
            raise SimulatorFailed(f"{method} {path} answered {reply.status_code}: {reply.text[:500]}")
        return reply.json()

    def state(self) -> dict[str, Any]:
        return dict(self.call("GET", "/state"))

    def wait_until_seeded(self) -> None:
        deadline = time.monotonic() + SEED_SECONDS
        while (state := self.state())["state"] != "ready":
            if state["state"] == "failed" or time.monotonic() > deadline:
                raise SimulatorFailed(f"The simulator at {self.url} is {state['state']}: {state['error']}")
            time.sleep(0.02)

    def seeded(self) -> bool:
        """Whether it has its data; False too while nothing answers."""
        with contextlib.suppress(SimulatorFailed):
            return bool(self.state()["state"] == "ready")
        return False

    def seed(self, **parameters: Any) -> dict[str, Any]:
        """Start over; what is not given stays as it was, `until` is now."""
        return dict(self.call("POST", "/seed", parameters))

    def trap(self, **traps: Any) -> None:
        """Switch these on (or off, with 0); the others stay as they are."""
        self.call("PUT", "/traps", {**self.call("GET", "/traps"), **traps})

    def clear_traps(self) -> None:
        self.call("PUT", "/traps", {})

    def ledger(self, stream: str, start: str | None = None, end: str | None = None) -> dict[str, Any]:
        return dict(self.call("GET", "/ledger", stream=stream, from_=start, to=end))

    def requests(self) -> dict[str, Any]:
        return dict(self.call("GET", "/requests"))

    def reset_requests(self) -> None:
        self.call("DELETE", "/requests")

    def add(self, kind: str, **values: Any) -> dict[str, Any]:
        """`add("payments", amount=1999)`; the record as the provider's API shows it."""
        return dict(self.call("POST", f"/{kind}", values))

    def change(self, kind: str, record_id: str, **values: Any) -> dict[str, Any]:
        return dict(self.call("PATCH", f"/{kind}/{record_id}", values))

    def delete(self, kind: str, record_id: str) -> None:
        self.call("DELETE", f"/{kind}/{record_id}")

    def add_payment(self, **values: Any) -> dict[str, Any]:
        return self.add("payments", **values)

    def change_payment(self, payment_id: str, **values: Any) -> dict[str, Any]:
        return self.change("payments", payment_id, **values)

    def delete_payment(self, payment_id: str) -> None:
        self.delete("payments", payment_id)

    def token(self, token: str) -> None:
        """The only bearer that is accepted from now on."""
        self.call("POST", "/token", {"token": token})

    def send_webhooks_to(self, url: str, key: str) -> None:
        """From now on every change is told there; an empty URL ends it."""
        self.call("POST", "/webhooks", {"url": url, "key": key})

    def webhooks(self) -> dict[str, Any]:
        """{url, pending, sent: [{type, id, eventId, status, tries}]}, newest last."""
        return dict(self.call("GET", "/webhooks"))

    def send_webhook(self, kind: str, record_id: str, times: int = 1, delay: float = 0) -> dict[str, Any]:
        return dict(
            self.call("POST", "/webhooks/send", {"type": kind, "id": record_id, "times": times, "delay": delay})
        )


class Simulator(Control):
    """A child process with its data and its log in `folder`, which keeps both for the next start.

    Start it in a thread that lives as long as it: Linux ends it together with that thread.
    """

    def __init__(self, provider: str, folder: Path, *, port: int = 0, clock_file: str = "", **parameters: Any) -> None:
        self.provider = provider
        self.folder = folder
        # The next one is for what a simulator serves beside HTTP.
        self.port = port or free_port(beside=1)
        self.log = folder / f"{provider}.log"
        self._clock_file = clock_file
        self._parameters = parameters
        self._process: subprocess.Popen[bytes] | None = None
        super().__init__(f"http://{HOST}:{self.port}")

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_until_seeded()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Until it answers; it may still be seeding."""
        self.spawn()
        self.wait_until_it_answers()

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.ended or time.monotonic() > deadline:
                raise SimulatorFailed(f"The {self.provider} simulator did not start.\n{self.last_words()}")
            time.sleep(0.02)

    def spawn(self) -> None:
        """Start the process and wait for nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        values = {"port": self.port, "data": self.folder / f"{self.provider}.sqlite", **self._parameters}
        options = [f"--{name.replace('_', '-')}={value}" for name, value in values.items() if value is not None]
        clock = {"CLOCK_FILE": self._clock_file} if self._clock_file else {}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local.simulators", self.provider, "--with-parent", *options],
                cwd=REPOSITORY,
                env={**os.environ, **clock},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), timeout=1):
            return True
        return False

    def kill(self) -> None:
        """As a crash does: at once, in the middle of whatever it was doing."""
        if self._process is not None and not self.ended:
            self._process.kill()
            self._process.wait()

    def wait(self) -> int:
        """Until it ends by itself; its exit code."""
        assert self._process is not None
        return self._process.wait(timeout=START_SECONDS)

    def stop(self) -> None:
        if self._process is not None and not self.ended:
            self._process.terminate()
            self._process.wait(timeout=10)

    def restart(self) -> None:
        """With the data that it had."""
        self.stop()
        self.start()

    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:]) if self.log.exists() else ""
