"""A charge as a document of `charges/{id}`."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from shared.payments.models import Charge
from shared.values.names import camel

_NAMES = {field.name: camel(field.name) for field in fields(Charge) if field.name != "id"}


def of_charge(charge: Charge) -> dict[str, Any]:
    """`open` is for the query of those that must be followed up, `transactions` for the one by the gateway's ids."""
    values = {wire: getattr(charge, name) for name, wire in _NAMES.items()}
    return {
        **values,
        "references": list(charge.references),
        "reversals": dict(charge.reversals),
        "open": charge.open,
        "transactions": sorted({charge.transaction_id, *charge.reversals} - {""}),
    }


def to_charge(charge_id: str, data: dict[str, Any]) -> Charge:
    values = {name: data[wire] for name, wire in _NAMES.items()}
    return replace(Charge(id=charge_id, **values), references=tuple(data["references"]))
