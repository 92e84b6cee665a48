"""GET /api/sync/status/{job_id}"""

from __future__ import annotations

from shared.pos.schemas import NoJobAnswer, SyncJobAnswer
from shared.pos.status import StatusService
from shared.runtime.declare import ADMIN, endpoint
from shared.runtime.request import Answer, Request


@endpoint("GET /api/sync/status/{job_id}", auth=ADMIN, responds={200: SyncJobAnswer, 404: NoJobAnswer})
def handle(request: Request) -> Answer:
    """One run: how far it is, what it has counted, its certificate."""
    return Answer(200, StatusService(request.platform).job(request.path["job_id"]))
