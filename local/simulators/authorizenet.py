"""Authorize.Net's JSON API: charges, voids, refunds, stored cards, reports and webhooks.

One URL; the root key names the call, and its keys must stand in the XSD's order (authorizenet_schema.py). Test cards
and tokens: authorizenet_account.py. Stricter than the real gateway where public facts say little: declined and voided
transactions are in no list, and declined ones count as duplicates too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from local.simulators import authorizenet_account as account
from local.simulators import (
    authorizenet_book,
    authorizenet_charges,
    authorizenet_notices,
    authorizenet_profiles,
    authorizenet_schema,
    authorizenet_wallet,
)
from local.simulators.authorizenet_answers import LOGIN_FAILED, SCHEMA, Content, Failed, Result, refusal
from local.simulators.authorizenet_controls import Controls
from local.simulators.authorizenet_reports import Reports
from local.simulators.authorizenet_reversals import Reversals
from local.simulators.database import Database
from local.simulators.messages import Answer, Refused, Request
from local.simulators.provider import Parameters, Provider, Route
from local.simulators.traps import Strike, Traps
from shared.platform.clock import Clock

URL = "/xml/v1/request.api"
CREATE = "createTransactionRequest"
CONTAIN = "securePaymentContainerRequest"
TABLES = (authorizenet_book, authorizenet_wallet, authorizenet_notices, authorizenet_profiles)


class AuthorizeNetProvider(Provider):
    name = "authorizenet"
    parameters: ClassVar = {"seed": 1, "days": 0}
    streams = tuple(authorizenet_book.STREAMS)
    tables = "".join(module.TABLES for module in TABLES)
    prefixes = ("/xml/",)
    own_traps: ClassVar[Mapping[str, str]] = {
        "lost_answer": "every n-th createTransactionRequest is carried out, then the connection is closed",
        "lost_request": "of every n-th createTransactionRequest the connection is closed before it is carried out",
        "slow_charge": "milliseconds that a createTransactionRequest waits before it is carried out",
        "down": "the connection is closed on every call; 503: that is answered; a text: the calls that are struck",
        "decline": "every n-th charge is declined, whatever the card",
        "hold": "every n-th charge is held for review, whatever the card",
        "profile_lag": "the first k calls that name a profile that was made since do not find it",
        "garbled": "every n-th call of a kind is carried out, and its answer is no JSON",
        "schema_error": "every n-th call of a kind is refused with E00003",
    }

    def __init__(self, database: Database, traps: Traps, clock: Clock) -> None:
        super().__init__(database, traps, clock)
        self._book = book = authorizenet_book.Book(database, clock)
        self._notices = authorizenet_notices.Notices(database, clock)
        wallet = authorizenet_wallet.Wallet(database, book)
        profiles = authorizenet_profiles.Profiles(database, traps, book, wallet)
        self._charges = authorizenet_charges.Charges(book, wallet, profiles, self._notices, traps)
        self._reversals = Reversals(book, self._notices)
        self._controls = Controls(database, book, wallet, profiles, self._charges, self._reversals, self._notices)
        reports = Reports(book)
        self._calls: dict[str, Callable[[Content], Result]] = {
            CREATE: self._create_transaction,
            CONTAIN: wallet.contain,
            "getTransactionDetailsRequest": reports.details,
            "getUnsettledTransactionListRequest": reports.unsettled,
            "getTransactionListRequest": reports.batch,
            "getSettledBatchListRequest": reports.batches,
            "createCustomerProfileFromTransactionRequest": profiles.from_transaction,
            "createCustomerProfileRequest": profiles.create,
            "createCustomerPaymentProfileRequest": profiles.create_payment,
            "getCustomerProfileRequest": profiles.get,
            "getCustomerPaymentProfileRequest": profiles.get_payment,
            "deleteCustomerPaymentProfileRequest": profiles.delete_payment,
        }

    @classmethod
    def environment(cls, url: str) -> dict[str, str]:
        return {
            "AUTHORIZE_NET_URL": f"{url}{URL}",
            "AUTHORIZE_NET_API_LOGIN_ID": account.LOGIN,
            "AUTHORIZE_NET_TRANSACTION_KEY": account.TRANSACTION_KEY,
            "AUTHORIZE_NET_SIGNATURE_KEY": account.SIGNATURE_KEY,
        }

    def seed(self, parameters: Parameters) -> None:
        """There is nothing at first."""

    def seeded(self, parameters: Parameters) -> None:
        self._book.seed = parameters["seed"]

    def routes(self) -> Sequence[Route]:
        return [("POST", URL, self._call)]

    def controls(self) -> Sequence[Route]:
        return self._controls.routes()

    def admit(self, request: Request) -> None:
        """The credentials are in the body, and are looked at after its shape."""

    def finish(self, request: Request, answer: Answer) -> None:
        """No header of its own."""

    def refusal(self, strike: Strike) -> Answer:
        return refusal(strike)

    def ledger(self, stream: str, start: datetime | None, end: datetime | None) -> dict[str, Any]:
        self._book.settle()
        return self._book.ledger(stream, start, end)

    def counts(self) -> dict[str, int]:
        tables = ("transactions", "profiles", "payments", "notifications")
        return {table: self.database.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables}

    def _call(self, request: Request) -> Answer:
        ref_id = ""
        try:
            name, content = _read(request)
            self._stay_up(name)
            ref_id = authorizenet_schema.text_of(content.get("refId"))
            self._check(name, content)
            self._book.settle()
            self._lose("lost_request", name)
            result = self._calls[name](content)
        except Failed as failed:
            result = failed.result
        else:
            self._lose("lost_answer", name)
            if self.traps.every("garbled", name):
                return Answer(200, b"<html><body>Please try again later.</body></html>", {}, "text/html")
        return result.answer(ref_id)

    def _check(self, name: str, content: Content) -> None:
        if name not in self._calls:
            raise Failed("E00045")
        if self.traps.every("schema_error", name):
            raise Failed(SCHEMA, f"The element '{name}' has incomplete content.")
        try:
            authorizenet_schema.check(name, content)
        except authorizenet_schema.Invalid as invalid:
            raise Failed(SCHEMA, str(invalid)) from None
        caller = content["merchantAuthentication"]
        key = ("clientKey", account.CLIENT_KEY) if name == CONTAIN else ("transactionKey", account.TRANSACTION_KEY)
        if (caller.get("name"), caller.get(key[0])) != (account.LOGIN, key[1]):
            raise Failed(LOGIN_FAILED)

    def _create_transaction(self, content: Content) -> Result:
        asked = content["transactionRequest"]
        kinds = {
            authorizenet_book.CHARGE: self._charges.charge,
            authorizenet_book.REFUND: self._reversals.refund,
            "voidTransaction": self._reversals.void,
        }
        if asked["transactionType"] not in kinds:
            raise Failed("E00013", "TransactionType is invalid.")
        time.sleep(self.traps["slow_charge"] / 1000)
        # The day may have turned meanwhile.
        self._book.settle()
        if asked["transactionType"] == authorizenet_book.CHARGE:
            self._charges.look_up(asked)
        ref_id = authorizenet_schema.text_of(content.get("refId"))
        with self.database.write() as connection:
            result, told = kinds[asked["transactionType"]](connection, asked, ref_id)
        for number in told:
            self._notices.tell(number)
        return result

    def _stay_up(self, name: str) -> None:
        value = self.traps["down"]
        if not value or (isinstance(value, str) and name not in value.split(",")):
            return
        answer = self.refusal(Strike("server_error", status=503)) if value == 503 else Answer(0, lost=True)
        raise Refused(answer)

    def _lose(self, trap: str, name: str) -> None:
        if name == CREATE and self.traps.every(trap):
            raise Refused(Answer(0, lost=True))


def _read(request: Request) -> tuple[str, Content]:
    """The call's name and its content."""
    try:
        body = json.loads(request.body.decode("utf-8-sig"))
    except ValueError:
        raise Failed("E00001") from None
    if not isinstance(body, dict) or len(body) != 1:
        raise Failed("E00045")
    ((name, content),) = body.items()
    return name, content if isinstance(content, dict) else {}
