"""Recording and checking the trail, in the local BigQuery; each kind of break by itself: test_rules.py."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from shared.audit.errors import UnfitEvent
from shared.audit.models import CHAIN_COLUMNS, Break, Table
from shared.audit.repository import LEASE, AuditRepository, tables
from shared.audit.rules import first_break, link_after, row_of
from shared.audit.service import AuditService
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from tests.factories.billing_events import membership_cancelled, payment_settled, payments_reconciled
from tests.factories.chains import flipped, table
from tests.factories.clock import TestClock
from tests.factories.events import AT, alert, attempt, erasure, expiry, success, sync_run
from tests.factories.mails import mail_sent
from tests.factories.raffle_events import raffle_drawn, tickets_purchased
from tests.factories.warehouse import Warehouse

DAY = AT.date()
ATTEMPTS = table()
MAKERS = {
    "age_verifications": success,
    "age_verification_attempts": attempt,
    "age_verification_expiries": expiry,
    "alerts": alert,
    "mail_deliveries": mail_sent,
    "memberships": membership_cancelled,
    "payments": payment_settled,
    "payment_reconciliations": payments_reconciled,
    "raffle_tickets": tickets_purchased,
    "raffle_transactions": tickets_purchased,
    "raffles": raffle_drawn,
    "security_events": erasure,
    "sync_runs": sync_run,
}


@pytest.fixture
def audit(platform: Platform, tables: None) -> AuditService:
    return AuditService.on(platform)


@pytest.fixture
def warehouse(project: str, tables: None) -> Warehouse:
    return Warehouse(project)


def breaks(audit: AuditService, first: date = DAY, last: date = DAY) -> list[Break]:
    return [broken for *_, broken in audit.verify(first, last) if broken]


def named(audit: AuditService) -> tuple[str, str, str, int, str]:
    """The one break, all of it but the explanation."""
    (broken,) = breaks(audit)
    return broken.kind, broken.table, broken.day, broken.sequence, broken.event_id


def test_an_event_becomes_a_row_in_each_table_that_records_it(audit: AuditService, warehouse: Warehouse) -> None:
    audit.record(success())
    audit.record(attempt())
    audit.record(erasure())
    audit.record(sync_run())
    audit.record(alert())
    for make in (membership_cancelled, payment_settled, payments_reconciled, raffle_drawn, tickets_purchased):
        audit.record(make())
    audit.record(expiry())
    audit.record(mail_sent())
    counts = {name: len(rows) for name, rows in warehouse.everything().items() if rows}
    assert counts == {
        "commerce.age_verifications": 1,
        "commerce.age_verification_attempts": 2,
        "commerce.age_verification_expiries": 1,
        "commerce.alerts": 1,
        "commerce.mail_deliveries": 1,
        "commerce.memberships": 1,
        "commerce.payment_reconciliations": 1,
        "commerce.payments": 1,
        "commerce.raffle_tickets": 1,
        "commerce.raffle_transactions": 1,
        "commerce.raffles": 1,
        "commerce.security_events": 1,
        "commerce.sync_runs": 1,
    }


def test_an_event_that_comes_again_is_recorded_once(audit: AuditService, warehouse: Warehouse) -> None:
    for event in (success(), attempt()):
        for _ in range(3):
            audit.record(event)
    assert len(warehouse.rows("age_verification_attempts")) == 2
    assert breaks(audit) == []


def test_a_type_that_nobody_records_is_logged_and_not_retried(
    audit: AuditService, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        audit.record({**attempt(), "type": "verification.unheard_of"})
    assert caplog.messages == ["event_not_recorded"]


def test_an_unfit_event_is_stored_nowhere(audit: AuditService, warehouse: Warehouse) -> None:
    with pytest.raises(UnfitEvent):
        audit.record(success(verificationId=None))  # which the attempts do not require
    assert not any(warehouse.everything().values())
    assert breaks(audit) == []


# --- checking


def test_the_check_tells_every_table_and_day(audit: AuditService) -> None:
    audit.record(success())
    audit.record(attempt(AT + timedelta(days=1)))
    found = {(name, day.day): rows for name, day, rows, _ in audit.verify(DAY, DAY + timedelta(days=1))}
    assert found.keys() == {(t.full_name, day) for t in tables() for day in (1, 2)}
    assert {place: rows for place, rows in found.items() if rows} == {
        ("commerce.age_verifications", 1): 1,
        ("commerce.age_verification_attempts", 1): 1,
        ("commerce.age_verification_attempts", 2): 1,
    }
    assert breaks(audit, DAY, DAY + timedelta(days=1)) == []


@pytest.mark.parametrize("found", tables(), ids=lambda t: t.name)
def test_one_changed_bit_in_any_column_is_found_and_named(
    audit: AuditService, platform: Platform, found: Table
) -> None:
    """Every column of the middle row, one after another, of rows as BigQuery gives them."""
    make = MAKERS[found.name]
    for number in (1, 2, 3):
        audit.record(make(AT, f"evt_{number}"))
    repository = AuditRepository(platform.firestore, platform.bigquery, platform.clock, platform.ids)
    midnight = datetime.combine(DAY, time(), UTC)
    rows, head = repository.rows(found, midnight), repository.head(found, midnight)
    assert first_break(found.full_name, "2026-07-01", rows, head) is None
    for column, value in rows[1].items():
        changed = {**rows[1], column: flipped(value)}
        spoilt = sorted([rows[0], changed, rows[2]], key=lambda row: row["chain_sequence"])
        broken = first_break(found.full_name, "2026-07-01", spoilt, head)
        assert broken is not None, column
        kind, event_id = ("missing", "") if column == "chain_sequence" else ("altered", changed["event_id"])
        assert (broken.kind, broken.sequence, broken.event_id) == (kind, 2, event_id), column


def test_a_bit_that_was_changed_in_the_table_is_found(audit: AuditService, warehouse: Warehouse) -> None:
    for number in (1, 2, 3):
        audit.record(sync_run(AT, f"evt_{number}"))
    found = next(table for table in tables() if table.name == "sync_runs")
    before = warehouse.rows(found.name)[1]
    warehouse.change(found, "evt_2", rows_seen=flipped(before["rows_seen"]))
    assert named(audit) == ("altered", found.full_name, "2026-07-01", 2, "evt_2")
    warehouse.change(found, "evt_2", rows_seen=before["rows_seen"])
    assert breaks(audit) == []


@pytest.fixture
def four(audit: AuditService) -> AuditService:
    for number in (1, 2, 3, 4):
        audit.record(attempt(AT, f"evt_{number}"))
    return audit


NAME = "commerce.age_verification_attempts"
TODAY = (NAME, "2026-07-01")


@pytest.mark.parametrize(
    ("sql", "kind", "sequence", "event_id"),
    [
        ("DELETE FROM `{t}` WHERE event_id = 'evt_1'", "missing", 1, ""),
        ("DELETE FROM `{t}` WHERE event_id = 'evt_3'", "missing", 3, ""),
        ("DELETE FROM `{t}` WHERE chain_sequence > 2", "missing", 3, ""),
        ("DELETE FROM `{t}` WHERE TRUE", "missing", 1, ""),
        ("INSERT INTO `{t}` SELECT * FROM `{t}` WHERE event_id = 'evt_2'", "duplicate", 2, "evt_2"),
        (
            "UPDATE `{t}` SET created_at = TIMESTAMP_ADD(created_at, INTERVAL 1 HOUR) WHERE event_id = 'evt_3'",
            "altered",
            3,
            "evt_3",
        ),
        ("UPDATE `{t}` SET chain_sequence = 5 - chain_sequence WHERE TRUE", "altered", 1, "evt_4"),
    ],
    ids=[
        "first row deleted",
        "a row deleted",
        "tail cut off",
        "all deleted",
        "row doubled",
        "moved in time",
        "reversed",
    ],
)
def test_a_break_in_the_table_is_found_and_named(
    four: AuditService, warehouse: Warehouse, sql: str, kind: str, sequence: int, event_id: str
) -> None:
    warehouse.run(sql.format(t=NAME))
    assert named(four) == (kind, *TODAY, sequence, event_id)


def test_a_row_moved_to_another_day_is_missed_in_one_and_found_in_the_other(
    four: AuditService, warehouse: Warehouse
) -> None:
    warehouse.change(ATTEMPTS, "evt_2", created_at=AT + timedelta(days=1))
    found = breaks(four, DAY, DAY + timedelta(days=1))
    assert [(b.kind, b.day, b.sequence) for b in found] == [("missing", "2026-07-01", 2), ("missing", "2026-07-02", 1)]


def _rewrite(warehouse: Warehouse, **changes: Any) -> None:
    """Write the day anew with other content, each hash right, as somebody who knows the method would."""
    head = None
    for old in warehouse.rows("age_verification_attempts"):
        row = row_of(ATTEMPTS, attempt(AT, old["event_id"], **changes))
        link = link_after(head, row)
        head = link
        fresh = {**row, **dict(zip(CHAIN_COLUMNS, (link.sequence, link.previous_hash, link.row_hash), strict=True))}
        warehouse.change(ATTEMPTS, old["event_id"], **{name: fresh[name] for name in ("reason", *CHAIN_COLUMNS)})


def test_a_whole_chain_written_anew_is_found(four: AuditService, warehouse: Warehouse) -> None:
    _rewrite(warehouse, reason="Something else")
    assert named(four) == ("altered", *TODAY, 4, "evt_4")


def test_rows_of_a_day_that_never_had_events_are_found(four: AuditService, warehouse: Warehouse) -> None:
    warehouse.run(f"UPDATE `{NAME}` SET created_at = TIMESTAMP_ADD(created_at, INTERVAL 240 HOUR) WHERE TRUE")
    found = breaks(four, DAY + timedelta(days=10), DAY + timedelta(days=10))
    assert [(b.kind, b.sequence, b.event_id) for b in found] == [("altered", 1, "evt_1")]


def test_a_row_that_waits_for_its_redelivery_is_no_break(
    four: AuditService, platform: Platform, clock: TestClock
) -> None:
    from shared.audit.repository import AuditRepository

    repository = AuditRepository(platform.firestore, platform.bigquery, clock, platform.ids)
    event = attempt(AT, "evt_5")
    repository.take_place(ATTEMPTS, row_of(ATTEMPTS, event), link_after)
    assert breaks(four) == []
    with pytest.raises(Unavailable):
        four.record(event)
    four.record(attempt(AT, "evt_6"))
    assert breaks(four) == []
    clock.at += LEASE
    four.record(event)
    assert [rows for name, _, rows, broken in four.verify(DAY, DAY) if name == NAME and not broken] == [6]
