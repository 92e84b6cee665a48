"""The link to unsubscribe, on the wire."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

HASH = r"[0-9a-f]{64}\Z"
EXAMPLE = "0" * 64


def _hash_field() -> fields.String:
    return fields.String(
        required=True,
        validate=validate.Regexp(HASH, error="is not what a link of ours has there."),
        metadata={"example": EXAMPLE, "pattern": "^[0-9a-f]{64}$"},
    )


class UnsubscribeLink(Schema):
    """`c`: the keyed hash of the customer; `s`: its signature."""

    c = _hash_field()
    s = _hash_field()
