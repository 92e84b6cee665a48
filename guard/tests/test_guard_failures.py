"""A service that is slow, broken or hostile: the order waits a bounded time and does not go through."""

import gc
import gzip
import json
import logging
import socket
import time
from pathlib import Path

import pytest
from guard_maker import GuardMaker
from scripted_service import (
    ScriptedService,
    Step,
    answer,
    drip,
    drop,
    late,
    raw,
    status_body,
)

from age_guard import AgeGuard, UnableToVerifyAge

HEAD = b"HTTP/1.1 200 OK\r\n"
BODY = json.dumps(status_body()).encode()


def failure_of(guard: AgeGuard) -> str:
    with pytest.raises(UnableToVerifyAge) as failure:
        guard.check_age("c-secret", authorization="Bearer example-token")
    assert failure.value.__cause__ is None
    return failure.value.reason


@pytest.mark.parametrize("first", [answer(502), answer(503), answer(504), drop, late(30, answer())])
def test_one_retry_saves_a_passing_trouble(service: ScriptedService, make_guard: GuardMaker, first: Step) -> None:
    service.plays(first, answer())
    assert make_guard().check_age("c-1").age == 34
    assert len(service.seen) == 2


@pytest.mark.parametrize(
    ("step", "reason"),
    [(answer(503), "status_503"), (drop, "connection_failed"), (late(30, answer()), "timed_out")],
)
def test_there_is_one_retry_only(service: ScriptedService, make_guard: GuardMaker, step: Step, reason: str) -> None:
    service.plays(step)
    assert failure_of(make_guard(timeout_seconds=(2, 0.3))) == reason
    assert len(service.seen) == 2


def test_retries_can_be_turned_off(service: ScriptedService, make_guard: GuardMaker) -> None:
    service.plays(answer(503), answer())
    assert failure_of(make_guard(retries=0)) == "status_503"
    assert len(service.seen) == 1


