"""`python -m tools.smoke`, against a server that answers as a deployment may."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.factories.cloud import CloudFolder
from tests.factories.silence import closed_port
from tools.cloud import Refused
from tools.smoke import wait_until_ready

Answer = tuple[int, Any]
Serve = Callable[..., str]
UP = {"status": "ready", "version": "abc", "firestore": {"status": "up"}}


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(first, second, ...)` is the address of a server that gives these answers, the last one for ever."""
    servers = []

    def start(*answers: Answer) -> str:
        left = list(answers)

        class Scripted(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = left.pop(0) if len(left) > 1 else left[0]
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body.encode() if isinstance(body, str) else json.dumps(body).encode())

            def log_message(self, *arguments: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/health/ready"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("status", ["ready", "degraded"])
def test_what_serves_customers_is_good(serve: Serve, status: str) -> None:
    assert wait_until_ready(serve((200, {**UP, "status": status})), "abc", 0) == status


def test_it_waits_for_the_new_version_and_for_its_services(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.smoke.PAUSE_SECONDS", 0.05)
    unavailable = (503, {**UP, "status": "unavailable"})
    url = serve((404, "no such page"), unavailable, (200, {**UP, "version": "old"}), (200, UP))
    assert wait_until_ready(url, "abc", 30) == "ready"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((503, {**UP, "status": "unavailable", "firestore": {"status": "down"}}), "'unavailable', down: firestore"),
        ((200, {**UP, "version": "old"}), "version 'old' answers, expected 'abc'"),
        ((200, "<html>"), "HTTP 200, and not the answer of GET /health/ready"),
        ((200, ["ready"]), "HTTP 200, and not the answer of GET /health/ready"),
        ((403, "Forbidden"), "HTTP 403, and not the answer of GET /health/ready"),
        ((500, UP), "HTTP 500, status 'ready'"),
    ],
)
def test_what_is_wrong_is_said(serve: Serve, answer: Answer, sentence: str) -> None:
    with pytest.raises(Refused, match="was not ready within 0 s") as refused:
        wait_until_ready(serve(answer), "abc", 0)
    assert sentence in str(refused.value)


def test_nobody_there() -> None:
    with pytest.raises(Refused, match="no connection"):
        wait_until_ready(f"http://127.0.0.1:{closed_port()}/health/ready", "", 0)


def test_by_address_no_cloud_is_asked(tmp_path: Path) -> None:
    cloud = CloudFolder(tmp_path)
    try:
        done = cloud.run("tools.smoke", URL=cloud.ready_url, PROJECT="", REGION="")
        assert (done.returncode, done.stdout) == (0, f"smoke        {cloud.ready_url} says ready\n")
        assert cloud.calls == []
    finally:
        cloud.close()


def test_by_project_the_archive_is_remembered_as_good(tmp_path: Path) -> None:
    cloud = CloudFolder(tmp_path)
    try:
        archive = cloud.archive("first")
        assert cloud.deploy("deploy", ARCHIVE=archive, SMOKE="0").returncode == 0
        assert "never found ready" in cloud.deploy("releases").stdout
        cloud.unready.add(archive)
        assert cloud.run("tools.smoke").returncode == 1
        cloud.unready.clear()
        assert cloud.run("tools.smoke").returncode == 0
        assert "never found ready" not in cloud.deploy("releases").stdout
    finally:
        cloud.close()


def test_before_the_first_deploy_it_says_what_to_do(tmp_path: Path) -> None:
    cloud = CloudFolder(tmp_path)
    try:
        cloud.deploy("deploy", ARCHIVE=cloud.archive("first"), fails_at=12)
        done = cloud.run("tools.smoke")
        assert done.returncode == 1
        assert "Deploy first: make deploy PROJECT=shop-staging" in done.stderr
    finally:
        cloud.close()
