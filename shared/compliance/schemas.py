"""The wire shapes of compliance. `...Figures` is what is cached, `...Answer` the whole answer."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from shared.compliance.rules import PENDING, STATUSES
from shared.platform.wire import WireTime

_STATUS = validate.OneOf([name for _, name in STATUSES] + [PENDING])


class AgeVerificationShape(Schema):
    """Attempts of the last 365 days; the rate is in per cent."""

    total = fields.Integer(required=True, data_key="totalVerifications")
    successful = fields.Integer(required=True, data_key="successfulVerifications")
    failed = fields.Integer(required=True, data_key="failedVerifications")
    success_rate = fields.Decimal(required=True, data_key="successRate", metadata={"example": 87.33})


class ProductComplianceShape(Schema):
    """Items for sale at all sources, and those with a certificate that has not expired; coverage in per cent."""

    total = fields.Integer(required=True, data_key="totalProducts")
    with_coa = fields.Integer(required=True, data_key="productsWithCOA")
    coverage = fields.Decimal(required=True, data_key="coaCoverage", metadata={"example": 96.5})


class ScoreShape(Schema):
    """0.4 · successRate + 0.4 · coaCoverage + 20."""

    score = fields.Decimal(required=True, metadata={"example": 93.53})
    status = fields.String(required=True, validate=_STATUS)


class TexasComplianceShape(ScoreShape):
    """The score, and when it was computed."""

    last_updated = WireTime(required=True, data_key="lastUpdated")


class ComplianceFigures(Schema):
    """What is cached: the same counts give the same text, whenever they were made."""

    age_verification = fields.Nested(AgeVerificationShape, required=True, data_key="ageVerification")
    product_compliance = fields.Nested(ProductComplianceShape, required=True, data_key="productCompliance")
    texas_compliance = fields.Nested(ScoreShape, required=True, data_key="texasCompliance")


class ComplianceShape(ComplianceFigures):
    """Age verification, certificates, and the score of both."""

    texas_compliance = fields.Nested(TexasComplianceShape, required=True, data_key="texasCompliance")


class ComplianceAnswer(Schema):
    """How well the shop keeps the rules."""

    success = fields.Constant(True, required=True)
    metrics = fields.Nested(ComplianceShape, required=True)
    timestamp = WireTime(required=True)
