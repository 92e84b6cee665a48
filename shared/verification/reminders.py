"""Reminding customers before their verification ends.

A reminder is claimed on the record and put into the outbox in one commit, under an id that follows from the
verification: whoever queues it again queues the same mail, and its sender sends it once. It is marked as sent by what
the sender tells (marks.py); a claim of which nothing was heard for a day is queued again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from shared.platform import firestore
from shared.platform.clock import to_milliseconds
from shared.platform.context import Platform
from shared.platform.crypto import Keyring, Undecryptable
from shared.platform.errors import Unavailable
from shared.platform.mail import Mail
from shared.values.days import day_of
from shared.verification.addresses import Contact, in_the_warehouse
from shared.verification.marks import TEMPLATE
from shared.verification.models import Person, Verification
from shared.verification.pages import PAGE, Change, save, walk
from shared.verification.repository import Found, Place, VerificationRepository
from shared.verification.vault import Vault

WITHIN = timedelta(days=30)
# Less than the day between two runs, more than a mail is tried for.
AGAIN_AFTER = timedelta(hours=20)
REPORTS, REPORT = "job_reports", "expiry_emails"

log = logging.getLogger(__name__)


@dataclass
class Tally:
    """How many records: `looked_at` is the sum of all that follow.

    `waiting`: queued less than a day ago. `refused`: their address takes no mail. `not_looked_up`: the warehouse did
    not answer. `changed`: somebody else changed the record meanwhile.
    """

    looked_at: int = 0
    queued: int = 0
    waiting: int = 0
    refused: int = 0
    unsubscribed: int = 0
    no_address: int = 0
    not_looked_up: int = 0
    changed: int = 0

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> Tally:
        """Going on from a message."""
        return cls(**counts)


class Reminders:
    """One run. `unsubscribed` tells which of some customers want none."""

    def __init__(
        self, platform: Platform, unsubscribed: Callable[[Sequence[str]], frozenset[str]], page: int = PAGE
    ) -> None:
        keyring = Keyring.parse("VERIFICATION_KEY", platform.settings.require("VERIFICATION_KEY"))
        self._platform = platform
        self._repository = VerificationRepository.on(platform)
        self._vault = Vault(keyring, platform.ids.entropy)
        self._unsubscribed = unsubscribed
        self._page = page

    def run(self, after: Place | None, tally: Tally, seconds: float) -> Place | None:
        """Queue reminders for about so long; where to go on, or None at the end. Raises `Unavailable`."""
        now = to_milliseconds(self._platform.clock.now())

        def read(place: Place | None) -> Sequence[Found]:
            return self._repository.unreminded(now, now + WITHIN, place, self._page)

        return walk(self._platform.clock, read, lambda page: self._queue(page, tally, now), after, seconds, self._page)

    def report(self, tally: Tally) -> None:
        """What a run came to, for the log and for who looks: `job_reports/expiry_emails`. Raises `Unavailable`."""
        counts = asdict(tally)
        log.info("expiry_reminders", extra=counts)
        reference = self._platform.firestore.collection(REPORTS).document(REPORT)
        with firestore.translated():
            reference.set(
                {**counts, "endedAt": self._platform.clock.now()},
                timeout=firestore.COMMIT_SECONDS,
            )

    def _queue(self, page: Sequence[Found], tally: Tally, now: datetime) -> None:
        tally.looked_at += len(page)
        due = self._due(page, tally, now)
        contacts = self._contacts(due, tally)
        changes = [self._change(found, contacts[found.customer_hash], now) for found in due if _known(found, contacts)]
        saved = save(self._repository, changes)
        tally.queued += len(saved)
        tally.changed += len(changes) - len(saved)
        self._platform.outbox.publish([mail for _, _, mail in saved])

    def _due(self, page: Sequence[Found], tally: Tally, now: datetime) -> list[Found]:
        open_ones = []
        for found in page:
            if found.verification.expiry_notice_failed_at:
                tally.refused += 1
            elif _queued_lately(found.verification, now):
                tally.waiting += 1
            else:
                open_ones.append(found)
        without = self._unsubscribed([found.customer_hash for found in open_ones]) if open_ones else frozenset()
        tally.unsubscribed += len(without)
        return [found for found in open_ones if found.customer_hash not in without]

    def _contacts(self, due: Sequence[Found], tally: Tally) -> dict[str, Contact]:
        """By customer hash, of whom there is an address."""
        people = {found.customer_hash: person for found in due if (person := self._person(found))}
        known = {one: Contact(person.full_name, person.email) for one, person in people.items() if person.email}
        others = {one: person for one, person in people.items() if not person.email}
        try:
            elsewhere = in_the_warehouse(self._platform, {person.customer_id for person in others.values()})
        except Unavailable as error:
            # Failure policy: who is only known there is reminded by the next run; the others are not held up.
            log.warning("addresses_not_looked_up", extra={"reason": error.sentence})
            tally.not_looked_up += len(others)
            tally.no_address += len(due) - len(people)
            return known
        for one, person in others.items():
            if contact := elsewhere.get(person.customer_id):
                known[one] = Contact(person.full_name or contact.name, contact.email)
        tally.no_address += len(due) - len(known)
        return known

    def _person(self, found: Found) -> Person | None:
        """Failure policy: a record that no key opens has no address; it is for an operator, and stops nobody else."""
        try:
            return self._vault.open(found.verification.data_key, found.verification.sealed, found.customer_hash)
        except Undecryptable:
            log.error("person_undecryptable", extra={"customerHash": found.customer_hash})
            return None

    def _change(self, found: Found, contact: Contact, now: datetime) -> Change:
        settings, verification = self._platform.settings, found.verification
        data = {
            "name": contact.name,
            "expiresAt": day_of(verification.expires_at, settings.store_timezone).isoformat(),
            "reverifyUrl": settings.reverify_url or settings.public_url,
        }
        mail = Mail(
            id=f"mail_expiring_{verification.id}",
            template=TEMPLATE,
            to=contact.email,
            data=data,
            queued_at=now,
            customer_hash=found.customer_hash,
            about=verification.id,
        )
        return found, replace(verification, expiry_notice_queued_at=now), mail


def _known(found: Found, contacts: Mapping[str, Contact]) -> bool:
    return found.customer_hash in contacts


def _queued_lately(verification: Verification, now: datetime) -> bool:
    queued_at = verification.expiry_notice_queued_at
    return queued_at is not None and now - queued_at < AGAIN_AFTER
