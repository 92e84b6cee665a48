"""The probe of BigQuery: one dry run, answered in time or unavailable."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from local.ports import free_port
from shared.platform import bigquery
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from tests.factories.silence import Silence
from tests.factories.stopwatch import Stopwatch
from tests.factories.throw_away import serving_http


def probe_at(url: str, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", url)
    bigquery.probe(bigquery.connect("a-project", emulator=url), seconds)


def test_a_bigquery_that_answers_is_there_without_any_table(platform: Platform) -> None:
    bigquery.probe(platform.bigquery, 5)


def test_it_asks_once_and_for_a_dry_run(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        body = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        asked.append(body)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({**body, "status": {"state": "DONE"}}).encode()]

    with serving_http(app) as url:
        probe_at(url, monkeypatch, 2)
    (body,) = asked
    assert body["configuration"]["dryRun"] is True
    assert body["configuration"]["query"]["query"] == "SELECT 1"


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_a_refusal_is_unavailable_at_once(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    asked: list[int] = []

    def app(_: Any, start_response: Any) -> Iterable[bytes]:
        asked.append(status)
        start_response(f"{status} Whatever", [("Content-Type", "application/json")])
        return [b'{"error": {"message": "a text of theirs"}}']

    with serving_http(app) as url, pytest.raises(Unavailable) as refused:
        probe_at(url, monkeypatch, 2)
    assert asked == [status], "a probe is not retried"
    assert "a text of theirs" not in refused.value.sentence


@pytest.mark.parametrize("kind", ["nobody listens", "nobody answers"])
def test_a_bigquery_that_does_not_answer_is_unavailable_in_time(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    with Silence() as silent:
        address = silent.address if kind == "nobody answers" else f"127.0.0.1:{free_port()}"
        with Stopwatch() as watch, pytest.raises(Unavailable):
            probe_at(f"http://{address}", monkeypatch, 0.3)
        assert watch.seconds < 1
