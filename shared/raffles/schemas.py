"""The wire shapes of raffles. The records that admins create and update are snake_case: storefronts depend on it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from shared.platform.errors import Invalid
from shared.platform.wire import ErrorAnswer, Money, WholeNumber, WireTime, customer_id_field
from shared.raffles.models import MOST_IN_A_PURCHASE, MOST_TICKETS, STATUSES, LegalBasis
from shared.raffles.policy import BASES

QUANTITY = f"Ticket quantity must be between 1 and {MOST_IN_A_PURCHASE}"


class Prize(fields.Field[Any]):
    """A text, or an amount in dollars: inside text, or whole cents."""

    default_error_messages = {  # noqa: RUF012
        "validator_failed": "must be a text of 1 to 500 characters, or an amount in dollars that is more than 0."
    }

    def _serialize(self, value: str | int | None, attr: str | None, obj: Any, **kwargs: Any) -> str | Decimal | None:
        return Decimal(value).scaleb(-2) if isinstance(value, int) else value

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str | int:
        if isinstance(value, str) and 1 <= len(value.strip()) <= 500:
            return value.strip()
        try:
            cents: int = Money().deserialize(value) if isinstance(value, int | float) else 0
        except ValidationError:
            cents = 0
        if cents <= 0:
            raise self.make_error("validator_failed")
        return cents


class TicketQuantity(fields.Integer):
    """A whole number of tickets; whatever else is sent gets the one sentence that storefronts show."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not 1 <= value <= MOST_IN_A_PURCHASE:
            raise Invalid(QUANTITY, code="invalid_quantity", field="numTickets")
        return int(value)


def _more_than_nothing(cents: int) -> None:
    if cents <= 0:
        raise ValidationError("must be more than 0.")


def _text(most: int, **options: Any) -> fields.String:
    return fields.String(validate=validate.Length(1, most, error=f"must be 1 to {most} characters."), **options)


def _price(**options: Any) -> Money:
    return Money(
        validate=_more_than_nothing,
        metadata={"example": 50.00, "minimum": 0.01, "multipleOf": 0.01, "maximum": 999_999_999.99},
        **options,
    )


def _most_tickets(**options: Any) -> fields.Integer:
    error = f"must be a whole number from 1 to {MOST_TICKETS:,}."
    return fields.Integer(
        strict=True,
        validate=validate.Range(1, MOST_TICKETS, error=error),
        metadata={"example": 5000},
        **options,
    )


PRIZE = {
    "oneOf": [{"type": "string", "minLength": 1, "maxLength": 500}, {"type": "number", "minimum": 0.01}],
    "description": "A text, or an amount in dollars.",
    "example": "$250,000",
}


class RafflePaymentShape(Schema):
    """How tickets are paid: the token that the gateway's own form gave."""

    type = fields.String(required=True, validate=validate.Length(1, 40), metadata={"example": "card"})
    token = fields.String(
        required=True,
        validate=validate.Length(1, 8192),
        metadata={"description": "`dataValue` of Accept.js. Good for one use.", "example": "tok_visa"},
    )


class PurchaseRequest(Schema):
    """Who buys how many tickets, and how they are paid."""

    customer_id = customer_id_field()
    customer_email = fields.Email(
        required=True,
        data_key="customerEmail",
        validate=validate.Length(max=254),
        metadata={"example": "buyer@example.com"},
    )
    customer_name = _text(200, required=True, data_key="customerName", metadata={"example": "Ada Example"})
    num_tickets = TicketQuantity(
        required=True,
        data_key="numTickets",
        metadata={"minimum": 1, "maximum": MOST_IN_A_PURCHASE, "example": 5},
    )
    payment_method = fields.Nested(
        RafflePaymentShape,
        required=True,
        data_key="paymentMethod",
        metadata={"example": {"type": "card", "token": "tok_visa"}},
    )


