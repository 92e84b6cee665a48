"""Each mail once: redeliveries, refusals, deaths between two lines, and what is kept of it all."""

from __future__ import annotations

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import jinja2
import pytest

from local.provision import PubSub
from shared.integrations.smtp import connect
from shared.notifications.errors import BeingSent, Doubtful, NotSetUp
from shared.notifications.models import FAILED, LEASE, SENT, SKIPPED, Command
from shared.notifications.preferences import Preferences
from shared.notifications.repository import MAILS
from shared.notifications.service import MailService
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.platform.ids import Ids
from tests.factories.clock import TestClock
from tests.factories.documents import documents
from tests.factories.lost_answers import LossyClient
from tests.factories.mails import MailServer, a_command
from tests.factories.messages import data_of, pulled

REMINDER = {"name": "Ada Example", "expiresAt": "2026-07-31", "reverifyUrl": "https://shop.example.com/verify"}


@pytest.fixture
def mails(sending_platform: Platform) -> MailService:
    return MailService(sending_platform, connect(sending_platform))


def another(platform: Platform) -> MailService:
    """Another instance."""
    fresh = Platform(platform.settings, platform.clock, Ids(platform.clock))
    return MailService(fresh, connect(fresh))


def kept(platform: Platform, email_id: str = "mail_1") -> dict[str, Any]:
    found: dict[str, Any] = platform.firestore.collection(MAILS).document(email_id).get().to_dict()
    return found


def told(pubsub: PubSub) -> list[dict[str, Any]]:
    return [data_of(message) for message in pulled(pubsub, "mail-events")]


def reminder(**changes: Any) -> Command:
    return a_command(template="age-verification-expiring", data=REMINDER, about="av_1", **changes)


def test_a_mail_is_sent_marked_and_told(
    mails: MailService, sending_platform: Platform, server: MailServer, pubsub: PubSub, clock: TestClock
) -> None:
    assert mails.send(a_command()) == SENT
    found = server.one()
    document = kept(sending_platform)
    assert (document["state"], document["attempts"], document["endedAt"]) == (SENT, 1, clock.now())
    assert document["messageId"] == str(found["Message-ID"]).strip()
    assert document["answer"].startswith("250 2.0.0 Ok: queued as")
    (event,) = told(pubsub)
    assert (event["type"], event["customerHash"]) == ("mail.sent", "a" * 64)
    assert event["data"] == {
        "emailId": "mail_1",
        "template": "membership_renewed",
        "about": "MEM_1",
        "attempts": 1,
        "code": None,
    }


def test_a_message_that_comes_again_sends_nothing(
    mails: MailService, sending_platform: Platform, server: MailServer, pubsub: PubSub
) -> None:
    for service in (mails, mails, another(sending_platform)):
        assert service.send(a_command()) == SENT
    server.one()
    assert server.counts()["transmissions"] == 1
    assert len(told(pubsub)) == 1


def test_of_many_deliveries_at_once_one_sends(
    mails: MailService, sending_platform: Platform, server: MailServer
) -> None:
    services = [mails, another(sending_platform)]
    ready = threading.Barrier(8)

    def deliver(number: int) -> str:
        ready.wait()
        try:
            return services[number % 2].send(a_command())
        except BeingSent:
            return "again"

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(deliver, range(8)))
    assert SENT in outcomes
    server.one()
    assert server.counts()["transmissions"] == 1


def test_what_is_refused_for_good_is_recorded_and_not_tried_again(
    mails: MailService, sending_platform: Platform, server: MailServer, pubsub: PubSub
) -> None:
    server.trap(refuse_recipients="member")
    assert [mails.send(a_command()) for _ in range(2)] == [FAILED, FAILED]
    document = kept(sending_platform)
    assert (document["state"], document["code"]) == (FAILED, "550")
    (event,) = told(pubsub)
    assert (event["type"], event["data"]["code"]) == ("mail.failed", "550")
    assert server.mails() == []


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@example.com\r\nBcc: b@example.com", "a@b@example.com", "josé@example.com"]
)
def test_no_address_is_a_refusal_of_our_own(
    mails: MailService, sending_platform: Platform, server: MailServer, address: str
) -> None:
    assert mails.send(a_command(to=address)) == FAILED
    assert kept(sending_platform)["code"].startswith(("invalid_address", "address_not_ascii"))
    assert server.counts()["transmissions"] == 0


def test_a_domain_of_another_script_is_sent_to(mails: MailService, server: MailServer) -> None:
    mails.send(a_command(to="member@bücher.example"))
    assert server.mails()[0]["to"] == "member@xn--bcher-kva.example"


def test_what_fails_for_now_comes_at_once_when_it_comes_again(
    mails: MailService, sending_platform: Platform, server: MailServer, pubsub: PubSub
) -> None:
    server.trap(not_now=1)
    for _ in range(3):
        with pytest.raises(Unavailable):
            mails.send(a_command())
    assert told(pubsub) == []
    server.clear_traps()
    assert another(sending_platform).send(a_command()) == SENT
    server.one()
    assert kept(sending_platform)["attempts"] == 4


