"""The wire shapes of monitoring."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from shared.platform.wire import WireTime


class DependencyShape(Schema):
    status = fields.String(required=True, validate=validate.OneOf(["up", "down"]))


class ReadyAnswer(Schema):
    """`degraded`: customers are served, but a service that no request waits for is down."""

    status = fields.String(required=True, validate=validate.OneOf(["ready", "degraded", "unavailable"]))
    timestamp = WireTime(required=True)
    version = fields.String(required=True, metadata={"description": "Of the deployed archive."})
    firestore = fields.Nested(DependencyShape, required=True)
    bigquery = fields.Nested(DependencyShape, required=True, data_key="bigQuery")
    pubsub = fields.Nested(DependencyShape, required=True)