class CreateRaffleRequest(Schema):
    """A raffle to be: a draft, until it is activated."""

    name = _text(200, required=True, metadata={"example": "Blue Dream $250K"})
    description = fields.String(load_default="", validate=validate.Length(max=5000))
    prize = Prize(required=True, metadata=PRIZE)
    ticket_price = _price(required=True, data_key="ticketPrice")
    max_tickets = _most_tickets(required=True, data_key="maxTickets")
    draw_date = WireTime(
        required=True,
        data_key="drawDate",
        metadata={"description": "Sales end, and the draw may be held.", "example": "2099-03-31T17:00:00.000Z"},
    )


class LegalBasisShape(Schema):
    """On what right the raffle is held, and who has checked that."""

    basis = fields.String(required=True, validate=validate.OneOf(BASES, error=f"must be one of {', '.join(BASES)}."))
    organisation = _text(200, required=True, metadata={"description": "Who holds the raffle in the law's sense."})
    reference = _text(200, required=True, metadata={"description": "Of the organisation's qualification, or a file."})
    prize_value = _price(required=True)
    prize_is_money = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    states = fields.List(
        fields.String(validate=validate.Regexp(r"[A-Z]{2}\Z", error="must be a USPS code like TX.")),
        load_default=lambda: ["TX"],
        validate=validate.Length(1, 60),
        metadata={"description": "Where tickets are sold: USPS codes."},
    )
    signed_off_by = _text(200, required=True, metadata={"description": "The person who has checked it."})

    @post_load
    def made(self, data: dict[str, Any], **_: Any) -> LegalBasis:
        return LegalBasis(**{**data, "states": tuple(data["states"])})


class RecordedLegalBasisShape(LegalBasisShape):
    """With the time at which it was recorded."""

    recorded_at = WireTime(required=True)


class UpdateRaffleRequest(Schema):
    """What is to change; what is not named stays."""

    name = _text(200)
    description = fields.String(validate=validate.Length(max=5000))
    prize = Prize(metadata=PRIZE)
    status = fields.String(validate=validate.OneOf(STATUSES, error=f"must be one of {', '.join(STATUSES)}."))
    draw_date = WireTime()
    ticket_price = _price()
    max_tickets = _most_tickets()
    legal_basis = fields.Nested(LegalBasisShape)


class CancelRaffleRequest(Schema):
    """Why, for the buyers."""

    reason = fields.String(load_default="", allow_none=True, validate=validate.Length(max=500))


class AuditQuery(Schema):
    """`ledger=true`: with the whole ledger. `ticket`: with the receipt of one ticket."""

    ledger = fields.String(
        load_default="false", validate=validate.OneOf(["true", "false"], error="must be true or false.")
    )
    ticket = WholeNumber(
        load_default=None, validate=validate.Range(1, MOST_TICKETS), metadata={"description": "A ticket's number."}
    )


