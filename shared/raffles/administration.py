"""Making raffles and changing them: what an admin decides, within what buyers were told."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.platform import firestore
from shared.platform.clock import to_milliseconds, wire_time
from shared.platform.contention import until_unchanged
from shared.platform.context import Platform
from shared.platform.errors import Invalid
from shared.raffles import documents, events
from shared.raffles.draw import ALGORITHM
from shared.raffles.errors import (
    FrozenField,
    IllegalTransition,
    LegalBasisRequired,
    LegalBasisViolated,
    NoRaffle,
    Over,
)
from shared.raffles.legal import Facts, violations
from shared.raffles.models import (
    ACTIVE,
    CANCELLED,
    COMPLETED,
    DRAFT,
    DRAWABLE,
    DRAWN,
    RECORDS_KEPT_YEARS,
    SETTABLE,
    Change,
    LegalBasis,
    Raffle,
)
from shared.raffles.repository import Raffles, Record
from shared.raffles.vault import Vault
from shared.values.days import day_of

TEXTS = ("name", "description", "prize")
FROZEN = "Cannot modify ticket_price or max_tickets after tickets have been sold"


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a raffle is made from. `prize`: text, or cents."""

    name: str
    description: str
    prize: str | int
    ticket_price: int
    max_tickets: int
    draw_date: datetime


