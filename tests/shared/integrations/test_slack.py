"""Slack's client: what it sends, what no text can make of it, and what it makes of the answers."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.integrations.slack import Slack, escaped, payload
from shared.monitoring.errors import ChannelRefused
from shared.platform.errors import Unavailable
from shared.platform.ids import Ids
from tests.factories.alerts import Receivers, notice
from tests.factories.provider import Provider, Reaction
from tests.factories.stepping_clock import SteppingClock

OK = Reaction(200, b"ok", {"Content-Type": "text/plain"})


def client(url: str) -> Slack:
    clock = SteppingClock()
    return Slack(f"{url}/services/T/B/secret", clock, Ids(clock))


def test_it_is_posted_as_it_is_read(receiving: Receivers) -> None:
    clock = SteppingClock()
    Slack(receiving.variables["SLACK_WEBHOOK_URL"], clock, Ids(clock)).deliver(notice())
    (message,) = receiving.messages
    assert message["read"].splitlines() == [
        "*CRITICAL: Requests fail*",
        "1.98% of the requests (2/101) were answered with 5xx in the last 15 minutes",
        "value 1.98 · threshold 1 · tags requests · at 2026-07-01 17:00:00 UTC · error-rate",
    ]
    assert message["body"]["text"].startswith("CRITICAL: Requests fail: 1.98%")


HOSTILE = [
    "<!channel> all of you",
    "<@U012AB3CD> <#C012AB3CD>",
    "<https://evil.example.com|the runbook>",
    "https://evil.example.com and mailto:ann@example.com",
    "evil.com/x",
    "&lt;!here&gt; &amp;lt;!here>",
    "@channel @here",
    "<!date^1392734382^{date}^https://evil.example.com|x>",
    "x" * 5000 + "<!channel>",
    "&" * 5000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_builds_a_mention_or_a_link(receiving: Receivers, text: str) -> None:
    clock = SteppingClock()
    slack = Slack(receiving.variables["SLACK_WEBHOOK_URL"], clock, Ids(clock))
    slack.deliver(notice(title=text, message=text, tags=text, value=text, dedupKey=text))
    (message,) = receiving.messages
    assert (message["links"], message["mentions"]) == ([], [])
    assert "<" not in message["body"]["text"]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.text(alphabet=st.sampled_from("<>&*_~`!@#|a b\n…"), max_size=80), most=st.integers(2, 60))
def test_nothing_is_cut_in_two_and_nothing_is_too_long(text: str, most: int) -> None:
    found = escaped(text, most)
    assert len(found) <= most
    rest = found.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert not set(rest) & set("<>&*~`")
    assert " _" not in f" {rest} "


def test_names_of_log_lines_can_be_copied() -> None:
    assert escaped("payment_difference and *bold* and _italic_", 100) == "payment_difference and ∗bold∗ and ˍitalicˍ"


@pytest.mark.parametrize("length", [0, 10, 3000, 100_000])
def test_sizes_stay_within_slacks(length: int) -> None:
    body = payload(notice(title="&" * length, message="<" * length, tags=">" * length))
    assert len(body["text"]) <= 1000
    assert all(0 < len(text) <= 3000 for text in texts(body))


def texts(body: dict[str, Any]) -> list[str]:
    return [
        text["text"] for block in body["blocks"] for text in ([block["text"]] if "text" in block else block["elements"])
    ]


@pytest.mark.parametrize(
    ("reaction", "reason"),
    [
        (Reaction(400, b"invalid_payload"), "400 invalid_payload"),
        (Reaction(403, b"invalid_token"), "403 invalid_token"),
        (Reaction(404, b"no_service\n"), "404 no_service"),
        (Reaction(410, b"channel_is_archived"), "410 channel_is_archived"),
        # What is not one word is not kept.
        (Reaction(404, b"<html>https://hooks.example.com/services/T/B/secret</html>"), "404"),
        (Reaction(302, b"", {"Location": "https://elsewhere.example.com"}), "302"),
    ],
)
def test_what_is_refused_for_good(reaction: Reaction, reason: str) -> None:
    with Provider.running(reaction) as provider:
        with pytest.raises(ChannelRefused) as refused:
            client(provider.url).deliver(notice())
        assert refused.value.reason == reason
        assert len(provider.received) == 1


@pytest.mark.parametrize(
    "reaction",
    [
        Reaction(500, b"rollup_error"),
        Reaction(429, b"", {"Retry-After": "2"}),
        Reaction(200, b"<html></html>"),
        Reaction(200, b""),
        Reaction(dropped=True),
    ],
)
def test_what_is_tried_again_later(reaction: Reaction) -> None:
    with Provider.running(reaction) as provider, pytest.raises(Unavailable):
        client(provider.url).deliver(notice())


@pytest.mark.parametrize("reaction", [Reaction(500), Reaction(429, b"", {"Retry-After": "1"}), Reaction(dropped=True)])
def test_what_is_mended_at_once(reaction: Reaction) -> None:
    with Provider.running(reaction, OK) as provider:
        client(provider.url).deliver(notice())
        assert len(provider.received) == 2


def test_what_it_asks_to_wait_is_passed_on() -> None:
    with Provider.running(Reaction(429, b"", {"Retry-After": "600"})) as provider:
        with pytest.raises(Unavailable) as failure:
            client(provider.url).deliver(notice())
        assert failure.value.headers["Retry-After"] == "600"
        assert len(provider.received) == 1


def test_a_message_a_second() -> None:
    with Provider.running(OK) as provider:
        slack = client(provider.url)
        begun = slack._clock.monotonic()
        for _ in range(4):
            slack.deliver(notice())
        assert slack._clock.monotonic() - begun == pytest.approx(3)


@pytest.mark.parametrize("reaction", [Reaction(dropped=True), Reaction(404, b"no_service"), Reaction(500), OK])
def test_the_address_is_in_no_log_line_and_no_failure(caplog: pytest.LogCaptureFixture, reaction: Reaction) -> None:
    caplog.set_level(logging.DEBUG)
    # As shared/runtime/logging.py does.
    for name in ("werkzeug", "urllib3"):
        logging.getLogger(name).setLevel("WARNING")
    with Provider.running(reaction) as provider:
        told = ""
        try:
            client(provider.url).deliver(notice())
        except (Unavailable, ChannelRefused) as failure:
            told = str(failure)
    assert "secret" not in told + caplog.text
