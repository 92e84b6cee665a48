"""What a mail is on its way from a command to the provider. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

SENDING, SENT, FAILED, SKIPPED = "sending", "sent", "failed", "skipped"
# Longer than a delivery can take (see SECONDS in service.py): only of an instance that died is a mail taken over.
LEASE = timedelta(minutes=4)
# Longer than Pub/Sub keeps a message, dead letters included, so that no redelivery finds its mail forgotten.
KEPT = timedelta(days=70)

EXPIRING = "age-verification-expiring"
# Template → whether it is asked for by nothing that the customer did or bought: then they may unsubscribe from it.
# A raffle that is called off and its refund are news about the customer's own money, so `raffle_update` is not one.
TEMPLATES: Mapping[str, bool] = {
    EXPIRING: True,
    "membership_welcome": False,
    "membership_upgraded": False,
    "membership_cancelled": False,
    "membership_payment_failed": False,
    "membership_renewed": False,
    "raffle_purchase_confirmation": False,
    "raffle_winner_notification": False,
    "raffle_runner_up_notification": False,
    "raffle_update": False,
    "alert": False,
}


@dataclass(frozen=True, kw_only=True, repr=False)
class Command:
    """A mail that somebody wants sent (shared/platform/mail.py). Personal, hence no repr."""

    id: str
    template: str
    to: str
    data: Mapping[str, Any]
    queued_at: datetime
    customer_hash: str = ""
    about: str = ""

    @property
    def unsubscribable(self) -> bool:
        """Without the customer nobody's wish can be kept."""
        return TEMPLATES[self.template] and bool(self.customer_hash)


@dataclass(frozen=True, repr=False)
class Rendered:
    """What a template made of its data. `html` is a whole document, `text` says all of it again."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, kw_only=True)
class Sending:
    """`mails/{email_id}` without the address. `owner` may send until `lease_until`; `answer` is the provider's."""

    email_id: str
    template: str
    about: str
    customer_hash: str
    message_id: str
    state: str
    owner: str
    lease_until: datetime
    attempts: int
    queued_at: datetime
    code: str = ""
    answer: str = ""
    ended_at: datetime | None = None

    @property
    def ended(self) -> bool:
        return self.state != SENDING
