"""A Firestore client whose commits arrive, but whose answers get lost."""

from __future__ import annotations

from typing import Any

from google.api_core.exceptions import DeadlineExceeded
from google.cloud.firestore import Client, WriteBatch


class LossyClient(Client):
    """While `losing`, a commit is applied and then fails as if the network had gone."""

    losing = False

    def batch(self) -> WriteBatch:
        return _Lossy(self) if self.losing else super().batch()


class _Lossy(WriteBatch):
    def commit(self, *args: Any, **kwargs: Any) -> list[Any]:
        super().commit(*args, **kwargs)
        raise DeadlineExceeded("The answer was lost.")
