"""Who is reminded, once, under an id that follows from the verification."""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from typing import Any

import pytest

from local.provision import PubSub
from shared.notifications.preferences import Preferences
from shared.platform.context import Platform
from shared.verification import pages
from shared.verification.erasure import ErasureService
from shared.verification.marks import ExpiryNotices
from shared.verification.models import DataKey
from shared.verification.reminders import Reminders, Tally
from shared.verification.repository import VERIFICATIONS
from tests.factories.clock import TestClock
from tests.factories.expiring import expires, record_of, remind
from tests.factories.messages import data_of, pulled
from tests.factories.warehouse import Warehouse


@pytest.fixture
def topics() -> list[str]:
    return ["emails", "security-events", "verification-events"]


def mails(pubsub: PubSub) -> dict[str, dict[str, Any]]:
    """Address → command; each came once."""
    found = [data_of(message) for message in pulled(pubsub, "emails")]
    assert len({mail["to"] for mail in found}) == len(found)
    return {mail["to"]: mail for mail in found}


@pytest.mark.parametrize(
    ("days", "told"),
    [(-1, False), (0, False), (0.001, True), (1, True), (30, True), (30.001, False), (31, False), (365, False)],
)
def test_who_expires_within_thirty_days(platform: Platform, pubsub: PubSub, days: float, told: bool) -> None:
    expires(platform, "c-1", days)
    assert remind(platform).queued == int(told)
    assert ("c-1@example.com" in mails(pubsub)) is told


def test_the_mail_says_when_and_where(platform: Platform, pubsub: PubSub) -> None:
    expires(platform, "c-1", 20, full_name="José Núñez")
    remind(platform)
    mail = mails(pubsub)["c-1@example.com"]
    assert mail == {
        "emailId": "mail_expiring_av_c-1",
        "template": "age-verification-expiring",
        "to": "c-1@example.com",
        "data": {"name": "José Núñez", "expiresAt": "2026-07-21", "reverifyUrl": "http://localhost:3005"},
        "queuedAt": "2026-07-01T17:00:00.000Z",
        "customerHash": platform.customer_hash("c-1"),
        "about": "av_c-1",
    }


def test_the_day_is_the_stores(platform: Platform, pubsub: PubSub) -> None:
    """At 3 in the morning in UTC it is still the day before in Texas."""
    expires(platform, "c-1", 20 + 10 / 24)
    remind(platform)
    assert mails(pubsub)["c-1@example.com"]["data"]["expiresAt"] == "2026-07-21"


def test_running_again_queues_nobody_twice(platform: Platform, pubsub: PubSub, clock: TestClock) -> None:
    expires(platform, "c-1")
    assert (remind(platform).queued, remind(platform).waiting) == (1, 1)
    ExpiryNotices.on(platform).note(platform.customer_hash("c-1"), "av_c-1", clock.now(), sent=True)
    clock.advance(days=1)
    assert remind(platform) == Tally()
    assert len(mails(pubsub)) == 1


def test_a_claim_of_which_nothing_was_heard_is_queued_again_under_the_same_id(
    platform: Platform, pubsub: PubSub, clock: TestClock
) -> None:
    expires(platform, "c-1")
    remind(platform)
    first = mails(pubsub)["c-1@example.com"]["emailId"]
    clock.advance(hours=19)
    assert remind(platform).waiting == 1
    clock.advance(hours=5)
    assert remind(platform).queued == 1
    assert mails(pubsub)["c-1@example.com"]["emailId"] == first


def test_an_address_that_takes_no_mail_is_not_tried_every_day(platform: Platform, clock: TestClock) -> None:
    expires(platform, "c-1")
    remind(platform)
    ExpiryNotices.on(platform).note(platform.customer_hash("c-1"), "av_c-1", clock.now(), sent=False)
    clock.advance(days=1)
    assert remind(platform) == Tally(looked_at=1, refused=1)


def test_unsubscribed_and_erased_are_skipped(platform: Platform, pubsub: PubSub) -> None:
    for customer in ("c-1", "c-2", "c-3"):
        expires(platform, customer)
    Preferences.on(platform).unsubscribe(platform.customer_hash("c-1"))
    ErasureService.on(platform).erase("c-2", "admin", "req_1")
    assert remind(platform) == Tally(looked_at=2, queued=1, unsubscribed=1)
    assert set(mails(pubsub)) == {"c-3@example.com"}


def test_who_verifies_again_is_reminded_of_the_new_one(platform: Platform, pubsub: PubSub, clock: TestClock) -> None:
    expires(platform, "c-1")
    remind(platform)
    expires(platform, "c-1", 365)
    assert remind(platform) == Tally()
    # What is heard of the old mail says nothing of the new verification.
    ExpiryNotices.on(platform).note(platform.customer_hash("c-1"), "av_old", clock.now(), sent=True)
    assert record_of(platform, "c-1").expiry_notice_sent_at is None


