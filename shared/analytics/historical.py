"""The history: sales by day and by month."""

from __future__ import annotations

from shared.analytics.answers import QUERIES, values
from shared.analytics.schemas import HistoricalFigures
from shared.analytics.versions import data_version
from shared.platform import wire
from shared.platform.cache.models import Params, View
from shared.platform.context import Platform
from shared.platform.queries import Queries, Query

SET = (Query(QUERIES / "daily_sales.sql"), Query(QUERIES / "monthly_sales.sql"))
NEWEST_DAYS = 90


def load(platform: Platform, params: Params) -> bytes:
    """Raises `Unavailable`."""
    daily, monthly = Queries.on(platform).run(SET, values(platform, params)[1])
    months = [{**row, "month": f"{row['month']:%Y-%m}"} for row in monthly]
    figures = {"historical": daily[:NEWEST_DAYS], "daily": daily, "monthly": months}
    return wire.dumped(HistoricalFigures, figures)


HISTORICAL = View(name="historical", load=load, version=data_version)