class Administration:
    """One per instance. Every method raises `Unavailable`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._raffles = Raffles(platform)
        self._vault = Vault(platform)

    @classmethod
    def on(cls, platform: Platform) -> Administration:
        return platform.once(cls, lambda: cls(platform))

    def create(self, draft: Draft, request_id: str) -> Raffle:
        """A draft, with the commitment to its secret seed. Raises `Invalid` for a draw date in the past."""
        now = to_milliseconds(self._platform.clock.now())
        _check_draw_date(draft.draw_date, now, "drawDate")
        raffle_id = self._platform.ids.new("RAFFLE")
        seed, key, sealed = self._vault.new_seed(raffle_id)
        raffle = Raffle(
            id=raffle_id,
            name=draft.name,
            description=draft.description,
            prize=draft.prize,
            ticket_price=draft.ticket_price,
            max_tickets=draft.max_tickets,
            draw_date=to_milliseconds(draft.draw_date),
            status=DRAFT,
            created_at=now,
            updated_at=now,
            seed_commitment=hashlib.sha256(seed).hexdigest(),
            seed_key=key,
            seed=sealed,
            free=((1, draft.max_tickets),),
        )
        self._save(raffle, None, events.CREATED, request_id)
        return raffle

    def update(self, raffle_id: str, changes: Mapping[str, Any], who: str, request_id: str) -> Raffle:
        """The raffle with what is in `changes`, all of it or nothing. `who` records a legal basis.

        Raises `NoRaffle`, `FrozenField`, `IllegalTransition`, `Over`, `LegalBasisRequired`, `LegalBasisViolated`,
        `Invalid`.
        """

        def updated() -> Raffle:
            record = self._raffles.get(raffle_id)
            if record is None:
                raise NoRaffle
            after = self._changed(record.raffle, changes, who, to_milliseconds(self._platform.clock.now()))
            kind = {ACTIVE: events.ACTIVATED, COMPLETED: events.COMPLETED}.get(after.status, events.UPDATED)
            self._save(after, record, kind if after.status != record.raffle.status else events.UPDATED, request_id)
            return after

        return until_unchanged(updated, self._platform.clock, self._platform.ids)

    def _changed(self, before: Raffle, changes: Mapping[str, Any], who: str, now: datetime) -> Raffle:
        status = changes.get("status", before.status)
        fields = {name: value for name, value in changes.items() if name not in ("status", "legal_basis")}
        if "draw_date" in fields:
            fields["draw_date"] = to_milliseconds(fields["draw_date"])
        different = {name: value for name, value in fields.items() if value != getattr(before, name)}
        _check_over(before, status, [*different, *(("legal_basis",) if "legal_basis" in changes else ())])
        _check_frozen(before, different)
        after = replace(before, **different, updated_at=now)
        if "max_tickets" in different:
            after = replace(after, free=((1, after.max_tickets),))
        if "draw_date" in different:
            after = self._with_draw_date(after, before, now)
        if changes.get("legal_basis"):
            after = replace(after, legal=replace(changes["legal_basis"], recorded_at=now, recorded_by=who))
        after = self._with_status(after, status, now)
        if after.status in DRAWABLE:
            # Also of what changes after the activation.
            self._check_legal_basis(after, now)
        return after

    @staticmethod
    def _with_draw_date(after: Raffle, before: Raffle, now: datetime) -> Raffle:
        """A date that was published is only changed with a notice, which the audit shows."""
        _check_draw_date(after.draw_date, now, "draw_date")
        if before.status == DRAFT:
            return after
        notice = Change(at=now, kind="draw_date", before=wire_time(before.draw_date), after=wire_time(after.draw_date))
        return replace(after, changes=(*before.changes, notice))

    def _with_status(self, raffle: Raffle, status: str, now: datetime) -> Raffle:
        if status == raffle.status:
            return raffle
        if status == CANCELLED:
            raise Invalid(
                "A raffle is cancelled by DELETE /api/raffles/{raffleId}/cancel, which gives the money back.",
                code="illegal_transition",
                field="status",
            )
        if (raffle.status, status) not in SETTABLE:
            raise IllegalTransition(raffle.status, status)
        if status == ACTIVE:
            _check_draw_date(raffle.draw_date, now, "draw_date")
        return replace(raffle, status=status)

    def _check_legal_basis(self, raffle: Raffle, now: datetime) -> None:
        if not self._platform.settings.legal_gate:
            return
        if raffle.legal is None:
            raise LegalBasisRequired
        zone = self._platform.settings.store_timezone
        found = violations(raffle.legal, self._facts(raffle, raffle.legal, zone), day_of(now, zone))
        if found:
            raise LegalBasisViolated([(one.rule, one.sentence, one.citation) for one in found])

    def _facts(self, raffle: Raffle, legal: LegalBasis, zone: str) -> Facts:
        year = day_of(raffle.draw_date, zone).year
        others = [
            other
            for other in self._raffles.everyone()
            if other.id != raffle.id and other.legal and other.status not in (DRAFT, CANCELLED)
        ]
        return Facts(
            prize=raffle.prize,
            ticket_price=raffle.ticket_price,
            algorithm=ALGORITHM,
            entropy=self._platform.settings.draw_entropy,
            raffles_in_year=sum(
                other.legal is not None
                and other.legal.organisation.casefold() == legal.organisation.casefold()
                and day_of(other.draw_date, zone).year == year
                for other in others
            ),
            record_years=RECORDS_KEPT_YEARS,
        )

    def _save(self, raffle: Raffle, record: Record | None, kind: str, request_id: str) -> None:
        batch = self._platform.firestore.batch()
        event = events.of_raffle(self._platform.ids.new("evt"), kind, raffle, request_id, raffle.updated_at)
        reference = self._raffles.reference(raffle.id)
        firestore.put(batch, reference, documents.of_raffle(raffle), record.seen if record else None)
        self._platform.outbox.add(batch, event)
        firestore.commit(batch)
        self._platform.outbox.publish([event])


def _check_draw_date(draw_date: datetime, now: datetime, field: str) -> None:
    if draw_date <= now:
        raise Invalid(f"{field} is in the past. Send a time that is still to come.", code="invalid_field", field=field)


def _check_over(before: Raffle, status: str, different: Sequence[str]) -> None:
    """What was drawn or cancelled stays as it is; a drawn raffle may be completed."""
    if before.status not in (DRAWN, COMPLETED, CANCELLED):
        return
    if different:
        raise Over(before.status, different[0])
    if status != before.status and (before.status, status) not in SETTABLE:
        raise IllegalTransition(before.status, status)


def _check_frozen(before: Raffle, different: Mapping[str, Any]) -> None:
    if before.frozen and ("ticket_price" in different or "max_tickets" in different):
        raise FrozenField(FROZEN, field="ticket_price" if "ticket_price" in different else "max_tickets")
    if "prize" in different and before.frozen:
        raise FrozenField("Cannot modify prize after tickets have been sold", field="prize")
    if "draw_date" not in different:
        return
    if before.closing is not None:
        raise FrozenField("Cannot modify draw_date after sales have closed", field="draw_date")
    if before.frozen and different["draw_date"] < before.draw_date:
        raise FrozenField(
            "Cannot bring draw_date forward after tickets have been sold. A later date can be set.", field="draw_date"
        )
