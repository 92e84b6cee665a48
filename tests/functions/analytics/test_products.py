"""GET /api/bigquery/products of a synced shop: every product that is for sale once, in order, however it is paged."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import figures
from tests.factories.analytics_api import AnalyticsApi
from tests.factories.two_tills import NOW, TwoTills

pytestmark = pytest.mark.xdist_group("two_tills")
SOURCES = ("", "square", "lightspeed")


@pytest.fixture(autouse=True)
def back(synced: TwoTills) -> None:
    synced.stand_at(NOW)


def page(api: AnalyticsApi, **query: Any) -> dict[str, Any]:
    answer = api.products({name: value for name, value in query.items() if value})
    assert answer.status_code == 200, answer.text
    body = figures.exact(answer.text)
    assert figures.badly_written(body) == []
    return body


def pages(api: AnalyticsApi, limit: int, source: str) -> list[dict[str, Any]]:
    found = [page(api, limit=limit, source=source)]
    while cursor := found[-1]["nextCursor"]:
        found.append(page(api, limit=limit, source=source, cursor=cursor))
    return found


@pytest.mark.parametrize("source", SOURCES)
def test_all_that_is_for_sale_as_the_tills_have_it(synced: TwoTills, figures_api: AnalyticsApi, source: str) -> None:
    body = page(figures_api, source=source)
    assert body["products"] == figures.products(synced.truth[source].products)
    assert body["topSellers"] == figures.top_sellers(synced.truth[source], NOW)
    assert body["nextCursor"] is None


def test_page_after_page_is_the_whole(synced: TwoTills, figures_api: AnalyticsApi) -> None:
    whole = page(figures_api, limit=200)
    found = pages(figures_api, 7, "")
    products = [product for body in found for product in body["products"]]
    assert products == whole["products"]
    assert len({product["id"] for product in products}) == len(products) == len(synced.truth[""].products)
    assert [len(body["products"]) for body in found[:-1]] == [7] * (len(found) - 1)
    assert all(body["topSellers"] == whole["topSellers"] for body in found)


def test_a_page_may_end_among_products_of_one_moment(synced: TwoTills, figures_api: AnalyticsApi) -> None:
    """One at a time, from the first of them to the last: of both tills."""
    whole = page(figures_api)["products"]
    moments = [product["updated_at"] for product in whole]
    same = max(moments, key=moments.count)
    first = moments.index(same)
    assert moments.count(same) > 10
    assert {product["id"][:5] == "SQITM" for product in whole if product["updated_at"] == same} == {True, False}
    cursor, found = page(figures_api, limit=first)["nextCursor"], []
    for _ in range(moments.count(same)):
        body = page(figures_api, limit=1, cursor=cursor)
        found += body["products"]
        cursor = body["nextCursor"]
    assert found == whole[first : first + len(found)]


def test_a_last_page_that_is_full_has_no_page_after_it(synced: TwoTills, figures_api: AnalyticsApi) -> None:
    body = page(figures_api, limit=len(synced.truth["square"].products), source="square")
    assert (len(body["products"]), body["nextCursor"]) == (len(synced.truth["square"].products), None)