class RaffleShape(Schema):
    """A raffle as everybody sees it. Money in dollars."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    prize = Prize(required=True, metadata=PRIZE)
    ticket_price = Money(required=True, data_key="ticketPrice")
    max_tickets = fields.Integer(required=True, data_key="maxTickets")
    tickets_sold = fields.Integer(required=True, data_key="ticketsSold")
    tickets_reserved = fields.Integer(
        required=True, data_key="ticketsReserved", metadata={"description": "Being paid at this moment."}
    )
    tickets_remaining = fields.Integer(required=True, data_key="ticketsRemaining")
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    draw_date = WireTime(required=True, data_key="drawDate")
    total_revenue = Money(required=True, data_key="totalRevenue")
    created_at = WireTime(required=True, data_key="createdAt")


class PickShape(Schema):
    """A ticket that was picked. `customerId`: for admins only."""

    ticket_number = fields.Integer(required=True, data_key="ticketNumber")
    draw_date = WireTime(required=True, data_key="drawDate", metadata={"description": "When it was picked."})
    customer_id = fields.String(data_key="customerId")


class RankedPickShape(PickShape):
    """A runner-up, from rank 1."""

    rank = fields.Integer(required=True)


class RaffleDetailShape(RaffleShape):
    """With its winner, once it is drawn."""

    winner = fields.Nested(PickShape, required=True, allow_none=True)
    runner_ups = fields.List(fields.Nested(RankedPickShape), required=True, data_key="runnerUps")


class RafflesAnswer(Schema):
    """What is on sale, or sold out and not drawn yet; the next draw first."""

    success = fields.Constant(True, required=True)
    raffles = fields.List(fields.Nested(RaffleShape), required=True)
    count = fields.Integer(required=True)


class RaffleAnswer(Schema):
    """One raffle."""

    success = fields.Constant(True, required=True)
    raffle = fields.Nested(RaffleDetailShape, required=True)


class NoRaffleAnswer(ErrorAnswer):
    """There is no such raffle, or no such ticket in its ledger."""


class TimeRemainingShape(Schema):
    """Until the draw date."""

    days = fields.Integer(required=True)
    hours = fields.Integer(required=True)
    minutes = fields.Integer(required=True)


class ProgressAnswer(Schema):
    """How far the sale is."""

    success = fields.Constant(True, required=True)
    raffle_id = fields.String(required=True, data_key="raffleId")
    tickets_sold = fields.Integer(required=True, data_key="ticketsSold")
    tickets_reserved = fields.Integer(required=True, data_key="ticketsReserved")
    max_tickets = fields.Integer(required=True, data_key="maxTickets")
    tickets_remaining = fields.Integer(required=True, data_key="ticketsRemaining")
    percent_sold = fields.String(required=True, data_key="percentSold", metadata={"example": "50.00"})
    status = fields.String(required=True)
    draw_date = WireTime(required=True, data_key="drawDate")
    time_remaining = fields.Nested(TimeRemainingShape, required=True, allow_none=True, data_key="timeRemaining")
    total_revenue = Money(required=True, data_key="totalRevenue")


class NumberedTicketShape(Schema):
    """A number, and whether it was given rather than paid."""

    ticket_number = fields.Integer(required=True, data_key="ticketNumber")
    is_bonus_entry = fields.Boolean(required=True, data_key="isBonusEntry")


class TransactionShape(Schema):
    """A purchase. `bonusEntries`: how many came on top. `amount`: dollars."""

    id = fields.String(required=True)
    raffle_id = fields.String(required=True, data_key="raffleId")
    num_tickets = fields.Integer(required=True, data_key="numTickets")
    ticket_numbers = fields.List(fields.Integer(), required=True, data_key="ticketNumbers")
    bonus_entries = fields.Integer(required=True, data_key="bonusEntries")
    amount = Money(required=True)
    payment_status = fields.Constant("completed", required=True, data_key="paymentStatus")
    timestamp = WireTime(required=True)


class PurchaseAnswer(Schema):
    """The tickets, paid."""

    success = fields.Constant(True, required=True)
    transaction = fields.Nested(TransactionShape, required=True)
    tickets = fields.List(fields.Nested(NumberedTicketShape), required=True)


class TicketsUnpaidAnswer(ErrorAnswer):
    """`payment_declined`: no ticket, and nothing is charged. `payment_under_review`: wait."""

    reason = fields.String(metadata={"description": "declined or invalid_card_data."})


class AgeUnverifiedAnswer(ErrorAnswer):
    """Somebody else's, or the customer is not verified as 21 or older."""

    requires_age_verification = fields.Boolean(data_key="requiresAgeVerification")


class TicketShape(NumberedTicketShape):
    """One ticket of a customer."""

    id = fields.String(required=True)
    purchase_id = fields.String(required=True, data_key="purchaseId")
    purchase_date = WireTime(required=True, data_key="purchaseDate")
    is_winner = fields.Boolean(required=True, data_key="isWinner")
    is_runner_up = fields.Boolean(required=True, data_key="isRunnerUp")
    runner_up_rank = fields.Integer(required=True, allow_none=True, data_key="runnerUpRank")


class TicketsAnswer(Schema):
    """A customer's tickets, by number."""

    success = fields.Constant(True, required=True)
    tickets = fields.List(fields.Nested(TicketShape), required=True)
    count = fields.Integer(required=True)
    paid_tickets = fields.Integer(required=True, data_key="paidTickets")
    bonus_tickets = fields.Integer(required=True, data_key="bonusTickets")


