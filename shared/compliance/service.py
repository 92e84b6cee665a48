"""Compliance figures, from BigQuery through the cache."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from shared.compliance import rules
from shared.compliance.models import Counts, Score
from shared.compliance.schemas import ComplianceFigures
from shared.platform import wire
from shared.platform.cache.models import Found, Params, View
from shared.platform.clock import wire_time
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.platform.queries import Queries, Query

QUERIES = Path(__file__).parent / "queries"
SET = (Query(QUERIES / "compliance_attempts.sql"), Query(QUERIES / "compliance_products.sql"))


def load(platform: Platform, params: Params) -> bytes:  # noqa: ARG001 - the signature of every load
    """As `ComplianceFigures`. Raises `Unavailable`."""
    year = rules.year(platform.clock.now(), platform.settings.store_timezone)
    values = {"year": ("TIMESTAMP", year.start), "end": ("TIMESTAMP", year.end), "day": ("DATE", year.day)}
    attempts, products = Queries.on(platform).run(SET, values)
    if len(attempts) != 1 or len(products) != 1:
        raise Unavailable("The data warehouse gave no counts. Try again in a moment.")
    counts = Counts(**attempts[0], **products[0])
    return wire.dumped(ComplianceFigures, _figures(counts, rules.score(counts)))


METRICS = View(name="compliance_metrics", load=load)


def metrics(found: Found) -> dict[str, Any]:
    """The cached figures, and when they were made."""
    read: dict[str, Any] = json.loads(found.value, parse_float=Decimal)
    made = found.head.loaded_at
    return {**read, "texasCompliance": {**read["texasCompliance"], "lastUpdated": wire_time(made) if made else None}}


def _figures(counts: Counts, score: Score) -> dict[str, Any]:
    return {
        "age_verification": {
            "total": counts.attempts,
            "successful": counts.successful,
            "failed": counts.attempts - counts.successful,
            "success_rate": score.success_rate,
        },
        "product_compliance": {
            "total": counts.products,
            "with_coa": counts.with_coa,
            "coverage": score.coa_coverage,
        },
        "texas_compliance": {"score": score.points, "status": score.status},
    }
