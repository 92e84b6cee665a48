"""Publishing to Pub/Sub over its REST API.

The REST call needs nothing that the Firestore client has not imported already; the gRPC publisher costs every cold
start another 40-60 ms (docs/decisions/0005).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.platform.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import requests

TIMEOUT_SECONDS = (1.0, 4.0)
# The attribute that repeats a message's ordering key.
ORDERING_KEY = "orderingKey"


@dataclass(frozen=True)
class Message:
    """One Pub/Sub message: UTF-8 JSON text and string attributes. Bytes are what somebody else has published.

    Messages of one `ordering_key` reach an ordered subscription in the order of their publishing; empty: in any.
    """

    data: str | bytes
    attributes: dict[str, str] = field(default_factory=dict)
    ordering_key: str = ""


class MessageRefused(Unavailable):
    """Pub/Sub has read the messages and takes none (400): one at least does not fit the topic's schema.

    It will be refused again, and those it was sent with are not to blame.
    """


class Publisher:
    """Publishes to topics of one project. `emulator` is host:port of the emulator, or empty."""

    def __init__(self, project: str, emulator: str = "") -> None:
        self._project = project
        self._emulator = emulator

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """All messages, which have one ordering key, in one call: all are published or none.

        Raises `MessageRefused` for one that does not fit the topic's schema, `Unavailable` when Pub/Sub did not
        confirm them for any other reason.
        """
        status = self._post(topic, messages, TIMEOUT_SECONDS)
        if status != 200:
            failure = MessageRefused if status == 400 else Unavailable
            raise failure(f"Topic {topic} refused the messages with status {status}.")

    def probe(self, topic: str, timeout: float) -> None:
        """Publish an empty list, which is nothing. Raises `Unavailable` when no good answer comes in about `timeout` s.

        A publisher may publish and nothing else: `topics.get` is not in its role, and `testIamPermissions`, which needs
        none, is not in the emulator. Both answer an empty list with 400: Pub/Sub is there and has read it. 401, 403 and
        404 say that events would not get through either.
        """
        status = self._post(topic, [], timeout)
        if status >= 500 or status in (401, 403, 404):
            raise Unavailable(f"Topic {topic} answered the probe with status {status}.")

    def _post(self, topic: str, messages: Sequence[Message], timeout: float | tuple[float, float]) -> int:
        """The status of the answer. `timeout` in seconds, for connecting and for reading. Raises `Unavailable`."""
        import requests
        from google.auth.exceptions import GoogleAuthError

        body = {"messages": [_encode(message) for message in messages]}
        try:
            return self._session.post(self._url(topic), json=body, timeout=timeout).status_code
        except (requests.RequestException, GoogleAuthError) as error:
            raise Unavailable(f"Topic {topic} cannot be reached.") from error

    def _url(self, topic: str) -> str:
        base = f"http://{self._emulator}" if self._emulator else "https://pubsub.googleapis.com"
        return f"{base}/v1/projects/{self._project}/topics/{topic}:publish"

    @cached_property
    def _session(self) -> requests.Session:
        session = self._authorised_session() if not self._emulator else self._plain_session()
        # Else a .netrc entry could replace our token, and every call would look for one.
        session.trust_env = False
        return session

    def _plain_session(self) -> requests.Session:
        import requests

        return requests.Session()

    def _authorised_session(self) -> requests.Session:
        import google.auth
        from google.auth.transport.requests import AuthorizedSession

        credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/pubsub"])
        return AuthorizedSession(credentials)  # type: ignore[no-untyped-call]


def _encode(message: Message) -> dict[str, Any]:
    data = message.data if isinstance(message.data, bytes) else message.data.encode()
    encoded = {"data": base64.b64encode(data).decode(), "attributes": message.attributes}
    if not message.ordering_key:
        return encoded
    # functions-framework drops the key: a message that was given up is published again by the attribute.
    attributes = {**message.attributes, ORDERING_KEY: message.ordering_key}
    return {**encoded, "attributes": attributes, "orderingKey": message.ordering_key}
