"""The wire shapes of what is read from Square at once. `...Figures` is what is cached, `...Answer` the whole answer."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from shared.platform.wire import ErrorAnswer, Money

TIME = {"format": "date-time"}
SQUARE, MOCK, CACHE = "square", "mock", "cache"


class SquareProductShape(Schema):
    """One item that is for sale. Price, currency and SKU are its first variation's."""

    id = fields.String(required=True)
    name = fields.String(required=True, allow_none=True)
    description = fields.String(required=True, allow_none=True)
    price = Money(required=True, allow_none=True, metadata={"description": "null: typed in at the till."})
    currency = fields.String(required=True, allow_none=True)
    sku = fields.String(required=True, allow_none=True)
    category = fields.String(required=True, allow_none=True)
    image = fields.String(required=True, allow_none=True, metadata={"description": "The URL of the first image."})
    inventory = fields.Raw(
        required=True,
        allow_none=True,
        metadata={"type": "number", "description": "In stock, all locations and variations; null: not counted."},
    )
    attributes = fields.Dict(
        keys=fields.String(),
        required=True,
        metadata={"description": "Custom attributes: name → text, number, boolean or list of chosen texts."},
    )
    updated_at = fields.String(required=True, metadata=TIME)


class SquareCatalogFigures(Schema):
    """What is cached of the catalogue."""

    objects = fields.Integer(required=True, metadata={"description": "Items, categories, images: all that was read."})
    products = fields.List(fields.Nested(SquareProductShape), required=True)


class SquareCatalogAnswer(SquareCatalogFigures):
    """Square's items that are for sale, changed last first. `cache`: read before; `error`: Square fails since."""

    success = fields.Constant(True, required=True)
    source = fields.String(required=True, validate=validate.OneOf([SQUARE, CACHE, MOCK]))
    error = fields.String(metadata={"description": "Why it is the last good answer."})


class SquareSaleShape(Schema):
    """One completed payment, net of refunds."""

    id = fields.String(required=True)
    amount = Money(required=True)
    status = fields.String(required=True)
    created = fields.String(required=True, metadata=TIME)


class SquareTransactionsFigures(Schema):
    """What is cached of the last days' sales."""

    total_revenue = Money(required=True, data_key="totalRevenue", attribute="total")
    transaction_count = fields.Integer(required=True, data_key="transactionCount", attribute="count")
    average_order = Money(required=True, data_key="averageOrder", attribute="average")
    recent_transactions = fields.List(
        fields.Nested(SquareSaleShape), required=True, data_key="recentTransactions", attribute="recent"
    )


class SquareTransactionsAnswer(SquareTransactionsFigures):
    """Completed payments of the last seven store days, net of refunds; today is the last of them."""

    source = fields.String(required=True, validate=validate.OneOf([SQUARE, MOCK]))


class SquareUnavailableAnswer(ErrorAnswer):
    """Square cannot be read: `message` says why."""

    source = fields.Constant(SQUARE, required=True)
    message = fields.String(required=True)
