"""GET /api/memberships/{customer_id}"""

from __future__ import annotations

from shared.memberships import answers
from shared.memberships.lookup import MembershipLookup
from shared.memberships.schemas import MembershipWithBenefitsAnswer, NoMembershipAnswer
from shared.runtime.declare import SIGNED_IN, endpoint, in_path
from shared.runtime.request import Answer, Request


@endpoint(
    "GET /api/memberships/{customer_id}",
    auth=SIGNED_IN,
    owner=in_path("customer_id"),
    reserved=("stats",),
    responds={200: MembershipWithBenefitsAnswer, 404: NoMembershipAnswer},
    secrets=("VERIFICATION_KEY",),
)
def handle(request: Request) -> Answer:
    """The customer's newest membership, whatever its status."""
    customer_id = request.path["customer_id"]
    found, email = MembershipLookup.on(request.platform).get(customer_id)
    return Answer(200, {"membership": answers.membership(found, customer_id, email)})