class RaffleRecordShape(Schema):
    """The record that admins see, in snake_case."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    prize = Prize(required=True, metadata=PRIZE)
    ticket_price = Money(required=True)
    max_tickets = fields.Integer(required=True)
    tickets_sold = fields.Integer(required=True)
    tickets_reserved = fields.Integer(required=True)
    tickets_remaining = fields.Integer(required=True)
    total_revenue = Money(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    draw_date = WireTime(required=True)
    seed_commitment = fields.String(
        required=True, metadata={"description": "SHA-256 of the secret seed, in hexadecimal."}
    )
    legal_basis = fields.Nested(RecordedLegalBasisShape, required=True, allow_none=True)
    created_at = WireTime(required=True)
    updated_at = WireTime(required=True)


class RaffleRecordAnswer(Schema):
    """The raffle as it is now."""

    success = fields.Constant(True, required=True)
    raffle = fields.Nested(RaffleRecordShape, required=True)


class ViolatedRuleShape(Schema):
    """A rule of the policy that the raffle violates."""

    rule = fields.String(required=True)
    sentence = fields.String(required=True)
    citation = fields.String(required=True)


class LegalBasisAnswer(ErrorAnswer):
    """`legal_basis_required`: record it first. `legal_basis_violated`: `rules` says which."""

    rules = fields.List(fields.Nested(ViolatedRuleShape))


class EntropyShape(Schema):
    """Where the randomness is from. `randomness`: SHA-256 of the round's signature."""

    source = fields.String(required=True, validate=validate.OneOf(["drand", "local"]))
    chain_hash = fields.String(required=True, data_key="chainHash")
    public_key = fields.String(required=True, data_key="publicKey")
    scheme = fields.String(required=True)
    genesis_time = fields.Integer(required=True, data_key="genesisTime")
    period = fields.Integer(required=True)
    round = fields.Integer(required=True)
    round_time = WireTime(required=True, allow_none=True, data_key="roundTime")
    signature = fields.String(required=True, allow_none=True)
    randomness = fields.String(required=True, allow_none=True)


class AuditPickShape(Schema):
    """Rank 0 is the winner."""

    rank = fields.Integer(required=True)
    ticket_number = fields.Integer(required=True, data_key="ticketNumber")


class ChangeShape(Schema):
    """A change of what had been published."""

    at = WireTime(required=True)
    kind = fields.String(required=True)
    before = fields.String(required=True, data_key="from")
    after = fields.String(required=True, data_key="to")


class LedgerEntryShape(Schema):
    """Numbers `first` to `last`, and the purchase that they belong to."""

    first = fields.Integer(required=True)
    last = fields.Integer(required=True)
    purchase_id = fields.String(required=True, data_key="purchaseId")


class ReceiptShape(Schema):
    """That a ticket is in the ledger (RFC 9162, 2.1.3): `path` from the leaf up, hexadecimal."""

    ticket_number = fields.Integer(required=True, data_key="ticketNumber")
    purchase_id = fields.String(required=True, data_key="purchaseId")
    position = fields.Integer(required=True)
    tickets = fields.Integer(required=True)
    leaf = fields.String(required=True)
    path = fields.List(fields.String(), required=True)
    root = fields.String(required=True)


class AuditShape(Schema):
    """Everything that the result follows from; `tools/verify_draw.py` and `web/raffle_draw.js` check it."""

    raffle_id = fields.String(required=True, data_key="raffleId")
    status = fields.String(required=True)
    algorithm = fields.String(required=True)
    seed_commitment = fields.String(required=True, data_key="seedCommitment")
    seed = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Null until the draw, or a cancellation after sales closed."},
    )
    planned_draw_at = WireTime(required=True, data_key="plannedDrawAt")
    sales_closed_at = WireTime(required=True, allow_none=True, data_key="salesClosedAt")
    tickets = fields.Integer(required=True, allow_none=True)
    ledger_root = fields.String(required=True, allow_none=True, data_key="ledgerRoot")
    entropy = fields.Nested(EntropyShape, required=True, allow_none=True)
    picks = fields.List(fields.Nested(AuditPickShape), required=True)
    drawn_at = WireTime(required=True, allow_none=True, data_key="drawnAt")
    cancelled_at = WireTime(required=True, allow_none=True, data_key="cancelledAt")
    note = fields.String(required=True)
    changes = fields.List(fields.Nested(ChangeShape), required=True)
    ledger = fields.List(fields.Nested(LedgerEntryShape))
    receipt = fields.Nested(ReceiptShape)


