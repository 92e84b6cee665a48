"""DELETE /api/age-verification/{customer_id}"""

from __future__ import annotations

from shared.runtime.declare import CUSTOMER_OR_ADMIN, endpoint, in_path
from shared.runtime.request import Answer, Request
from shared.verification.erasure import ErasureService
from shared.verification.schemas import ErasedAnswer


@endpoint(
    "DELETE /api/age-verification/{customer_id}",
    auth=CUSTOMER_OR_ADMIN,
    owner=in_path("customer_id"),
    responds={200: ErasedAnswer},
    publishes=("verification-events",),
)
def handle(request: Request) -> Answer:
    """Delete what is personal: the sealed record, its key, kept answers. The de-identified trail stays."""
    customer_id = request.path["customer_id"]
    ErasureService.on(request.platform).erase(customer_id, request.principal.role, request.request_id)
    return Answer(200, {"customer_id": customer_id})
