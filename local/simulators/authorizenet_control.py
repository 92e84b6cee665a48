"""The simulated Authorize.Net account as a child process, for tests.

with GatewayControl(folder) as gateway:
    gateway.fate("decline", profile=...)
    ... gateway.environment() ...
    assert gateway.ledger("charges")["count"] == 1
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import requests

from local.simulators.authorizenet import CONTAIN, URL, AuthorizeNetProvider
from local.simulators.authorizenet_account import CLIENT_KEY, LOGIN, TEST_CARD, TRANSACTION_KEY
from local.simulators.process import SEED_SECONDS, Simulator, SimulatorFailed

Content = dict[str, Any]


class GatewayControl(Simulator):
    """Threads may share it."""

    def __init__(self, folder: Path, *, port: int = 0, clock_file: str = "", **parameters: Any) -> None:
        super().__init__("authorizenet", folder, port=port, clock_file=clock_file, **parameters)

    def environment(self) -> dict[str, str]:
        """The functions' variables."""
        return AuthorizeNetProvider.environment(self.url)

    def transactions(self) -> list[Content]:
        """All, oldest first: the truth."""
        return list(self.call("GET", "/transactions")["transactions"])

    def profiles(self) -> list[Content]:
        return list(self.call("GET", "/profiles")["profiles"])

    def fate(self, fate: str, **card: str) -> None:
        """approve, decline, hold, expired, invalid or error; the card by `profile`, `last4` or `token`."""
        self.call("POST", "/cards", {**card, "fate": fate})

    def approve(self, transaction_id: str) -> Content:
        return self._done(transaction_id, "approve")

    def decline(self, transaction_id: str) -> Content:
        return self._done(transaction_id, "decline")

    def void(self, transaction_id: str) -> Content:
        return self._done(transaction_id, "void")

    def refund(self, transaction_id: str, cents: int | None = None) -> Content:
        """The refund; of what is left without `cents`."""
        return self._done(transaction_id, "refund", {} if cents is None else {"amount": cents})

    def notifications(self, since: int = 0) -> list[Content]:
        """{number, notificationId, eventType, transId, body, signature} of those after number `since`."""
        return list(self.call("GET", "/notifications", since=since)["notifications"])

    def foreign(self, cents: int, reference: str = "") -> Content:
        """A charge by somebody else on the same account."""
        return dict(self.call("POST", "/transactions", {"cents": cents, "reference": reference}))

    def nonce(self, card: str = TEST_CARD, zip: str = "55401", expires: str = "2199-12") -> str:  # noqa: A002
        """A token as Accept.js gets it."""
        token = {"cardNumber": card, "expirationDate": expires, "cardCode": "900", "zip": zip}
        data = {"type": "TOKEN", "id": "form", "token": token}
        caller = {"name": LOGIN, "clientKey": CLIENT_KEY}
        answer = self.answer({CONTAIN: {"merchantAuthentication": caller, "data": data}})
        return str(answer["opaqueData"]["dataValue"])

    def ask(self, call: str, content: Content) -> Content:
        """The answer to a call of the gateway's own API."""
        caller = {"name": LOGIN, "transactionKey": TRANSACTION_KEY}
        return self.answer({call: {"merchantAuthentication": caller, **content}})

    def answer(self, body: Content) -> Content:
        try:
            reply = requests.post(self.url + URL, json=body, timeout=SEED_SECONDS)
        except requests.RequestException as error:
            raise SimulatorFailed(f"The gateway gave no answer ({type(error).__name__}).") from error
        return dict(json.loads(reply.content.decode("utf-8-sig")))

    def _done(self, transaction_id: str, what: str, body: Content | None = None) -> Content:
        return dict(self.call("POST", f"/transactions/{transaction_id}/{what}", body or {}))