class AuditAnswer(AuditShape):
    """Everything that the result follows from."""

    success = fields.Constant(True, required=True)


class DrawnCustomerShape(Schema):
    """Who bought the ticket."""

    customer_id = fields.String(required=True, data_key="customerId")
    customer_email = fields.String(required=True, data_key="customerEmail")
    customer_name = fields.String(required=True, data_key="customerName")
    ticket_number = fields.Integer(required=True, data_key="ticketNumber")


class RankedCustomerShape(DrawnCustomerShape):
    """A runner-up, from rank 1."""

    rank = fields.Integer(required=True)


class DrawingShape(Schema):
    """The result, for the admin."""

    raffle_id = fields.String(required=True, data_key="raffleId")
    winner = fields.Nested(DrawnCustomerShape, required=True)
    runner_ups = fields.List(fields.Nested(RankedCustomerShape), required=True, data_key="runnerUps")
    draw_timestamp = WireTime(required=True, data_key="drawTimestamp")
    audit_trail = fields.Nested(AuditShape, required=True, data_key="auditTrail")


class DrawAnswer(Schema):
    """The result, and what it follows from."""

    success = fields.Constant(True, required=True)
    drawing = fields.Nested(DrawingShape, required=True)


class OpenReservationsAnswer(ErrorAnswer):
    """Somebody is paying at this moment."""

    open_reservations = fields.Integer(data_key="openReservations")


class RefundShape(Schema):
    """`error`: why the money is not back yet."""

    status = fields.String(required=True, validate=validate.OneOf(["refunded", "pending"]))
    amount = Money(required=True)
    error = fields.String(allow_none=True)


class RefundDetailShape(Schema):
    """What became of one purchase's money."""

    transaction_id = fields.String(required=True, data_key="transactionId")
    refund = fields.Nested(RefundShape, required=True)
    success = fields.Boolean(required=True)


class RefundsShape(Schema):
    """`total` = successful + failed + remaining; what remains goes on by itself."""

    total = fields.Integer(required=True)
    successful = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    remaining = fields.Integer(required=True)
    details = fields.List(fields.Nested(RefundDetailShape), required=True)


class CancelledRaffleAnswer(Schema):
    """The raffle is cancelled; call again to try what failed once more."""

    success = fields.Constant(True, required=True)
    message = fields.Constant("Raffle cancelled successfully", required=True)
    refunds = fields.Nested(RefundsShape, required=True)


class StatusCountShape(Schema):
    """Raffles of one status. `revenue`: dollars, as text."""

    status = fields.String(required=True)
    count = fields.Integer(required=True)
    revenue = fields.String(required=True)
    tickets_sold = fields.Integer(required=True, data_key="ticketsSold")


class RaffleStatsAnswer(Schema):
    """The figures over all raffles. Money in dollars, as text."""

    success = fields.Constant(True, required=True)
    total_raffles = fields.Integer(required=True, data_key="totalRaffles")
    active_raffles = fields.Integer(required=True, data_key="activeRaffles")
    total_revenue = fields.String(required=True, data_key="totalRevenue")
    total_tickets_sold = fields.Integer(required=True, data_key="totalTicketsSold")
    avg_ticket_price = fields.String(required=True, data_key="avgTicketPrice")
    by_status = fields.List(fields.Nested(StatusCountShape), required=True, data_key="byStatus")
    generated_at = WireTime(required=True, data_key="generatedAt")
