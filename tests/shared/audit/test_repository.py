"""Places in a chain are given once, and rows are stored once, however often and from wherever they are asked for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from shared.audit.models import Head, Link, Row
from shared.audit.repository import LEASE, AuditRepository, tables
from shared.audit.rules import first_break, link_after, row_of
from shared.platform import bigquery
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from tests.factories.chains import table
from tests.factories.clock import TestClock
from tests.factories.events import AT, attempt
from tests.factories.silence import Silence, closed_port
from tests.factories.warehouse import Warehouse

TABLE = table()
DAY = AT.replace(hour=0)


@pytest.fixture
def repository(platform: Platform, tables: None) -> AuditRepository:
    return AuditRepository(platform.firestore, platform.bigquery, platform.clock, platform.ids)


def row(event_id: str = "evt_1", at: Any = AT) -> Row:
    return row_of(TABLE, attempt(at, event_id))


def take(repository: AuditRepository, wanted: Row) -> Link | None:
    return repository.take_place(TABLE, wanted, link_after)


def test_every_table_of_the_trail_records_something_and_has_a_chain() -> None:
    assert {found.full_name for found in tables()} >= {
        "commerce.age_verifications",
        "commerce.age_verification_attempts",
        "commerce.security_events",
    }
    for found in tables():
        assert {"event_id", "created_at", "chain_sequence", "previous_hash", "row_hash"} <= found.required


def test_places_follow_each_other_within_a_day(repository: AuditRepository) -> None:
    links = [take(repository, row(f"evt_{n}")) for n in (1, 2, 3)]
    assert [link and link.sequence for link in links] == [1, 2, 3]
    assert links[2] is not None
    assert repository.head(TABLE, DAY) == Head(3, links[2].row_hash)


def test_each_utc_day_has_a_chain_of_its_own(repository: AuditRepository) -> None:
    midnight = DAY + timedelta(days=1)
    links = [
        take(repository, row(f"evt_{n}", at)) for n, at in enumerate((midnight - timedelta(milliseconds=1), midnight))
    ]
    assert [link and link.sequence for link in links] == [1, 1]


def test_a_place_is_not_given_twice_while_its_lease_runs(repository: AuditRepository, clock: TestClock) -> None:
    take(repository, row())
    clock.at += LEASE - timedelta(milliseconds=1)
    with pytest.raises(Unavailable):
        take(repository, row())


def test_after_its_lease_the_same_place_is_given_again(repository: AuditRepository, clock: TestClock) -> None:
    first = take(repository, row())
    take(repository, row("evt_2"))
    clock.at += LEASE
    assert take(repository, row()) == first
    with pytest.raises(Unavailable):
        take(repository, row())


def test_a_stored_row_has_no_place_to_give(repository: AuditRepository, clock: TestClock) -> None:
    link = take(repository, row())
    assert link is not None
    repository.store(TABLE, row(), link)
    assert take(repository, row()) is None
    clock.at += LEASE
    assert take(repository, row()) is None


def test_a_row_is_stored_once(repository: AuditRepository, project: str) -> None:
    link = take(repository, row())
    assert link is not None
    for _ in range(3):
        repository.store(TABLE, row(), link)
    assert len(Warehouse(project).rows(TABLE.name)) == 1


def test_a_row_is_read_as_it_was_written(repository: AuditRepository) -> None:
    link = take(repository, row())
    assert link is not None
    repository.store(TABLE, row(), link)
    (stored,) = repository.rows(TABLE, DAY)
    assert stored == {
        **row(),
        "chain_sequence": 1,
        "previous_hash": link.previous_hash,
        "row_hash": link.row_hash,
    }
    assert first_break(TABLE.full_name, "2026-07-01", [stored], repository.head(TABLE, DAY)) is None


def test_what_has_a_place_and_is_not_stored_is_pending(repository: AuditRepository) -> None:
    links = [take(repository, row(f"evt_{n}")) for n in (1, 2)]
    take(repository, row("evt_3", AT + timedelta(days=1)))
    assert links[0] is not None
    assert links[1] is not None
    repository.store(TABLE, row("evt_1"), links[0])
    assert repository.pending(TABLE, DAY) == {2: links[1].row_hash}


def test_of_many_at_once_each_gets_a_place_of_its_own(repository: AuditRepository) -> None:
    rows = [row(f"evt_{n}") for n in range(12)]
    with ThreadPoolExecutor(6) as pool:
        links = list(pool.map(lambda r: take(repository, r), rows))
    assert sorted(link.sequence for link in links if link) == list(range(1, 13))
    by_place = sorted((link for link in links if link), key=lambda link: link.sequence)
    assert [link.previous_hash for link in by_place[1:]] == [link.row_hash for link in by_place[:-1]]


def test_one_event_delivered_many_times_at_once_gets_one_place(repository: AuditRepository) -> None:
    def try_once(_: int) -> Link | None:
        try:
            return take(repository, row())
        except Unavailable:
            return None

    with ThreadPoolExecutor(6) as pool:
        links = [link for link in pool.map(try_once, range(6)) if link]
    assert [link.sequence for link in links] == [1]
    head = repository.head(TABLE, DAY)
    assert head is not None
    assert head.sequence == 1


@pytest.mark.parametrize("kind", ["closed", "silent"])
def test_a_warehouse_that_does_not_answer_is_unavailable_and_soon(
    project: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with Silence() as silence:
        address = silence.address if kind == "silent" else closed_port()
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", f"http://{address}")
        client = bigquery.connect(project, emulator=f"http://{address}")
        with pytest.raises(Unavailable):
            bigquery.query(client, "SELECT 1", {}, "test", seconds=0.3)
