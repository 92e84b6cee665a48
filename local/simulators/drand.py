"""drand's relays: two of them, `/relay-1` and `/relay-2`, each with the paths of a real one below it.

Both serve one chain, called quicknet as the real one is, under a key of its own and a round every second; on a path
without a chain's hash they serve another chain, as real relays do. Rounds come by the stack's clock. The traps strike
the first relay only, unless `all_relays` is on, so that an honest client finds its round at the second.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from local.simulators.drand_chain import LocalChain
from local.simulators.messages import Answer, Refused, Request, Wrong
from local.simulators.provider import Parameters, Provider, Route
from local.simulators.traps import Strike

SEED, PERIOD = 1, 1
# 2020-01-01: before every time that somebody moves the clock to.
GENESIS = 1577836800
OTHER_PERIOD = 30
RELAYS = ("1", "2")
LATEST = "latest"
WEEK = 604_800
# Of a 64-bit number.
MOST_DIGITS = 20
STATUSES = {"unauthorized": 401, "forbidden": 403, "rate_limited": 429, "wrong_method": 405}


class DrandProvider(Provider):
    name = "drand"
    parameters: ClassVar = {"seed": SEED, "period": PERIOD}
    streams = ()
    tables = ""
    prefixes = ("/relay-",)
    own_traps: ClassVar[Mapping[str, str]] = {
        "all_relays": "drand's own traps strike every relay, not the first one alone",
        "wrong_randomness": "every n-th round comes with a randomness that does not follow from its signature",
        "signature_of_another_round": "every n-th round comes with the signature of the one before",
        "another_round": "every n-th round that is asked for is answered with the one before",
        "other_chain": "every n-th round is signed with another chain's key",
        "v2_shape": "every n-th round comes without its randomness, as the second version of the API has it",
        "garbage": "every n-th round is no JSON",
        "late": "seconds that every round comes late",
        "down": "the connection is closed on every call; 503: that is answered",
    }

    @classmethod
    def environment(cls, url: str) -> dict[str, str]:
        chain = _chain(cls.parameters)
        pinned = (chain.hash, chain.public_key, chain.genesis, chain.period)
        return {
            "DRAND_URL": ",".join(f"{url}/relay-{relay}" for relay in RELAYS),
            "DRAND_CHAIN": ":".join(map(str, pinned)),
        }

    def seed(self, parameters: Parameters) -> None:
        """Rounds are signed when they are asked for."""

    def seeded(self, parameters: Parameters) -> None:
        if not parameters["period"]:
            raise Wrong("period is 0. It must be a second at least.")
        self._chain = _chain(parameters.numbers)
        self._other = LocalChain("default", parameters["seed"], GENESIS, OTHER_PERIOD)

    def routes(self) -> Sequence[Route]:
        base = "/relay-{relay}"
        return [
            ("GET", f"{base}/chains", lambda _, relay: self._told([self._chain.hash, self._other.hash], relay)),
            ("GET", f"{base}/info", lambda _, relay: self._told(self._other.info(), relay)),
            ("GET", f"{base}/public/{{number}}", self._unnamed),
            ("GET", f"{base}/{{chain}}/info", lambda _, relay, chain: self._told(self._called(chain).info(), relay)),
            ("GET", f"{base}/{{chain}}/public/{{number}}", self._round),
            ("GET", f"{base}/v2/beacons/{{chain}}/info", self._second_info),
            ("GET", f"{base}/v2/beacons/{{chain}}/rounds/{{number}}", self._second_round),
        ]

    def controls(self) -> Sequence[Route]:
        return []

    def admit(self, request: Request) -> None:
        """Everybody may."""

    def finish(self, request: Request, answer: Answer) -> None:
        """No header of every answer."""

    def refusal(self, strike: Strike) -> Answer:
        status = strike.status or STATUSES.get(strike.kind, 404)
        after = {} if strike.retry_after is None else {"Retry_After": str(strike.retry_after)}
        return Answer.json(status, {"error": strike.kind}, **after)

    def ledger(self, stream: str, start: datetime | None, end: datetime | None) -> dict[str, Any]:
        raise Wrong("drand keeps no ledger: a round follows from its number.")

    def counts(self) -> dict[str, int]:
        return {"rounds": self._chain.latest(self.clock.now().timestamp())}

    # --- views

    def _told(self, value: Any, relay: str) -> Answer:
        self._stay_up(relay)
        return _cached(value, WEEK)

    def _unnamed(self, _: Request, relay: str, number: str) -> Answer:
        return self._served(self._other, relay, number, lambda found: {**found, "previous_signature": ""})

    def _round(self, _: Request, relay: str, chain: str, number: str) -> Answer:
        return self._served(self._called(chain), relay, number, dict)

    def _second_info(self, _: Request, relay: str, chain: str) -> Answer:
        return self._told(self._called(chain).info(), relay)

    def _second_round(self, _: Request, relay: str, chain: str, number: str) -> Answer:
        return self._served(self._called(chain), relay, number, _without_randomness)

    def _called(self, name: str) -> LocalChain:
        """By its hash, or by the name that the second version of the API takes."""
        for chain in (self._chain, self._other):
            if name in (chain.hash, chain.name):
                return chain
        raise Refused(Answer.json(404, {"error": "unknown chain"}))

    def _served(
        self, chain: LocalChain, relay: str, text: str, shaped: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> Answer:
        self._stay_up(relay)
        late = self.traps["late"] if self._struck(relay) else 0
        now = self.clock.now().timestamp()
        latest = chain.latest(now - late)
        if text != LATEST and not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS):
            return Answer.json(400, {"error": "the round is no number"})
        # Every relay takes 0 for the latest round.
        fixed = text != LATEST and int(text) > 0
        number = int(text) if fixed else latest
        if number > latest or not latest:
            # Which of the two it is depends on the relay, in the real world too.
            return Answer.json(404 if relay == RELAYS[0] else 425, {"error": "the round is not there yet"})
        if self._strikes(relay, "garbage"):
            return Answer(200, b"<html><body>Please try again later.</body></html>", {}, "text/html")
        age = WEEK if fixed else max(0, int(chain.time_of(latest + 1) - now))
        return _cached(shaped(self._made(chain, relay, number)), age)

    def _made(self, chain: LocalChain, relay: str, number: int) -> dict[str, Any]:
        if self._strikes(relay, "another_round"):
            number -= 1
        found = (self._other if self._strikes(relay, "other_chain") else chain).round(number)
        if self._strikes(relay, "signature_of_another_round"):
            found = {**chain.round(number - 1), "round": number}
        if self._strikes(relay, "wrong_randomness"):
            found["randomness"] = chain.round(number - 1)["randomness"]
        return _without_randomness(found) if self._strikes(relay, "v2_shape") else found

    # --- traps

    def _struck(self, relay: str) -> bool:
        return relay == RELAYS[0] or bool(self.traps["all_relays"])

    def _strikes(self, relay: str, trap: str) -> bool:
        return self._struck(relay) and self.traps.every(trap, relay)

    def _stay_up(self, relay: str) -> None:
        if relay not in RELAYS:
            raise Refused(Answer.json(404, {"error": "unknown relay"}))
        if self.traps["down"] and self._struck(relay):
            raise Refused(Answer.json(503, {"error": "down"}) if self.traps["down"] == 503 else Answer(0, lost=True))


def _chain(numbers: Mapping[str, int]) -> LocalChain:
    return LocalChain("quicknet", numbers["seed"], GENESIS, numbers["period"])


def _without_randomness(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != "randomness"}


def _cached(value: Any, seconds: int) -> Answer:
    rule = f"public, max-age={seconds}" + (", immutable" if seconds == WEEK else "")
    return Answer(200, json.dumps(value).encode(), {"Cache-Control": rule})
