"""Which alerts are raised: `alert_states/{dedupKey}`. A transition and its event are one commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from shared.monitoring.models import AlertState
from shared.platform import firestore
from shared.platform.context import Platform
from shared.platform.outbox import Outgoing

if TYPE_CHECKING:
    from google.cloud.firestore import DocumentReference

COLLECTION = "alert_states"
WIRE = {"told_at": "toldAt", "well_since": "wellSince", "quiet_since": "quietSince"}
Decide = Callable[[AlertState], tuple[AlertState, Outgoing | None]]


class AlertStates:
    """Every method raises `Unavailable` when Firestore does not answer."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def open(self) -> set[str]:
        """The keys of the alerts that are raised."""
        from google.cloud.firestore import FieldFilter

        with firestore.translated():
            states = self._platform.firestore.collection(COLLECTION)
            raised = states.where(filter=FieldFilter("open", "==", True)).select([])
            found = firestore.counted(raised.stream(**firestore.in_time()))
            return {document.id for document in found}

    def change(self, key: str, decide: Decide) -> Outgoing | None:
        """Once: what `decide` makes of the state, with what is told of it, and that is published.

        Raises `ChangedMeanwhile` when another check was faster: then decide again.
        """
        reference = self._reference(key)
        seen = firestore.read(reference)
        before = _state(seen.data) if seen else AlertState()
        after, told = decide(before)
        if after == before:
            return None
        batch = self._platform.firestore.batch()
        firestore.put(batch, reference, {WIRE.get(name, name): value for name, value in asdict(after).items()}, seen)
        if told:
            self._platform.outbox.add(batch, told)
        firestore.commit(batch)
        if told:
            self._platform.outbox.publish([told])
        return told

    def _reference(self, key: str) -> DocumentReference:
        return self._platform.firestore.collection(COLLECTION).document(key)


def _state(document: dict[str, object]) -> AlertState:
    return AlertState(**{f.name: document[WIRE.get(f.name, f.name)] for f in fields(AlertState)})  # type: ignore[arg-type]