def test_an_instance_that_died_after_its_claim_is_taken_over(
    mails: MailService, sending_platform: Platform, server: MailServer, clock: TestClock
) -> None:
    mails._claim(a_command())
    other = another(sending_platform)
    with pytest.raises(BeingSent):
        other.send(a_command())
    clock.advance(seconds=LEASE.total_seconds() - 1)
    with pytest.raises(BeingSent):
        other.send(a_command())
    clock.advance(seconds=1)
    assert other.send(a_command()) == SENT
    server.one()


def test_an_instance_that_died_after_the_server_took_it_is_the_doubtful_moment(
    mails: MailService, sending_platform: Platform, server: MailServer, clock: TestClock, pubsub: PubSub
) -> None:
    """Sent again under the same Message-ID, so that the receiver files it once."""
    claimed = mails._claim(a_command())
    assert mails._mailer is not None
    mails._handed_over(a_command(), mails._mailer)
    clock.advance(seconds=LEASE.total_seconds())
    assert another(sending_platform).send(a_command()) == SENT
    (found,) = server.mails()
    assert found["copies"] == 2
    # The first one, should it wake up, marks nothing and tells nothing.
    assert mails._end(claimed, SENT) == SENT
    assert len(told(pubsub)) == 1


def test_a_lost_answer_is_doubtful_too(mails: MailService, server: MailServer) -> None:
    server.trap(drop_after=1)
    with pytest.raises(Doubtful):
        mails.send(a_command())
    server.clear_traps()
    assert mails.send(a_command()) == SENT
    (found,) = server.mails()
    assert found["copies"] == 2


def test_without_a_provider_nothing_is_claimed_and_nothing_dropped(
    sending_platform: Platform, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(NotSetUp), caplog.at_level(logging.ERROR):
        MailService(sending_platform, None).send(a_command())
    assert "mail_not_set_up" in caplog.messages
    assert not sending_platform.firestore.collection(MAILS).document("mail_1").get().exists
    assert another(sending_platform).send(a_command()) == SENT


def test_data_that_a_template_cannot_show_fail_loudly(mails: MailService, server: MailServer) -> None:
    with pytest.raises(jinja2.UndefinedError):
        mails.send(a_command(data={}))
    # Mended and replayed, it is sent.
    assert mails.send(a_command()) == SENT
    server.one()


def test_who_has_unsubscribed_gets_no_reminder_and_everything_else(
    mails: MailService, sending_platform: Platform, server: MailServer, pubsub: PubSub
) -> None:
    Preferences.on(sending_platform).unsubscribe("a" * 64)
    assert mails.send(reminder(id="mail_r")) == SKIPPED
    assert mails.send(a_command()) == SENT
    server.one()
    assert [event["data"]["emailId"] for event in told(pubsub)] == ["mail_1"]


def test_what_nobody_wants_any_more_is_not_sent(mails: MailService, server: MailServer) -> None:
    assert [mails.send(reminder(), wanted=False), mails.send(reminder())] == [SKIPPED, SKIPPED]
    assert server.counts()["transmissions"] == 0


def test_the_link_to_unsubscribe_is_in_the_mail(
    mails: MailService, sending_platform: Platform, server: MailServer
) -> None:
    mails.send(reminder())
    link = Preferences.on(sending_platform).link("a" * 64)
    found = server.one()
    assert "".join(str(found["List-Unsubscribe"]).split()) == f"<{link}>"
    assert link in found.get_body(("plain",)).get_content()


def test_nothing_personal_is_kept_or_logged(
    mails: MailService, sending_platform: Platform, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        mails.send(reminder(to="ada.personal@example.com"))
        server.trap(refuse_recipients="personal")
        mails.send(reminder(id="mail_2", to="ada.personal@example.com"))
        server.trap(refuse_recipients="", not_now_recipient=1)
        with pytest.raises(Unavailable):
            mails.send(reminder(id="mail_3", to="ada.personal@example.com"))
    stored = json.dumps(documents(sending_platform.firestore), default=str)
    logged = " ".join(str(vars(record)) for record in caplog.records)
    for text in ("personal", "Ada", "Example"):
        assert text not in stored
        assert text not in logged


def test_it_is_forgotten_after_all_redeliveries(mails: MailService, sending_platform: Platform) -> None:
    mails.send(a_command())
    document = kept(sending_platform)
    assert document["expireAt"] - document["endedAt"] >= timedelta(days=62)


def test_lost_answers_of_firestore_cost_nothing(server: MailServer, sending_platform: Platform, pubsub: PubSub) -> None:
    """Claim and mark arrive, and nobody hears so: it is sent once, at once, and told once."""
    store = LossyClient(project=sending_platform.settings.project)
    sending_platform.__dict__["firestore"] = store
    service = MailService(sending_platform, connect(sending_platform))
    store.losing = True
    assert service.send(a_command()) == SENT
    store.losing = False
    assert another(sending_platform).send(a_command()) == SENT
    server.one()
    assert server.counts()["transmissions"] == 1
    assert len({event["eventId"] for event in told(pubsub)}) == 1
