"""What can go wrong with a raffle, beyond what can go wrong with a payment (shared/payments/errors.py).

Failure
├── NoRaffle             404
├── NoTickets            404   no receipt: the ticket is not in the ledger
├── NotActive            400   not for sale in this status
├── SalesClosed          400   the draw date is over, or the ledger is fixed
├── TooFewLeft           400   fewer tickets than asked for
├── AgeUnverified        403   21 and verified, or no ticket
├── AlreadyDrawn         400
├── Cancelled            400
├── NothingSold          400   nothing to draw from
├── OpenReservations     409   somebody is paying at this moment
├── FrozenField          400   what buyers have paid for does not change
├── IllegalTransition    400   a status that does not follow from this one
├── Over                 400   drawn or cancelled: nothing of it changes any more
├── LegalBasisRequired   409   no activation without a recorded basis
├── LegalBasisViolated   409   the basis does not allow this raffle
└── BeaconUnavailable    503   drand does not answer; the draw goes on when it does
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.platform.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable


class NoRaffle(NotFound):
    code = "raffle_not_found"

    def __init__(self) -> None:
        super().__init__("Raffle not found")


class NoTickets(NotFound):
    code = "ticket_not_in_ledger"

    def __init__(self, ticket: int) -> None:
        super().__init__(f"Ticket {ticket} is not in the ledger of this raffle.", field="ticket")


class NotActive(Invalid):
    code = "raffle_not_active"

    def __init__(self, status: str) -> None:
        super().__init__(f"Raffle is not active. Current status: {status}", status=status)


class SalesClosed(Invalid):
    code = "sales_closed"

    def __init__(self) -> None:
        super().__init__("Ticket sales for this raffle have ended.")


class TooFewLeft(Invalid):
    code = "not_enough_tickets"

    def __init__(self, remaining: int) -> None:
        super().__init__(f"Only {remaining} tickets remaining", field="numTickets", remaining=remaining)


class AgeUnverified(Forbidden):
    code = "age_verification_required"

    def __init__(self) -> None:
        super().__init__(
            "Age verification required. Customers must be 21+ to purchase raffle tickets.",
            requiresAgeVerification=True,
        )


class AlreadyDrawn(Invalid):
    code = "already_drawn"

    def __init__(self) -> None:
        super().__init__("Raffle has already been drawn")


class Cancelled(Invalid):
    code = "raffle_cancelled"

    def __init__(self, doing: str) -> None:
        super().__init__(f"Cannot {doing} cancelled raffle")


class NothingSold(Invalid):
    code = "no_tickets_sold"

    def __init__(self) -> None:
        super().__init__("No tickets have been sold for this raffle")


class OpenReservations(Conflict):
    code = "open_reservations"

    def __init__(self, count: int) -> None:
        super().__init__(
            f"Tickets are being paid at this moment, in {count} reservations. Draw again when they are done: a "
            "reservation lives ten minutes at most.",
            headers={"Retry-After": "30"},
            openReservations=count,
        )


class FrozenField(Invalid):
    code = "frozen_after_sale"


class IllegalTransition(Invalid):
    code = "illegal_transition"

    def __init__(self, before: str, after: str) -> None:
        super().__init__(f"A raffle that is {before} cannot become {after}.", field="status", status=before)


class Over(Invalid):
    code = "raffle_over"

    def __init__(self, status: str, field: str) -> None:
        super().__init__(f"Cannot modify {field}: a raffle that is {status} stays as it is.", field=field)


class LegalBasisRequired(Conflict):
    code = "legal_basis_required"

    def __init__(self) -> None:
        super().__init__(
            "This raffle cannot be activated before an admin has recorded its legal basis: send legal_basis with "
            "basis, organisation, reference, prize_value and signed_off_by."
        )


class LegalBasisViolated(Conflict):
    code = "legal_basis_violated"

    def __init__(self, rules: Sequence[tuple[str, str, str]]) -> None:
        """`rules`: name, sentence and citation of each that is violated."""
        super().__init__(
            "The recorded legal basis does not allow this raffle: " + " ".join(sentence for _, sentence, _ in rules),
            rules=[{"rule": name, "sentence": sentence, "citation": cited} for name, sentence, cited in rules],
        )


class BeaconUnavailable(Unavailable):
    code = "beacon_unavailable"

    def __init__(self) -> None:
        super().__init__(
            "The public randomness for this draw cannot be fetched at the moment. Sales stay closed; draw again in a "
            "minute: the round is fixed, and the result will be the same.",
            headers={"Retry-After": "30"},
        )
