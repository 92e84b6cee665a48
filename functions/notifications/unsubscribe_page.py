"""GET /api/notifications/unsubscribe"""

from __future__ import annotations

from shared.notifications import pages
from shared.notifications.preferences import Preferences
from shared.notifications.schemas import UnsubscribeLink
from shared.runtime.declare import PUBLIC, endpoint
from shared.runtime.request import Answer, Page, Request


@endpoint("GET /api/notifications/unsubscribe", auth=PUBLIC, query=UnsubscribeLink, responds={}, page=True)
def handle(request: Request) -> Answer:
    """A page with one button: programs that look at the links of a mail must not unsubscribe anybody."""
    Preferences.on(request.platform).check(request.query["c"], request.query["s"])
    return Answer(200, Page(pages.ASK))
