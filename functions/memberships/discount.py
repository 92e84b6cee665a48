"""GET /api/memberships/discount/{customer_id}"""

from __future__ import annotations

from shared.memberships.reading import MembershipReader
from shared.memberships.schemas import DiscountAnswer, SubtotalQuery
from shared.runtime.declare import SIGNED_IN, endpoint, in_path
from shared.runtime.request import Answer, Request


@endpoint(
    "GET /api/memberships/discount/{customer_id}",
    auth=SIGNED_IN,
    owner=in_path("customer_id"),
    query=SubtotalQuery,
    responds={200: DiscountAnswer},
)
def handle(request: Request) -> Answer:
    """What a member gets off a subtotal at this moment."""
    found = MembershipReader.on(request.platform).discount(request.path["customer_id"], request.query["subtotal"])
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