BROKEN = {
    "not HTTP": raw(b"220 mail.example.com ESMTP\r\n"),
    "half a status line": raw(b"HTTP/1.1 20"),
    "half a body": raw(HEAD + b"Content-Length: 400\r\n\r\n" + BODY[:100]),
    "half a chunk": raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nfff\r\n" + BODY[:100]),
    "a bad chunk size": raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "two lengths": raw(HEAD + b"Content-Length: 5\r\nContent-Length: 400\r\n\r\n" + BODY),
    "endless headers": raw(HEAD + b"X-Filler: 1\r\n" * 500 + b"\r\n"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_http_is_a_failed_connection(service: ScriptedService, make_guard: GuardMaker, case: str) -> None:
    service.plays(BROKEN[case])
    assert failure_of(make_guard()) == "connection_failed"


def test_a_chunked_answer_is_fine(service: ScriptedService, make_guard: GuardMaker) -> None:
    chunk = f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n0\r\n\r\n"
    service.plays(raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk))
    assert make_guard().check_age("c-1").age == 34


def test_a_compressed_answer_is_not_unpacked(service: ScriptedService, make_guard: GuardMaker) -> None:
    service.plays(answer(body=gzip.compress(BODY), headers={"Content-Encoding": "gzip"}))
    assert failure_of(make_guard()) == "unexpected_body"
    assert service.seen[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("location", ["/elsewhere", "http://[bad", "http://127.0.0.1:1/"])
def test_redirects_are_not_followed(service: ScriptedService, make_guard: GuardMaker, location: str) -> None:
    service.plays(answer(302, headers={"Location": location}), answer())
    assert failure_of(make_guard()) == "status_302"
    assert len(service.seen) == 1


@pytest.mark.parametrize(
    "step",
    [
        drip(HEAD, b"X-Slow: " + b"z" * 500),
        drip(HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY), BODY),
        drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\nfff\r\n", BODY),
        late(30, answer()),
    ],
    ids=["headers", "body", "chunks", "silence"],
)
def test_the_time_is_bounded_in_all(service: ScriptedService, make_guard: GuardMaker, step: Step) -> None:
    service.plays(step)
    start = time.monotonic()
    assert failure_of(make_guard(timeout_seconds=(0.2, 5), total_seconds=0.3)) == "timed_out"
    assert time.monotonic() - start < 2


def test_a_retry_gets_only_the_time_that_is_left(service: ScriptedService, make_guard: GuardMaker) -> None:
    service.plays(late(30, answer()))
    start = time.monotonic()
    assert failure_of(make_guard(timeout_seconds=(0.2, 0.3), total_seconds=0.5, retries=5)) == "timed_out"
    assert time.monotonic() - start < 2
    assert len(service.seen) <= 2


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with AgeGuard(url) as guard:
            assert failure_of(guard) == "connection_failed"


def test_logs_hold_no_customer_and_no_token(
    service: ScriptedService, make_guard: GuardMaker, caplog: pytest.LogCaptureFixture
) -> None:
    service.plays(drop)
    with caplog.at_level(logging.INFO):
        failure_of(make_guard())
    assert "reason=connection_failed" in caplog.text
    assert "c-secret" not in caplog.text
    assert "example-token" not in caplog.text


def test_connections_are_kept_and_cookies_are_not(service: ScriptedService, make_guard: GuardMaker) -> None:
    service.plays(answer(headers={"Set-Cookie": "session=of-customer-1; Path=/"}), answer())
    guard = make_guard()
    guard.check_age("c-1")
    guard.check_age("c-2")
    first, second = service.seen
    assert first.connection == second.connection
    assert "cookie" not in second.headers


def test_a_kept_connection_that_died_is_replaced(service: ScriptedService, make_guard: GuardMaker) -> None:
    service.plays(answer(), drop, answer())
    guard = make_guard()
    guard.check_age("c-1")
    assert guard.check_age("c-2").age == 34
    assert len(service.seen) == 3


def test_close_hangs_up_at_once(service: ScriptedService, make_guard: GuardMaker) -> None:
    service.plays(drop, answer())
    guard = make_guard()
    gc.disable()  # which would hang up too, some time
    try:
        guard.check_age("c-1")
        guard.close()
        assert service.is_left_alone(within_seconds=1)
    finally:
        gc.enable()
    assert guard.check_age("c-1").age == 34


def test_netrc_does_not_replace_the_caller(
    service: ScriptedService, make_guard: GuardMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login operator password example\n")
    monkeypatch.setenv("NETRC", str(netrc))
    service.plays(answer())
    guard = make_guard()
    guard.check_age("c-1", authorization="Bearer example-token")
    guard.check_age("c-1")
    assert service.seen[0].headers["authorization"] == "Bearer example-token"
    assert "authorization" not in service.seen[1].headers


WRONG_SETTINGS = [
    {"base_url": ""},
    {"base_url": "api.example.com"},
    {"base_url": "ftp://api.example.com"},
    {"base_url": "https://"},
    {"base_url": "https://api.example.com:port"},
    {"base_url": "https://api.example.com/?a=1"},
    {"base_url": "https://operator:example@api.example.com"},
    {"base_url": "https://api.example .com"},
    {"verification_url": "javascript:alert(1)"},
    {"verification_url": "//elsewhere.example.com"},
    {"timeout_seconds": (0, 3)},
    {"total_seconds": -1},
    {"retries": -1},
    {"cache_seconds": -1},
    {"cache_seconds": 301},
]


@pytest.mark.parametrize("setting", WRONG_SETTINGS, ids=str)
def test_wrong_settings_are_found_at_the_start(setting: dict[str, object]) -> None:
    settings = {"base_url": "https://api.example.com"} | setting
    with pytest.raises(ValueError, match=r"must|port"):
        AgeGuard(**settings)  # type: ignore[arg-type]
