"""A customer's memberships as a document of `memberships/{customer_hash}`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date
from typing import Any

from shared.memberships.models import Member, Membership, Past, Pending
from shared.payments.models import Method
from shared.values.names import camel, snake

DAYS = frozenset(
    {"start_date", "anchor", "period_start", "period_end", "valued_on", "cancel_date", "first_declined_on", "due_on"}
)


def of_member(member: Member) -> dict[str, Any]:
    """`dueOn` (a day, as text) is for the query of what the job has to look at."""
    membership = member.membership
    return {
        "membership": _of(membership) if membership else None,
        "pending": _of_pending(member.pending) if member.pending else None,
        "past": [_of(past) for past in member.past],
        "contact": member.contact,
        "contactKey": member.contact_key,
        "dueOn": membership.due_on.isoformat() if membership and membership.due_on else None,
    }


def to_member(customer_hash: str, data: Mapping[str, Any]) -> Member:
    return Member(
        customer_hash=customer_hash,
        membership=_to_membership(data["membership"]) if data["membership"] else None,
        pending=_to_pending(data["pending"]) if data["pending"] else None,
        past=tuple(Past(**_snaked(past)) for past in data["past"]),
        contact=data["contact"],
        contact_key=data["contactKey"],
    )


def _of(value: Membership | Past) -> dict[str, Any]:
    return {camel(field.name): _stored(field.name, getattr(value, field.name)) for field in fields(value)}


def _stored(name: str, value: Any) -> Any:
    if name == "method":
        return [value.profile, value.payment, value.last4, value.brand] if value else None
    if name == "upgrades":
        return list(value)
    return value.isoformat() if name in DAYS and value else value


def _to_membership(data: Mapping[str, Any]) -> Membership:
    known = {name: value for name, value in _snaked(data).items() if name in MEMBERSHIP_FIELDS}
    days = {name: date.fromisoformat(known[name]) for name in DAYS if known[name]}
    method = Method(*known["method"]) if known["method"] else None
    return Membership(**{**known, **days, "method": method, "upgrades": tuple(known["upgrades"])})


def _of_pending(pending: Pending) -> dict[str, Any]:
    values = {camel(field.name): getattr(pending, field.name) for field in fields(pending)}
    return {**values, "result": _of(pending.result)}


def _to_pending(data: Mapping[str, Any]) -> Pending:
    return replace(Pending(**_snaked(data)), result=_to_membership(data["result"]))


def _snaked(data: Mapping[str, Any]) -> dict[str, Any]:
    return {snake(name): value for name, value in data.items()}


MEMBERSHIP_FIELDS = frozenset(field.name for field in fields(Membership))
