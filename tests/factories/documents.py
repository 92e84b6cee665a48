"""Everything that Firestore holds."""

from __future__ import annotations

from typing import Any

from google.cloud.firestore import Client


def documents(client: Client, *names: str) -> dict[str, dict[str, Any]]:
    """Path → fields of every document, those in subcollections too; of the collections `names`, by default of all."""
    found: dict[str, dict[str, Any]] = {}
    waiting = [c for c in client.collections() if not names or c.id in names]
    while waiting:
        # list_documents also names documents that exist only as the parent of a subcollection.
        for reference in waiting.pop().list_documents():
            snapshot = reference.get()
            if snapshot.exists:
                found[reference.path] = snapshot.to_dict() or {}
            waiting.extend(reference.collections())
    return found
