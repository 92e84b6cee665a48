"""Selling tickets: the one place where numbers, purchases and their charges change.

Reserve → charge → confirm. It does not matter who finds out what became of a charge, the request that sent it, the
sweeper, the follow-up of payments or the gateway's webhook, nor how often: the first to commit gives it its effect.

Failure policy: a process that dies in between leaves a reservation. When its ten minutes are over the gateway is asked
for the charge, and the tickets are the buyer's or everybody's again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from shared.payments.models import HELD, Charge, Outcome
from shared.payments.service import Payments
from shared.platform.context import Platform
from shared.platform.errors import RETRY_SENTENCE, ChangedMeanwhile, Contended, Failure, Unavailable
from shared.platform.firestore import Stored
from shared.platform.group_commit import Committed, GroupCommits
from shared.platform.outbox import Outgoing
from shared.raffles import rules
from shared.raffles.models import RESERVED, Raffle
from shared.raffles.repository import Raffles, Record
from shared.raffles.stage import Stage
from shared.raffles.vault import Vault
from shared.raffles.works import Conclude, LetGo, Reserve, Sold, TakeBack, TakeBonusBack, Tools, Work, place_of

# Works in one commit: of each there are up to five documents, of 10 MiB in all.
MOST_TOGETHER = 100
TRIES, LONGEST_PAUSE_SECONDS = 50, 0.01

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """A work, with what is known of its documents already."""

    work: Work
    known: Sold | None = None


class Sales:
    """The `Owner` of raffles' charges (shared/payments/ports.py); one per instance."""

    def __init__(self, platform: Platform, payments: Payments) -> None:
        self.payments = payments
        self.raffles = Raffles(platform)
        self.vault = Vault(platform)
        self._platform = platform
        self._tools = Tools(payments, self.vault, platform.ids)
        # Raffles as this instance has left them: read again after a lost race, which says that others sell too.
        self._left: dict[str, Record] = {}
        self._commits = GroupCommits[Job, Sold](self._commit, MOST_TOGETHER)

    # --- what buyers do

    def reserve(self, raffle_id: str, wanted: Reserve) -> Sold:
        """Raises what `Reserve` raises, `NoRaffle`, `Unavailable`."""
        return self.do(raffle_id, wanted)

    def conclude(self, sold: Sold, outcome: Outcome) -> Sold:
        """By who has just reserved, and sent the charge."""
        work = Conclude(purchase_id=sold.purchase.id, charge_id=sold.charge.id, outcome=outcome)
        return self._commits.run(sold.purchase.raffle_id, Job(work, sold))

    def do(self, raffle_id: str, work: Work) -> Sold:
        return self._commits.run(raffle_id, Job(work))

    # --- as the owner of charges

    def resolve(self, charge: Charge) -> None:
        """Raises `Unavailable`."""
        self.resolved(charge)

    def resolved(self, charge: Charge) -> Sold:
        """The purchase, once it is known what became of its charge; as it was while it is not. Raises `Unavailable`."""
        raffle_id, purchase_id = place_of(charge)
        outcome = self.payments.ask(charge)
        sold = self.do(raffle_id, Conclude(purchase_id=purchase_id, charge_id=charge.id, outcome=outcome, asked=charge))
        if sold.charge.state == HELD and rules.expired(sold.purchase, self._platform.clock.now()):
            return self._let_go(raffle_id, sold)
        return sold

    def take_back(self, charge: Charge, transaction_id: str, cents: int) -> None:
        raffle_id, purchase_id = place_of(charge)
        work = TakeBack(purchase_id=purchase_id, charge_id=charge.id, transaction_id=transaction_id, cents=cents)
        self.do(raffle_id, work)

    def take_bonus_back(self, customer_hash: str, charge_id: str) -> int:
        """The entries that were given for a membership whose charge has gone back, in raffles that still sell; of how
        many."""
        taken = 0
        for raffle in self.raffles.listed():
            bonus = self.raffles.bonus(raffle.id, customer_hash)
            if bonus and charge_id in bonus.paid_by and rules.changeable(raffle):
                self.do(raffle.id, TakeBonusBack(purchase_id=bonus.purchase_id, paid_by=charge_id))
                taken += 1
        return taken

    def _let_go(self, raffle_id: str, sold: Sold) -> Sold:
        transaction = sold.charge.transaction_id
        gone = self.do(
            raffle_id,
            LetGo(purchase_id=sold.purchase.id, charge_id=sold.charge.id, transaction_id=transaction),
        )
        if not gone.charge.open and gone.purchase.state != RESERVED:
            self.payments.give_back_of(gone.charge, transaction)
        return gone

    # --- the sweeper's

    def release_expired(self, raffle: Raffle) -> tuple[int, int]:
        """How many reservations were over, and of how many it is still not known. One does not hold up the others."""
        over, failed = 0, 0
        for purchase in list(self.raffles.purchases_in(raffle.id, RESERVED)):
            if not rules.expired(purchase, self._platform.clock.now()):
                continue
            over += 1
            booked = self.payments.ledger.get(purchase.charge_id)
            if booked is None:
                raise LookupError(f"There is no charge {purchase.charge_id}.")
            try:
                failed += self.resolved(booked.charge).purchase.state == RESERVED
            except Unavailable as error:
                failed += 1
                log.warning("reservation_still_open", extra={"purchaseId": purchase.id, "reason": error.sentence})
        return over, failed

    # --- commits

    def _commit(self, raffle_id: str, jobs: Sequence[Job]) -> Committed[Sold]:
        """All of them in one commit; in smaller ones while other instances are faster: a shorter turn wins sooner."""
        results: list[Sold | Exception] = []
        told: list[Sequence[Outgoing]] = []
        size, lost = len(jobs), 0
        while len(results) < len(jobs):
            try:
                done, events = self._committed(raffle_id, jobs[len(results) : len(results) + size], fresh=lost > 0)
            except ChangedMeanwhile:
                size, lost = max(1, size // 2), lost + 1
                if lost == TRIES:
                    contended = Contended(RETRY_SENTENCE, headers={"Retry-After": "1"})
                    results += [contended] * (len(jobs) - len(results))
                self._platform.clock.sleep(LONGEST_PAUSE_SECONDS * self._platform.ids.jitter())
            except Failure as failure:
                # Those before are committed, and have their results.
                results += [failure] * (len(jobs) - len(results))
            else:
                results, told, size = [*results, *done], [*told, events], 2 * size
        return results, self._publishing(told)

    def _committed(
        self, raffle_id: str, jobs: Sequence[Job], *, fresh: bool
    ) -> tuple[list[Sold | Exception], list[Outgoing]]:
        """One commit of these jobs. `fresh`: what was known of the documents may not be true any more."""
        left = None if fresh else self._left.pop(raffle_id, None)
        stage = Stage(self._platform, self.raffles, self.payments.ledger, raffle_id, left)
        for sold in (job.known for job in jobs if job.known is not None and not fresh):
            stage.know(sold.purchase, sold.charge, sold.version)
        results = [self._done(job.work, stage) for job in jobs]
        if left and any(isinstance(result, Failure) for result in results):
            # Nobody is refused for what was so a moment ago.
            return self._committed(raffle_id, jobs, fresh=True)
        if not stage.changed:
            return results, []
        version, told = stage.commit()
        if not fresh:
            self._left[raffle_id] = Record(stage.raffle, Stored({}, version))
        return [_with_version(result, version) for result in results], told

    def _done(self, work: Work, stage: Stage) -> Sold | Exception:
        try:
            return work.on(stage, self._tools)
        except Failure as failure:
            return failure

    def _publishing(self, told: Sequence[Sequence[Outgoing]]) -> Callable[[], None]:
        return lambda: self._platform.outbox.publish_together(told) if any(told) else None


def _with_version(result: Sold | Exception, version: object) -> Sold | Exception:
    return replace(result, version=version) if isinstance(result, Sold) else result
