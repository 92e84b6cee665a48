"""Raffles and purchases as documents. Ranges are flat lists of numbers: Firestore holds no list in a list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from shared.raffles.models import Bonus, Change, Closing, Drawing, LegalBasis, Pick, Purchase, Raffle
from shared.raffles.ranges import flat, from_flat
from shared.values.names import camel, snake


def of_raffle(raffle: Raffle) -> dict[str, Any]:
    values = {camel(field.name): getattr(raffle, field.name) for field in fields(raffle)}
    return {
        **values,
        "free": flat(raffle.free),
        "legal": _of_legal(raffle.legal) if raffle.legal else None,
        "changes": [asdict(change) for change in raffle.changes],
        "closing": _of(raffle.closing) if raffle.closing else None,
        "drawing": _of_drawing(raffle.drawing) if raffle.drawing else None,
    }


def to_raffle(raffle_id: str, data: Mapping[str, Any]) -> Raffle:
    values = {snake(name): value for name, value in data.items()}
    return Raffle(
        **{
            **values,
            "id": raffle_id,
            "free": from_flat(data["free"]),
            "legal": _to_legal(data["legal"]) if data["legal"] else None,
            "changes": tuple(Change(**change) for change in data["changes"]),
            "closing": Closing(**_snaked(data["closing"])) if data["closing"] else None,
            "drawing": _to_drawing(data["drawing"]) if data["drawing"] else None,
        }
    )


def of_purchase(purchase: Purchase) -> dict[str, Any]:
    values = {camel(field.name): getattr(purchase, field.name) for field in fields(purchase)}
    return {**values, "paid": flat(purchase.paid), "bonus": flat(purchase.bonus)}


def to_purchase(purchase_id: str, data: Mapping[str, Any]) -> Purchase:
    values = _snaked(data)
    return Purchase(**{**values, "id": purchase_id, "paid": from_flat(data["paid"]), "bonus": from_flat(data["bonus"])})


def of_bonus(bonus: Bonus) -> dict[str, Any]:
    return {"bonusWith": bonus.purchase_id, "paidBy": list(bonus.paid_by)}


def to_bonus(data: Mapping[str, Any]) -> Bonus:
    return Bonus(data["bonusWith"], tuple(data["paidBy"]))


def _of(value: Closing) -> dict[str, Any]:
    return {camel(field.name): getattr(value, field.name) for field in fields(value)}


def _of_drawing(drawing: Drawing) -> dict[str, Any]:
    return {**asdict(drawing), "picks": [asdict(pick) for pick in drawing.picks]}


def _to_drawing(data: Mapping[str, Any]) -> Drawing:
    return Drawing(**{**data, "picks": tuple(Pick(**pick) for pick in data["picks"])})


def _of_legal(legal: LegalBasis) -> dict[str, Any]:
    values = {camel(field.name): getattr(legal, field.name) for field in fields(legal)}
    return {**values, "states": list(legal.states)}


def _to_legal(data: Mapping[str, Any]) -> LegalBasis:
    legal = LegalBasis(**_snaked(data))
    return replace(legal, states=tuple(legal.states))


def _snaked(data: Mapping[str, Any]) -> dict[str, Any]:
    return {snake(name): value for name, value in data.items()}
