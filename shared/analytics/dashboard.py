"""The dashboard: revenue of the last day, week, month and year, what sells, and the newest sales."""

from __future__ import annotations

from shared.analytics.answers import QUERIES, sellers, values
from shared.analytics.schemas import DashboardFigures
from shared.analytics.versions import data_version
from shared.platform import wire
from shared.platform.cache.models import Params, View
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.platform.queries import Queries, Query
from shared.values.cents import share

SET = (
    Query(QUERIES / "totals.sql"),
    Query(QUERIES / "top_sellers.sql"),
    Query(QUERIES / "recent_sales.sql"),
)


def load(platform: Platform, params: Params) -> bytes:
    """Raises `Unavailable`."""
    totals, sold, recent = Queries.on(platform).run(SET, values(platform, params)[1])
    if len(totals) != 1:
        raise Unavailable("The data warehouse gave no totals. Try again in a moment.")
    metrics = {**totals[0], "average": share(totals[0]["year"], 1, totals[0]["transactions"])}
    figures = {"metrics": metrics, "top_products": sellers(sold), "recent_transactions": recent}
    return wire.dumped(DashboardFigures, figures)


DASHBOARD = View(name="dashboard", load=load, version=data_version)
