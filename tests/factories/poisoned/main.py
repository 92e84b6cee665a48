"""A subscriber as functions-framework loads it, that fails on some messages until a document says that it was mended.

Its effect, once for each event: `effects/{eventId}`, with the times it was asked for.
"""

from __future__ import annotations

import functions_framework

from shared.platform import firestore
from shared.runtime import instance, serve
from shared.runtime.declare import declaration_of, subscriber
from shared.runtime.manifest import Declared
from shared.runtime.messages import MessageFunction
from shared.runtime.request import Delivery


@subscriber("verification-events")
def handle(delivery: Delivery) -> None:
    store = delivery.platform.firestore
    if delivery.data["data"].get("poison") and not store.collection("mended").document("now").get().exists:
        raise RuntimeError("A bug that nobody has mended yet.")
    batch = store.batch()
    firestore.increase(
        batch, store.collection("effects").document(delivery.data["eventId"]), {"done": True}, {"asked": 1}
    )
    firestore.commit(batch)


DECLARED = Declared("things", "listen", declaration_of(handle), handle)
things_listen = serve._named(
    "things_listen", MessageFunction("things_listen", handle, instance.platform()), functions_framework.cloud_event
)
