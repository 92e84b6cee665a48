"""The streams of each source, for who need not call it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.integrations import lightspeed_rows, square_rows
from shared.pos.models import Stream

STREAMS: Mapping[str, Sequence[Stream]] = {
    "square": (square_rows.PAYMENTS, square_rows.ORDER_LINES, square_rows.ITEMS, square_rows.CUSTOMERS),
    "lightspeed": (lightspeed_rows.TRANSACTIONS, lightspeed_rows.PRODUCTS, lightspeed_rows.CUSTOMERS),
}
