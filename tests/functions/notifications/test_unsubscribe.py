"""GET and POST /api/notifications/unsubscribe"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shared.notifications.preferences import PREFERENCES, Preferences
from shared.platform.context import Platform
from tests.factories.documents import documents

HASH = "a" * 64
Call = Callable[..., TestResponse]


@pytest.fixture
def link(platform: Platform) -> str:
    parts = urlsplit(Preferences(platform).link(HASH))
    return f"{parts.path}?{parts.query}"


@pytest.fixture
def call(function: Callable[[str], FlaskClient]) -> Call:
    clients = {"GET": function("notifications_unsubscribe_page"), "POST": function("notifications_unsubscribe")}
    return lambda method, path, **options: clients[method].open(path, method=method, **options)


def test_looking_at_the_link_changes_nothing(call: Call, link: str, platform: Platform) -> None:
    """Mail programs fetch every address of a mail."""
    found = call("GET", link)
    assert (found.status_code, found.content_type) == (200, "text/html; charset=utf-8")
    assert '<form method="post">' in found.text
    assert not Preferences(platform).unsubscribed(HASH)


@pytest.mark.parametrize(
    "body",
    [
        {"data": "List-Unsubscribe=One-Click", "content_type": "application/x-www-form-urlencoded"},
        {"data": {"List-Unsubscribe": "One-Click"}, "content_type": "multipart/form-data"},
        {"data": b"", "content_type": "application/x-www-form-urlencoded"},
        {},
    ],
    ids=["one click", "multipart", "the page's form", "nothing"],
)
def test_a_post_unsubscribes_and_again_changes_nothing(
    call: Call, link: str, platform: Platform, body: dict[str, object]
) -> None:
    for _ in range(2):
        done = call("POST", link, **body)
        assert (done.status_code, done.content_type) == (200, "text/html; charset=utf-8")
        assert "You are unsubscribed" in done.text
    assert Preferences(platform).unsubscribed(HASH)
    assert Preferences(platform).unsubscribed_of([HASH, "b" * 64]) == {HASH}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "change",
    [
        lambda link: link.replace("c=aa", "c=ab"),
        lambda link: link[:-1] + ("0" if link[-1] != "0" else "1"),
        lambda link: link.partition("&")[0],
        lambda link: link.partition("?")[0],
        lambda link: link + "&c=" + "b" * 64,
        lambda link: link.replace("s=", "s=%0d%0a"),
        lambda link: f"{link.partition('?')[0]}?c={'b' * 64}&s={link[-64:]}",
    ],
)
def test_a_link_that_is_none_of_ours(
    call: Call, link: str, platform: Platform, method: str, change: Callable[[str], str]
) -> None:
    refused = call(method, change(link))
    assert refused.status_code == 400
    assert refused.json["success"] is False
    assert documents(platform.firestore, PREFERENCES) == {}


def test_the_page_may_do_nothing_but_send_its_form(call: Call, link: str) -> None:
    headers = call("GET", link).headers
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["RateLimit-Policy"].startswith('"anonymous"')


def test_nothing_that_is_kept_names_the_customer(call: Call, link: str, platform: Platform) -> None:
    call("POST", link)
    (kept,) = documents(platform.firestore, PREFERENCES).values()
    assert set(kept) == {"unsubscribedAt"}
