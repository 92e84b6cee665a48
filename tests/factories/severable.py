"""A Firestore client whose connection can be cut and is back at once."""

from __future__ import annotations

import os
from typing import Any

from google.cloud.firestore import Client

from shared.platform.context import Platform
from tests.factories.silence import closed_port


class SeverableClient(Client):
    """While `down`, its calls go to a port where nobody listens."""

    down = False

    def __init__(self, project: str) -> None:
        super().__init__(project=project)
        address, os.environ["FIRESTORE_EMULATOR_HOST"] = os.environ["FIRESTORE_EMULATOR_HOST"], closed_port()
        self._nowhere = Client(project=project)
        # Its channel is made now, where the variable says.
        _ = self._nowhere._firestore_api
        os.environ["FIRESTORE_EMULATOR_HOST"] = address

    @property
    def _firestore_api(self) -> Any:
        return self._nowhere._firestore_api if self.down else super()._firestore_api


def severable(platform: Platform) -> SeverableClient:
    """The client of a platform that has none yet."""
    client = SeverableClient(platform.settings.project)
    assert "firestore" not in vars(platform)
    vars(platform)["firestore"] = client
    return client