def test_who_has_no_address_in_the_record_is_looked_up_at_once(
    platform: Platform, pubsub: PubSub, tables: None, project: str
) -> None:
    for customer in ("c-1", "c-2", "c-3", "c-4"):
        expires(platform, customer, email="" if customer != "c-4" else "c-4@example.com", full_name="Ada Example")
    Warehouse(project).run(
        "INSERT INTO `commerce.customers` (customer_id, email, full_name, source, created_at, updated_at, deleted) "
        "VALUES ('c-1', 'old@example.com', 'A', 'square', '2026-01-01', '2026-01-01', FALSE),"
        "('c-1', 'new@example.com', 'A', 'lightspeed', '2026-01-01', '2026-02-01', FALSE),"
        "('c-2', 'gone@example.com', 'B', 'square', '2026-01-01', '2026-01-01', TRUE),"
        "('c-4', 'elsewhere@example.com', 'D', 'square', '2026-01-01', '2026-01-01', FALSE)"
    )
    assert remind(platform) == Tally(looked_at=4, queued=2, no_address=2)
    assert set(mails(pubsub)) == {"new@example.com", "c-4@example.com"}


def test_a_warehouse_that_fails_holds_up_nobody_else(
    platform: Platform, pubsub: PubSub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something else than BigQuery answers."""
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", f"http://{os.environ['FIRESTORE_EMULATOR_HOST']}")
    expires(platform, "c-1", email="")
    expires(platform, "c-2")
    assert remind(platform) == Tally(looked_at=2, queued=1, not_looked_up=1)
    assert set(mails(pubsub)) == {"c-2@example.com"}


def test_a_record_that_no_key_opens_stops_nobody(
    platform: Platform, pubsub: PubSub, caplog: pytest.LogCaptureFixture
) -> None:
    expires(platform, "c-1", data_key=DataKey(key_id="gone", wrapped=b"x"))
    expires(platform, "c-2")
    with caplog.at_level(logging.ERROR):
        assert remind(platform) == Tally(looked_at=2, queued=1, no_address=1)
    assert "person_undecryptable" in caplog.messages


def test_who_changes_meanwhile_is_left_to_the_next_run(platform: Platform, pubsub: PubSub) -> None:
    for customer in ("c-1", "c-2", "c-3"):
        expires(platform, customer)

    def changing(hashes: Any) -> frozenset[str]:
        """Asked between the reading and the commit."""
        document = platform.firestore.collection(VERIFICATIONS).document(platform.customer_hash("c-2"))
        document.update({"age": 37})
        return frozenset()

    tally = Tally()
    Reminders(platform, changing).run(None, tally, 60)
    assert tally == Tally(looked_at=3, queued=2, changed=1)
    assert remind(platform) == Tally(looked_at=3, queued=1, waiting=2)
    assert set(mails(pubsub)) == {f"c-{number}@example.com" for number in (1, 2, 3)}


def test_page_by_page_to_the_end_or_to_where_time_was_over(platform: Platform, pubsub: PubSub) -> None:
    for number in range(5):
        # All at one moment: the customer's hash tells the order.
        expires(platform, f"c-{number}")
    reminders, tally = Reminders(platform, lambda hashes: frozenset(), page=2), Tally()
    place, rounds = reminders.run(None, tally, 0), 1
    while place is not None:
        place = pages.place_of(pages.message_of(place))
        place, rounds = reminders.run(place, tally, 0), rounds + 1
    assert (rounds, tally) == (3, Tally(looked_at=5, queued=5))
    assert len(mails(pubsub)) == 5


def test_nothing_personal_is_logged(platform: Platform, pubsub: PubSub, caplog: pytest.LogCaptureFixture) -> None:
    expires(platform, "c-1", email="ada.personal@example.com", full_name="Ada Personal")
    with caplog.at_level(logging.INFO):
        Reminders(platform, lambda hashes: frozenset()).report(remind(platform))
    logged = " ".join(str(vars(record)) for record in caplog.records)
    assert "expiry_reminders" in logged
    assert "ersonal" not in logged


def test_the_report_is_kept(platform: Platform, clock: TestClock) -> None:
    Reminders(platform, lambda hashes: frozenset()).report(Tally(looked_at=3, queued=2, no_address=1))
    kept = platform.firestore.collection("job_reports").document("expiry_emails").get().to_dict()
    assert (kept["queued"], kept["no_address"], kept["endedAt"]) == (2, 1, clock.now())


def test_noting_twice_keeps_the_first_time(platform: Platform, clock: TestClock) -> None:
    expires(platform, "c-1")
    first = clock.now()
    for _ in range(2):
        ExpiryNotices.on(platform).note(platform.customer_hash("c-1"), "av_c-1", clock.now(), sent=True)
        clock.advance(hours=1)
    assert record_of(platform, "c-1").expiry_notice_sent_at == first
    ExpiryNotices.on(platform).note("nobody", "av_c-1", clock.now(), sent=True)


def test_what_is_still_due(platform: Platform, clock: TestClock) -> None:
    expires(platform, "c-1")
    notices, customer_hash = ExpiryNotices.on(platform), platform.customer_hash("c-1")
    assert notices.still_due(customer_hash, "av_c-1")
    assert not notices.still_due(customer_hash, "av_other")
    assert not notices.still_due("nobody", "av_c-1")
    clock.advance(days=20)
    assert not notices.still_due(customer_hash, "av_c-1")


def test_a_note_survives_a_failed_attempt_and_ends_with_the_record(platform: Platform, clock: TestClock) -> None:
    expires(platform, "c-1")
    remind(platform)
    found = record_of(platform, "c-1")
    assert found.expiry_notice_queued_at == clock.now()
    assert found.expires_at == clock.now() + timedelta(days=20)
