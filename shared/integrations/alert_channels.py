"""Which channels alerts go to: those that are configured."""

from __future__ import annotations

from shared.integrations import pagerduty, slack
from shared.monitoring.by_mail import ByMail
from shared.monitoring.delivering import Delivering
from shared.monitoring.ports import Channel
from shared.platform.context import Platform


def connect(platform: Platform) -> Delivering:
    """One for an instance; asks nobody yet."""
    return platform.once(Delivering, lambda: Delivering(platform, channels(platform)))


def channels(platform: Platform) -> list[Channel]:
    """Without one of them alerts are in the log and in Firestore only."""
    settings = platform.settings
    found: list[Channel] = []
    if settings.slack_webhook_url:
        found.append(slack.connect(platform))
    if settings.pagerduty_routing_key:
        found.append(pagerduty.connect(platform))
    if settings.alert_addresses:
        found.append(ByMail(settings.alert_addresses, platform.clock))
    return found
