"""What a merchant sends to the Authorize.Net simulator, and a process of it with a clock that can be moved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.control import move_clock
from local.environment import State
from local.simulators.authorizenet_control import GatewayControl

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
CREATE, DETAILS = "createTransactionRequest", "getTransactionDetailsRequest"
Content = dict[str, Any]


class Merchant:
    """Keys stand in the order in which they are given."""

    def __init__(self, gateway: GatewayControl, state: State) -> None:
        self.gateway = gateway
        self._state = state

    def advance(self, **length: float) -> None:
        """`advance(days=1)` from NOW."""
        move_clock(self._state, NOW + timedelta(**length))

    def send(self, content: Content, ref_id: str = "") -> Content:
        return self.gateway.ask(CREATE, {**({"refId": ref_id} if ref_id else {}), "transactionRequest": content})

    def charge(self, token: str = "tok_a", amount: Any = "7.77", ref_id: str = "", **more: Any) -> Content:
        opaque = {"dataDescriptor": "COMMON.ACCEPT.INAPP.PAYMENT", "dataValue": token}
        funding = more.pop("funding", {"payment": {"opaqueData": opaque}})
        return self.send(
            {"transactionType": "authCaptureTransaction", "amount": amount, **funding, **more}, ref_id=ref_id
        )

    def charged(self, token: str = "tok_a", amount: Any = "7.77", **more: Any) -> str:
        """The id of an approved charge that is nobody's duplicate."""
        settings = {"setting": [{"settingName": "duplicateWindow", "settingValue": "0"}]}
        response = self.charge(token, amount, **more, transactionSettings=settings)["transactionResponse"]
        assert response["responseCode"] in ("1", "4")
        return str(response["transId"])

    def void(self, transaction_id: str) -> Content:
        return self.send({"transactionType": "voidTransaction", "refTransId": transaction_id})

    def refund(self, transaction_id: str, amount: str, last4: str, **more: Any) -> Content:
        card = {"creditCard": {"cardNumber": last4, "expirationDate": "XXXX"}}
        refund = {"transactionType": "refundTransaction", "amount": amount, "payment": card}
        return self.send({**refund, "refTransId": transaction_id, **more})

    def details(self, transaction_id: str) -> Content:
        return dict(self.gateway.ask(DETAILS, {"transId": transaction_id})["transaction"])

    def status(self, transaction_id: str) -> str:
        return str(self.details(transaction_id)["transactionStatus"])

    def unsettled(self, **content: Any) -> Content:
        return self.gateway.ask("getUnsettledTransactionListRequest", content)

    def fresh(self) -> Merchant:
        """On an empty account, at NOW."""
        self.advance()
        self.gateway.clear_traps()
        self.gateway.send_webhooks_to("", "")
        self.gateway.seed()
        return self


@contextmanager
def running(folder: Path) -> Iterator[Merchant]:
    state = State(folder)
    move_clock(state, NOW)
    with GatewayControl(folder, clock_file=str(state.clock_file)) as gateway:
        yield Merchant(gateway, state)


def code(answer: Content) -> str:
    """Of the first message."""
    return str(answer["messages"]["message"][0]["code"])


def reason(answer: Content) -> str:
    """`responseCode/code`: of the error, else of what is said."""
    response = answer["transactionResponse"]
    said = response["errors"][0]["errorCode"] if "errors" in response else response["messages"][0]["code"]
    return f"{response['responseCode']}/{said}"
