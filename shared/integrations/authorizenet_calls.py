"""How Authorize.Net's JSON API is called: one URL, the root key names the call, 200 for errors too.

Failure policy: what moves money is sent once, over a connection that is known to be fresh, and it is told apart whether
anything was sent at all. Everything else is asked four times, then `GatewayUnavailable`. A redirect is no answer.

Source: AnetApiSchema.xsd of github.com/AuthorizeNet/sdk-php. The JSON is mapped to its sequences, so the order of the
keys is part of the format.
"""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.payments.errors import GatewayUnavailable
from shared.platform.clock import Clock
from shared.platform.context import Platform
from shared.platform.ids import Ids

if TYPE_CHECKING:
    import requests

URLS = {
    "production": "https://api.authorize.net/xml/v1/request.api",
    "sandbox": "https://apitest.authorize.net/xml/v1/request.api",
}
# Connect, and then each wait for more of the answer.
TIMEOUT_SECONDS = (5.0, 20.0)
PAUSES = (0.3, 0.6, 1.2)
# A connection that was idle for longer may have been closed at the other end without our having seen it.
IDLE_SECONDS = 15.0
# As many as charge at once in an instance of raffles_purchase: a connection that has no place is closed after its call.
PARALLEL = 64
NO_ANSWER = "The payment provider does not answer. Try again in a moment."
# "An error occurred during processing", "the server is too busy", "in maintenance": it may go better next time.
PASSING = frozenset({"E00001", "E00053", "E00104"})

log = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class Answer:
    """One answer. `body` is empty when there is none, or none that is this API's; decimals are `Decimal`.

    `sent`: whether any of the request's content was handed to the network.
    """

    body: Mapping[str, Any]
    sent: bool = True

    @property
    def ok(self) -> bool:
        return part(self.body, "messages").get("resultCode") == "Ok"

    @property
    def code(self) -> str:
        """Of the first message: `I00001`, `E00040` …"""
        return str(self._message.get("code", ""))

    @property
    def text(self) -> str:
        return str(self._message.get("text", ""))

    @property
    def _message(self) -> Mapping[str, Any]:
        return next(iter(parts(part(self.body, "messages"), "message")), {})


class Calls:
    """The account of AUTHORIZE_NET_API_LOGIN_ID. Threads may share it."""

    def __init__(
        self, url: str, login: str, key: str, clock: Clock, ids: Ids, timeouts: tuple[float, float] = TIMEOUT_SECONDS
    ) -> None:
        self._url = url
        self._login = login
        self._key = key
        self._clock = clock
        self._ids = ids
        self._timeouts = timeouts
        self._used = clock.monotonic()
        self._using = threading.Lock()

    @classmethod
    def on(cls, platform: Platform, timeouts: tuple[float, float] = TIMEOUT_SECONDS) -> Calls:
        settings = platform.settings
        return cls(
            settings.authorize_net_url or URLS[settings.authorize_net_environment],
            settings.authorize_net_api_login_id,
            settings.authorize_net_transaction_key,
            platform.clock,
            platform.ids,
            timeouts,
        )

    def once(self, name: str, content: Mapping[str, Any]) -> Answer:
        """Send it, and never again. Raises `GatewayUnavailable` only when there are no credentials."""
        answer = self._send(name, content)
        if not answer.body:
            log.warning("gateway_no_answer", extra={"call": name, "sent": answer.sent})
        return answer

    def ask(self, name: str, content: Mapping[str, Any], expected: Collection[str] = ()) -> Answer:
        """A success, or a refusal with one of the `expected` codes. Raises `GatewayUnavailable`."""
        answer = self._send(name, content)
        for pause in PAUSES:
            if answer.body and answer.code not in PASSING:
                break
            self._clock.sleep(pause * (0.5 + self._ids.jitter() / 2))
            answer = self._send(name, content)
        if answer.ok or answer.code in expected:
            return answer
        if answer.body:
            log_refusal(name, answer.code)
        else:
            log.warning("gateway_no_answer", extra={"call": name, "sent": answer.sent})
        raise GatewayUnavailable(NO_ANSWER)

    def _send(self, name: str, content: Mapping[str, Any]) -> Answer:
        import requests

        text = _Content(json.dumps({name: {"merchantAuthentication": self._credentials(), **content}}).encode())
        self._drop_idle_connections()
        try:
            response = self._session.post(
                self._url,
                data=text,
                headers={"Content-Type": "application/json"},
                timeout=self._timeouts,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            log.debug("gateway_call", extra={"call": name, "failure": type(error).__name__})
            return Answer({}, text.sent)
        finally:
            self._used = self._clock.monotonic()
        log.debug("gateway_call", extra={"call": name, "status": response.status_code})
        return Answer(_read(response.content) if response.status_code == 200 else {})

    def _credentials(self) -> dict[str, str]:
        for variable, value in (
            ("AUTHORIZE_NET_API_LOGIN_ID", self._login),
            ("AUTHORIZE_NET_TRANSACTION_KEY", self._key),
        ):
            if not value:
                raise GatewayUnavailable(f"Payments are not set up: {variable} is not set. Nothing was charged.")
        return {"name": self._login, "transactionKey": self._key}

    def _drop_idle_connections(self) -> None:
        with self._using:
            now = self._clock.monotonic()
            if now - self._used > IDLE_SECONDS:
                self._session.close()
            self._used = now

    @cached_property
    def _session(self) -> requests.Session:
        import requests
        from requests.adapters import HTTPAdapter

        session = requests.Session()
        # Else a .netrc entry would be sent along, and every call would look for one.
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=PARALLEL, max_retries=0))
        return session


class _Content(io.BytesIO):
    """What is sent, which knows whether it was: it is read only when a connection stands, TLS and all."""

    sent = False

    def read(self, size: int | None = -1, /) -> bytes:
        self.sent = True
        return super().read(size)


def part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object within another; empty when it is missing or something else."""
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def parts(body: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects of a list within an object; empty when it is missing or something else."""
    found = body.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def log_refusal(name: str, code: str) -> None:
    """The request itself is wrong, or the credentials are: a person must look."""
    log.error("gateway_refused_request", extra={"call": name, "code": code})


def _read(content: bytes) -> Mapping[str, Any]:
    """Every answer begins with a byte order mark. Empty for what is no answer of this API."""
    try:
        body = json.loads(content.decode("utf-8-sig"), parse_float=Decimal)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) and isinstance(body.get("messages"), dict) else {}
