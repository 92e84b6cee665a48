"""The local stack's simulators: one process for each provider that the caller gave no access to."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence

from local.environment import State
from local.simulators.process import Simulator
from local.simulators.registry import names, provider
from shared.platform.errors import Misconfigured

# The shop's real size; of Lightspeed's sales there are 12 for every 100 payments.
PAYMENTS = 100_184
# Lightspeed gives a small shop a bucket of 90 and a drop a second: its first two years would take minutes here, and
# Square's months would wait behind them.
BUCKET, DRIP = 900, 30
# A simulator that ends so soon, so many times in a row, will not do better the next time.
SHORT_LIFE_SECONDS, SHORT_LIVES = 5, 3


def wanted(environment: Mapping[str, str]) -> Sequence[str]:
    """None with SIMULATORS=off; else each whose provider's variables the caller has not set. Raises `Misconfigured`."""
    if (choice := environment.get("SIMULATORS") or "on") not in ("on", "off"):
        raise Misconfigured(f"SIMULATORS is '{choice}'. Use on or off.")
    given = {name for name, value in environment.items() if value}
    return [name for name in names() if choice == "on" and given.isdisjoint(provider(name).environment(""))]


def sizes(environment: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """What each simulator is seeded with, by SIMULATED_PAYMENTS. Raises `Misconfigured`."""
    text = environment.get("SIMULATED_PAYMENTS") or str(PAYMENTS)
    if not text.isdecimal():
        raise Misconfigured(f"SIMULATED_PAYMENTS is '{text}'. It must be a whole number.")
    payments = int(text)
    lightspeed = {"sales": payments * 12_000 // PAYMENTS, "bucket": BUCKET, "drip": DRIP}
    return {"square": {"payments": payments}, "lightspeed": lightspeed}


class Fleet:
    """Raises `Misconfigured`, with what to do, for variables that cannot be."""

    def __init__(self, state: State) -> None:
        sized = sizes(os.environ)
        self._members = {
            name: Simulator(name, state.folder / "simulators", clock_file=str(state.clock_file), **sized.get(name, {}))
            for name in wanted(os.environ)
        }
        self._started: dict[str, float] = {}
        self._short_lives = dict.fromkeys(self._members, 0)

    @property
    def urls(self) -> dict[str, str]:
        return {name: member.url for name, member in self._members.items()}

    def start(self) -> None:
        """Begin to start them: they fill themselves with data in the background."""
        for name in self._members:
            self._spawn(name)

    def connect(self, webhooks: Mapping[str, tuple[str, str]]) -> None:
        """Wait until they answer, and tell those that are named where their webhooks go: a URL and the key to sign
        with. Raises `SimulatorFailed`."""
        for name, member in self._members.items():
            member.wait_until_it_answers()
            if name in webhooks:
                member.send_webhooks_to(*webhooks[name])

    def ready(self) -> set[str]:
        """Those that have their data."""
        return {name for name, member in self._members.items() if member.seeded()}

    def keep(self) -> None:
        """Start those again that ended by themselves, unless they do it again and again."""
        for name, member in self._members.items():
            if not member.ended or self._short_lives[name] == SHORT_LIVES:
                continue
            short = time.monotonic() - self._started[name] < SHORT_LIFE_SECONDS
            self._short_lives[name] = self._short_lives[name] + 1 if short else 0
            if self._short_lives[name] == SHORT_LIVES:
                _say(f"The {name} simulator ends as soon as it has started. Its messages are in {member.log}.")
            else:
                _say(f"The {name} simulator ended by itself (see {member.log}) and is started again.")
                self._spawn(name)

    def stop(self) -> None:
        for member in self._members.values():
            member.stop()

    def _spawn(self, name: str) -> None:
        self._started[name] = time.monotonic()
        self._members[name].spawn()


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
