"""GET /api/sync/status"""

from __future__ import annotations

from shared.integrations.streams import STREAMS
from shared.pos.schemas import SyncStatusAnswer
from shared.pos.status import StatusService
from shared.runtime.declare import ADMIN, endpoint
from shared.runtime.request import Answer, Request


@endpoint("GET /api/sync/status", auth=ADMIN, responds={200: SyncStatusAnswer})
def handle(request: Request) -> Answer:
    """Every stream: state, watermark, lag, last error, last certificate."""
    return Answer(200, StatusService(request.platform).overview(STREAMS))
