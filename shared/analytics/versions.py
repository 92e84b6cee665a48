"""Which data a figure is made from: the last syncs that changed rows, and the store's day."""

from __future__ import annotations

from shared.analytics import rules
from shared.platform import firestore
from shared.platform.cache.models import LIVE, MOCK, Params, Version
from shared.platform.context import Platform

# Of the syncs (shared/pos/repository.py): what changed rows last, and whether it was made up.
COLLECTION, VERSION, MODE = "sync_sources", "dataVersion", "mode"


def data_version(platform: Platform, params: Params) -> Version:
    """As long as it is the same, so is the answer. Raises `Unavailable`."""
    day = rules.period(platform.clock.now(), platform.settings.store_timezone).day
    parts, modes = [day.isoformat()], set[str]()
    for source in rules.sources_of(params["source"]):
        seen = firestore.read(platform.firestore.collection(COLLECTION).document(source))
        known = seen.data if seen else {}
        parts.append(f"{source}={known.get(VERSION) or 'none'}")
        modes.add(known.get(MODE) or LIVE)
    return Version(" ".join(parts), MOCK if MOCK in modes else LIVE)
