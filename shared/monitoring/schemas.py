"""The wire shapes of monitoring."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from shared.platform.wire import WholeNumber, WireTime


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


class MetricsQuery(Schema):
    """How many minutes back."""

    minutes = WholeNumber(load_default=60, validate=validate.Range(1, 1440, error="must be from 1 to 1440."))


class PercentilesShape(Schema):
    """Milliseconds, within 1 %; null where nothing was timed."""

    p50 = fields.Float(required=True, allow_none=True)
    p95 = fields.Float(required=True, allow_none=True)
    p99 = fields.Float(required=True, allow_none=True)


class ServedShape(PercentilesShape):
    """HTTP requests, or messages of Pub/Sub; `errors`: answers of 500 and above, messages that come again."""

    requests = fields.Integer(required=True)
    errors = fields.Integer(required=True)


class FunctionFiguresShape(ServedShape):
    name = fields.String(required=True, metadata={"example": "verification_verify"})


class QueryFiguresShape(PercentilesShape):
    count = fields.Integer(required=True)
    bytes_billed = fields.Integer(required=True, data_key="bytesBilled")


class CacheFiguresShape(Schema):
    """`hits` with those that were `stale`."""

    hits = fields.Integer(required=True)
    stale = fields.Integer(required=True)
    misses = fields.Integer(required=True)
    errors = fields.Integer(required=True)
    hit_rate = fields.String(required=True, data_key="hitRate", metadata={"example": "97.50%"})


class SyncFiguresShape(Schema):
    runs = fields.Integer(required=True)
    failures = fields.Integer(required=True)


class LimitFiguresShape(Schema):
    """`verification`: attempts that were refused because a customer had made too many."""

    hits = fields.Integer(required=True)
    blocks = fields.Integer(required=True)
    verification = fields.Integer(required=True)


class VerificationFiguresShape(PercentilesShape):
    attempts = fields.Integer(required=True)
    successes = fields.Integer(required=True)


class PaymentFiguresShape(Schema):
    charges = fields.Integer(required=True)
    failures = fields.Integer(required=True)


class FirestoreFiguresShape(Schema):
    """Documents."""

    reads = fields.Integer(required=True)
    writes = fields.Integer(required=True)


class MetricsAnswer(Schema):
    """What all instances measured in whole minutes, from the one of `from` to the one of `to`."""

    success = fields.Constant(True, required=True)
    since = WireTime(required=True, data_key="from")
    until = WireTime(required=True, data_key="to")
    timestamp = WireTime(required=True)
    functions = fields.List(fields.Nested(FunctionFiguresShape), required=True)
    totals = fields.Nested(ServedShape, required=True)
    queries = fields.Nested(QueryFiguresShape, required=True)
    cache = fields.Nested(CacheFiguresShape, required=True)
    syncs = fields.Nested(SyncFiguresShape, required=True)
    limits = fields.Nested(LimitFiguresShape, required=True)
    verifications = fields.Nested(VerificationFiguresShape, required=True)
    payments = fields.Nested(PaymentFiguresShape, required=True)
    firestore = fields.Nested(FirestoreFiguresShape, required=True)


class LimitTotalsShape(Schema):
    """`uptime` in seconds: how long it has been counted."""

    total_hits = fields.Integer(required=True, data_key="totalHits")
    total_blocks = fields.Integer(required=True, data_key="totalBlocks")
    block_rate = fields.String(required=True, data_key="blockRate", metadata={"example": "1.20%"})
    since = WireTime(required=True)
    uptime = fields.Integer(required=True)


class TierShape(Schema):
    """`limit` requests in `window` seconds."""

    limit = fields.Integer(required=True)
    window = fields.Integer(required=True)


class TierFiguresShape(TierShape):
    hits = fields.Integer(required=True)
    blocks = fields.Integer(required=True)
    block_rate = fields.String(required=True, data_key="blockRate", metadata={"example": "1.20%"})


class LimitStatisticsAnswer(Schema):
    """Requests that met a rate limit, let through or not, over all instances, since the last reset."""

    success = fields.Constant(True, required=True)
    stats = fields.Nested(LimitTotalsShape, required=True)
    tiers = fields.Dict(fields.String(), fields.Nested(TierFiguresShape), required=True)
    timestamp = WireTime(required=True)


class LimitsResetAnswer(Schema):
    """Counted anew since then."""

    success = fields.Constant(True, required=True)
    message = fields.Constant("Rate limit statistics reset", required=True)
    since = WireTime(required=True)


class LimitsConfigAnswer(Schema):
    """The tiers. Without Firestore an instance goes by what it counts itself."""

    success = fields.Constant(True, required=True)
    tiers = fields.Dict(fields.String(), fields.Nested(TierShape), required=True)
    timestamp = WireTime(required=True)


class ProviderShape(Schema):
    """`mock`: made-up data, without credentials."""

    enabled = fields.Boolean(required=True)
    mode = fields.String(required=True, validate=validate.OneOf(["live", "mock"]))


class BigQueryShape(Schema):
    """`lastRefresh` and `lastError` of cached figures and syncs, as an instance last saw them; null before it has."""

    enabled = fields.Boolean(required=True)
    mode = fields.String(required=True, validate=validate.OneOf(["live", "mock", "degraded"]))
    last_refresh = WireTime(required=True, allow_none=True, data_key="lastRefresh")
    last_error = fields.String(
        required=True, allow_none=True, data_key="lastError", metadata={"example": "refresh_failed"}
    )
    cache_backend = fields.Constant("firestore", required=True, data_key="cacheBackend")


class ServiceHealthAnswer(Schema):
    """The service runs. What it stands on is asked by `/health/ready`."""

    status = fields.Constant("healthy", required=True)
    service = fields.Constant("integration-service", required=True)
    version = fields.String(required=True)
    timestamp = WireTime(required=True)
    big_query = fields.Nested(BigQueryShape, required=True, data_key="bigQuery")
    square = fields.Nested(ProviderShape, required=True)
    lightspeed = fields.Nested(ProviderShape, required=True)
