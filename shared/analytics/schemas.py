"""The wire shapes of analytics. `...Figures` is what is cached, `...Answer` the whole answer."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from shared.analytics.models import ALL, SOURCES
from shared.platform.wire import Money, WholeNumber, WireDate, WireTime

MOST_PRODUCTS = 200
_LIMIT = f"must be a whole number from 1 to {MOST_PRODUCTS}."


class SourceQuery(Schema):
    """Whose sales. Without `source`, all sources together."""

    source = fields.String(
        load_default=ALL,
        validate=validate.OneOf(SOURCES, error=f"must be one of {', '.join(SOURCES)}; leave it out for both."),
    )


class ProductsQuery(SourceQuery):
    """A page of products."""

    limit = WholeNumber(
        load_default=MOST_PRODUCTS,
        validate=validate.Range(1, MOST_PRODUCTS, error=_LIMIT),
        error_messages={"invalid": _LIMIT, "too_large": _LIMIT},
    )
    cursor = fields.String(load_default="", validate=validate.Length(max=256, error="is too long to be one of ours."))


class CachedShape(Schema):
    """How old figures are, and where they come from. `queryTimeMs`: what making them took when they were made."""

    last_update = WireTime(required=True, data_key="lastUpdate", metadata={"description": "When they were made."})
    query_time_ms = fields.Integer(required=True, data_key="queryTimeMs")
    mode = fields.String(required=True, validate=validate.OneOf(["live", "mock", "degraded"]))
    last_refresh = WireTime(
        required=True, data_key="lastRefresh", metadata={"description": "When they were last known to be right."}
    )
    error = fields.String(required=True, allow_none=True, metadata={"description": "Why they are not newer."})
    cached = fields.Boolean(required=True)


class DashboardMetricsShape(Schema):
    """Dollars, completed sales net of refunds, in store days that end with today; totals over the year."""

    today_revenue = Money(required=True, data_key="todayRevenue", attribute="today")
    week_revenue = Money(required=True, data_key="weekRevenue", attribute="week")
    month_revenue = Money(required=True, data_key="monthRevenue", attribute="month")
    year_revenue = Money(required=True, data_key="yearRevenue", attribute="year")
    total_transactions = fields.Integer(required=True, data_key="totalTransactions", attribute="transactions")
    total_customers = fields.Integer(required=True, data_key="totalCustomers", attribute="customers")
    avg_order_value = Money(required=True, data_key="avgOrderValue", attribute="average")


class SellerShape(Schema):
    """What was sold of one item over the year, from the lines of completed orders, before discounts and taxes."""

    id = fields.String(required=True)
    name = fields.String(required=True, allow_none=True)
    units = fields.Raw(required=True, metadata={"type": "number"})
    revenue = Money(required=True)


class SaleShape(Schema):
    """One sale, net of refunds."""

    id = fields.String(required=True)
    amount = Money(required=True)
    created_at = WireTime(required=True)
    status = fields.String(required=True)
    customer_id = fields.String(required=True, allow_none=True)


class DashboardFigures(Schema):
    """What is cached of the dashboard."""

    metrics = fields.Nested(DashboardMetricsShape, required=True)
    top_products = fields.List(fields.Nested(SellerShape), required=True, data_key="topProducts")
    recent_transactions = fields.List(fields.Nested(SaleShape), required=True, data_key="recentTransactions")


class DashboardAnswer(DashboardFigures, CachedShape):
    """The shop today and over the last year."""


class SalesDayShape(Schema):
    """One store day with sales."""

    date = WireDate(required=True, attribute="day")
    transactions = fields.Integer(required=True)
    revenue = Money(required=True)
    customers = fields.Integer(required=True)


class SalesMonthShape(Schema):
    """One month with sales."""

    month = fields.String(required=True, metadata={"example": "2025-10"})
    transactions = fields.Integer(required=True)
    revenue = Money(required=True)
    customers = fields.Integer(required=True)


class HistoricalFigures(Schema):
    """What is cached of the history."""

    historical = fields.List(fields.Nested(SalesDayShape), required=True)
    daily = fields.List(fields.Nested(SalesDayShape), required=True)
    monthly = fields.List(fields.Nested(SalesMonthShape), required=True)


class HistoricalAnswer(HistoricalFigures, CachedShape):
    """Days and months with sales, newest first; `historical` holds the newest 90 of the days."""


class ProductShape(Schema):
    """One item that is for sale."""

    id = fields.String(required=True)
    name = fields.String(required=True, allow_none=True)
    description = fields.String(required=True, allow_none=True)
    price = Money(required=True, allow_none=True)
    sku = fields.String(required=True, allow_none=True)
    category = fields.String(required=True, allow_none=True)
    updated_at = WireTime(required=True)


class ProductsFigures(Schema):
    """What is cached of a page of products."""

    products = fields.List(fields.Nested(ProductShape), required=True)
    top_sellers = fields.List(fields.Nested(SellerShape), required=True, data_key="topSellers")
    next_cursor = fields.String(required=True, allow_none=True, data_key="nextCursor")


class ProductsAnswer(ProductsFigures, CachedShape):
    """Items that are for sale, changed last first; `nextCursor` leads to the page after."""


class CacheCountsShape(Schema):
    """Lookups over all instances. `hits` were served at once, `stale` ones of them while being refreshed."""

    backend = fields.Constant("firestore", required=True)
    hits = fields.Integer(required=True)
    misses = fields.Integer(required=True)
    stale = fields.Integer(required=True)
    errors = fields.Integer(required=True)
    total_requests = fields.Integer(required=True, data_key="totalRequests")
    hit_rate = fields.String(required=True, data_key="hitRate", metadata={"example": "93.10%"})
    miss_rate = fields.String(required=True, data_key="missRate", metadata={"example": "6.90%"})
    avg_response_time_ms = fields.Float(required=True, data_key="avgResponseTimeMs")
    uptime_seconds = fields.Integer(required=True, data_key="uptimeSeconds")


class CacheConfigShape(Schema):
    """How long values are served."""

    ttl_seconds = fields.Integer(required=True, data_key="ttlSeconds")
    stale_while_revalidate_seconds = fields.Integer(required=True, data_key="staleWhileRevalidateSeconds")
    namespace = fields.String(required=True)


class CacheStatisticsAnswer(Schema):
    """What the cache has done since it was first asked, over all instances."""

    status = fields.Constant("operational", required=True)
    cache = fields.Nested(CacheCountsShape, required=True)
    config = fields.Nested(CacheConfigShape, required=True)
    timestamp = WireTime(required=True)


class InvalidatedAnswer(Schema):
    """Every cached value is loaded anew when it is next asked for."""

    success = fields.Constant(True, required=True)
    message = fields.Constant("Cache invalidated", required=True)
