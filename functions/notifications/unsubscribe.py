"""POST /api/notifications/unsubscribe"""

from __future__ import annotations

from shared.notifications import pages
from shared.notifications.preferences import Preferences
from shared.notifications.schemas import UnsubscribeLink
from shared.runtime.declare import PUBLIC, endpoint
from shared.runtime.request import Answer, Page, Request


@endpoint("POST /api/notifications/unsubscribe", auth=PUBLIC, query=UnsubscribeLink, responds={}, page=True)
def handle(request: Request) -> Answer:
    """End reminders for the customer whom the link names; one click of a mail program (RFC 8058) or of the page."""
    preferences = Preferences.on(request.platform)
    preferences.check(request.query["c"], request.query["s"])
    preferences.unsubscribe(request.query["c"])
    return Answer(200, Page(pages.DONE))
