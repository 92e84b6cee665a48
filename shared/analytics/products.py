"""Products that are for sale, a page at a time, and what sells best."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.analytics import cursors
from shared.analytics.answers import QUERIES, sellers, values
from shared.analytics.cursors import Place
from shared.analytics.schemas import ProductsFigures
from shared.analytics.versions import data_version
from shared.platform import wire
from shared.platform.cache.models import Params, View
from shared.platform.context import Platform
from shared.platform.queries import Queries, Query

SET = (Query(QUERIES / "products.sql"), Query(QUERIES / "top_sellers.sql"))
# After every product, in a list that begins with the newest.
BEGINNING = Place(datetime(9999, 1, 1, tzinfo=UTC), "")


def load(platform: Platform, params: Params) -> bytes:
    """`params`: source, limit, cursor (checked). Raises `Unavailable`."""
    limit = int(params["limit"])
    after = cursors.decode(params["cursor"]) if params["cursor"] else BEGINNING
    place = {
        "after_time": ("TIMESTAMP", after.updated_at),
        "after_id": ("STRING", after.id),
        # One more tells whether there is a next page.
        "rows": ("INT64", limit + 1),
    }
    found, sold = Queries.on(platform).run(SET, {**values(platform, params)[1], **place})
    page = found[:limit]
    following = cursors.encode(Place(page[-1]["updated_at"], page[-1]["id"])) if len(found) > limit else None
    figures = {"products": page, "top_sellers": sellers(sold), "next_cursor": following}
    return wire.dumped(ProductsFigures, figures)


PRODUCTS = View(name="products", load=load, version=data_version)
