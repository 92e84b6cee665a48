"""POST /api/sync/{source}"""

from __future__ import annotations

from shared.pos.schemas import AlreadyRunningAnswer, NoSourceAnswer, QueuedAnswer, TriggerRequest
from shared.pos.trigger import TriggerService
from shared.runtime.declare import ADMIN, endpoint
from shared.runtime.request import Answer, Request


@endpoint(
    "POST /api/sync/{source}",
    auth=ADMIN,
    body=TriggerRequest,
    responds={202: QueuedAnswer, 404: NoSourceAnswer, 409: AlreadyRunningAnswer},
    idempotent=True,
    publishes=("sync-requests",),
)
def handle(request: Request) -> Answer:
    """Queue a run of a source: `square` or `lightspeed`."""
    job = TriggerService(request.platform).request(
        request.path["source"], request.body["mode"], request.body["start"], request.body["end"], request.request_id
    )
    return Answer(202, {"job_id": job.id, "status_url": f"/api/sync/status/{job.id}"})
