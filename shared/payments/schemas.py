"""The wire shapes of payments."""

from __future__ import annotations

from marshmallow import Schema, fields


class NotificationAnswer(Schema):
    """The notification was taken. `duplicate`: it came before, and nothing was done this time."""

    success = fields.Constant(True, required=True)
    duplicate = fields.Boolean(required=True)
