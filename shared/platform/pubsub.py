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


@dataclass(frozen=True)
class Message:
    """One Pub/Sub message: UTF-8 JSON text and string attributes."""

    data: str
    attributes: dict[str, str] = field(default_factory=dict)


class Publisher:
    """Publishes to topics of one project. `emulator` is host:port of the emulator, or empty."""

    def __init__(self, project: str, emulator: str = "") -> None:
        self._project = project
        self._emulator = emulator

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """All messages in one call. Raises `Unavailable` when Pub/Sub did not confirm them."""
        import requests
        from google.auth.exceptions import GoogleAuthError

        body = {"messages": [_encode(message) for message in messages]}
        try:
            response = self._session.post(self._url(topic), json=body, timeout=TIMEOUT_SECONDS)
        except (requests.RequestException, GoogleAuthError) as error:
            raise Unavailable(f"Topic {topic} cannot be reached.") from error
        if response.status_code != 200:
            raise Unavailable(f"Topic {topic} refused the messages with status {response.status_code}.")

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
    return {"data": base64.b64encode(message.data.encode()).decode(), "attributes": message.attributes}
