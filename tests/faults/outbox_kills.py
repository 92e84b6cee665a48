"""Processes killed around the publishing of an event: `python -m tests.faults.outbox_kills`, in the lean environment.

Standard input is one order, `{count, parallel, relays, environment, relay_environment}`. So many customers are
verified, each by a process of its own that SIGKILL ends right after its commit, or (each fifth) right after its
publish; then so many relays are killed between publishing and forgetting, two at a time; the answer says how each
process ended. They are forked from this one, which has imported everything and made no client: a tenth of the cost of
a start.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import requests
from google.cloud.firestore_v1.batch import WriteBatch

from shared.platform.context import Platform
from shared.platform.settings import Settings
from shared.verification.models import Claim
from shared.verification.service import VerificationService

COMMIT, PUBLISH = "commit", "publish"
CLAIM = {"full_name": "José Núñez", "date_of_birth": "1990-05-15", "id_number_last4": "1234", "state": "TX"}


def dies_after(what: str) -> None:
    """This process, by SIGKILL, as soon as its first call of that kind has returned."""
    kind, method = (WriteBatch, "commit") if what == COMMIT else (requests.Session, "send")
    original: Callable[..., Any] = getattr(kind, method)

    def last(*args: Any, **kwargs: Any) -> None:
        original(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(kind, method, last)


def verify(number: int) -> None:
    dies_after(PUBLISH if number % 5 == 4 else COMMIT)
    service = VerificationService.on(Platform.start(Settings.load()))
    service.verify(f"c-{number}", Claim(**CLAIM), "", f"req_{number}")


def relay(_: int) -> None:
    dies_after(PUBLISH)
    Platform.start(Settings.load()).outbox.relay()


def run(work: Callable[[int], None], count: int, parallel: int, environment: dict[str, str]) -> Counter[str]:
    """How many of `count` processes, `parallel` at a time, ended by what."""
    ended: Counter[str] = Counter()
    running = 0
    for number in range(count):
        if running == parallel:
            ended[_wait()] += 1
            running -= 1
        if os.fork() == 0:
            try:
                os.environ.update(environment)
                work(number)
            finally:
                os._exit(1)
        running += 1
    for _ in range(running):
        ended[_wait()] += 1
    return ended


def _wait() -> str:
    _, status = os.wait()
    return signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}"


def main() -> None:
    order = json.load(sys.stdin)
    verified = run(verify, order["count"], order["parallel"], order["environment"])
    relayed = run(relay, order["relays"], 2, order["relay_environment"])
    print(json.dumps({"verified": verified, "relayed": relayed}))


if __name__ == "__main__":
    main()
