"""What is read from Square for a caller, as the cache keeps it.

Failure policy: the catalogue's last good answer is served when Square fails, 503 when there is none. Of the last days'
sales nothing old is served: 502.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.integrations.square_api import mode_of
from shared.platform import wire
from shared.platform.cache.models import Found, Params, State, View
from shared.platform.context import Platform
from shared.platform.errors import SourceUnavailable
from shared.pos import transactions
from shared.pos.errors import AuthFailed, SourceFailure, SquareUnavailable
from shared.pos.models import MOCK as MOCK_MODE
from shared.pos.ports import SquareAccount
from shared.pos.square_schemas import CACHE, MOCK, SQUARE, SquareCatalogFigures, SquareTransactionsFigures

# A load is a dozen calls.
CATALOG_FRESH, CATALOG_STALE = timedelta(minutes=5), timedelta(minutes=10)


def params(platform: Platform) -> Params:
    """Made-up answers have entries of their own: none is ever served in place of a real one."""
    made_up = mode_of(platform.settings) == MOCK_MODE and platform.settings.sandbox
    return {"source": MOCK if made_up else SQUARE}


def about_catalog(found: Found, *, for_staff: bool) -> dict[str, Any]:
    """What `SquareCatalogAnswer` has beside the figures. Customers are not told of tokens and scopes."""
    source = found.head.params["source"]
    about = {"success": True, "source": CACHE if found.cached and source != MOCK else source}
    if found.state is State.DEGRADED:
        about["error"] = found.error if for_staff else "Square does not answer. This is its last good answer."
    return about


def about_transactions(found: Found) -> dict[str, Any]:
    return {"source": found.head.params["source"]}


def _load_catalog(platform: Platform, params: Params) -> bytes:
    """Raises `SourceUnavailable`."""
    try:
        return wire.dumped(SquareCatalogFigures, _reads(platform, params).catalogue())
    except SourceFailure as failure:
        raise SourceUnavailable(failure.sentence) from failure


def _load_transactions(platform: Platform, params: Params) -> bytes:
    """Raises `SquareUnavailable`."""
    days = transactions.last_days(platform.clock.now(), platform.settings.store_timezone)
    try:
        payments = _reads(platform, params).payments(days)
    except (SourceFailure, SourceUnavailable) as failure:
        raise SquareUnavailable("Square transactions unavailable", source=SQUARE, message=failure.sentence) from failure
    return wire.dumped(SquareTransactionsFigures, transactions.takings(payments))


def _reads(platform: Platform, params: Params) -> SquareAccount:
    if params["source"] == MOCK:
        from shared.integrations.square_mock import SquareMockReads

        return SquareMockReads(platform.clock)
    if mode_of(platform.settings) == MOCK_MODE:
        raise AuthFailed("Square has no access token. Put one into SQUARE_ACCESS_TOKEN, see docs/square.md.")
    from shared.integrations.square_reads import SquareReads

    return SquareReads(platform)


SQUARE_CATALOG = View(name="square_catalog", load=_load_catalog, fresh_for=CATALOG_FRESH, stale_for=CATALOG_STALE)
SQUARE_TRANSACTIONS = View(name="square_transactions", load=_load_transactions, stale_for=timedelta(0), keep=False)
