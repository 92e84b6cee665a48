"""GET /api/memberships/discount/{customer_id}"""

from __future__ import annotations

import re
from decimal import Decimal

from shared.memberships.reading import MembershipReader
from shared.memberships.schemas import DiscountAnswer, SubtotalQuery
from shared.platform.errors import Invalid
from shared.runtime.declare import SIGNED_IN, endpoint, in_path
from shared.runtime.request import Answer, Request

MOST = 1_000_000
NUMBER = re.compile(r"-?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})")


@endpoint(
    "GET /api/memberships/discount/{customer_id}",
    auth=SIGNED_IN,
    owner=in_path("customer_id"),
    query=SubtotalQuery,
    responds={200: DiscountAnswer},
)
def handle(request: Request) -> Answer:
    """What a member gets off a subtotal at this moment."""
    subtotal = _subtotal(request.query["subtotal"])
    found = MembershipReader.on(request.platform).discount(request.path["customer_id"], subtotal)
    return Answer(
        200,
        {
            "has_discount": found.tier is not None,
            "discount_amount": found.amount,
            "discount_percent": found.percent,
            "final_total": found.total,
            "tier": found.tier,
        },
    )


def _subtotal(text: str) -> Decimal:
    if not text.strip():
        raise Invalid("subtotal query parameter is required", code="missing_fields", field="subtotal")
    value = Decimal(text) if NUMBER.fullmatch(text) else None
    if value is None or not 0 <= value <= MOST:
        raise Invalid(
            f"subtotal: must be an amount in dollars from 0 to {MOST:,}.", code="invalid_field", field="subtotal"
        )
    return value
