"""The SMTP client against a mail server of ours that misbehaves as real ones do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.integrations.smtp import MAILS_A_CONNECTION, Smtp, parse_url
from shared.notifications.errors import Doubtful, Refused
from shared.notifications.letters import Sender, letter
from shared.notifications.rendering import Templates
from shared.platform.clock import Clock
from shared.platform.errors import Misconfigured, Unavailable
from shared.platform.settings import Settings
from tests.factories.mail_fixtures import running_server
from tests.factories.mails import AT, MAIL_FROM, MailServer, a_command

__all__ = ["running_server"]
Connect = Callable[..., Smtp]


@pytest.fixture
def server(running_server: MailServer) -> MailServer:
    running_server.clear()
    return running_server


@pytest.fixture
def connect(server: MailServer) -> Connect:
    def made(**changes: str) -> Smtp:
        variables = {**server.environment(), "GOOGLE_CLOUD_PROJECT": "p", "ENVIRONMENT": "production", **changes}
        settings = Settings.load(variables)
        return Smtp(parse_url("SMTP_URL", settings.smtp_url), settings, Clock())

    return made


def send(mailer: Smtp, to: str = "member@example.com", seconds: float = 10.0, **changes: Any) -> str:
    command = a_command(to=to, **changes)
    sender = Sender.parse(MAIL_FROM, "help@example.com")
    rendered = Templates("America/Chicago", sender.name).render(command)
    return mailer.send(letter(command, rendered, sender, "", AT), to, seconds)


def test_a_mail_arrives_as_it_was_sent(connect: Connect, server: MailServer) -> None:
    assert send(connect()) == f"250 2.0.0 Ok: queued as {server.mails()[0]['number']:08X}"
    found = server.one()
    assert found["From"] == "Liv Hana <no-reply@example.com>"
    assert found["To"] == "member@example.com"
    assert found["Reply-To"] == "help@example.com"
    assert found["Subject"] == "Your SILVER membership is renewed"
    assert "Paid now: $97.00" in found.get_body(("plain",)).get_content()


def test_lines_of_dots_come_through(connect: Connect, server: MailServer) -> None:
    send(connect(), data={**a_command().data, "tier": ". .. ..."})
    assert ". .. ..." in server.one().get_body(("plain",)).get_content()


def test_one_connection_takes_many_mails_and_is_renewed(connect: Connect, server: MailServer) -> None:
    mailer = connect()
    opened: list[object] = []
    for number in range(MAILS_A_CONNECTION + 1):
        if number in (0, 1, MAILS_A_CONNECTION - 1, MAILS_A_CONNECTION):
            send(mailer, id=f"mail_{number}")
            opened.append(mailer._idle.queue[-1].smtp)
        else:
            mailer._idle.queue[-1].mails += 1
    assert len(server.mails()) == 4
    assert opened[0] is opened[1] is opened[2]
    assert opened[3] is not opened[0]


@pytest.mark.parametrize(
    "trap",
    [
        {"not_now": 1},
        {"not_now_recipient": 1},
        {"greylist": 1},
        {"refuse_sender": 1},
        {"wrong_password": 1},
        {"hang_up": 1},
        {"down": 1},
        {"no_tls": 1},
    ],
    ids=str,
)
def test_what_may_be_otherwise_the_next_time(connect: Connect, server: MailServer, trap: dict[str, int]) -> None:
    server.trap(**trap)
    mailer = connect()
    with pytest.raises(Unavailable) as failure:
        send(mailer)
    assert not isinstance(failure.value, Doubtful)
    assert "example.com" not in failure.value.sentence
    server.clear_traps()
    send(mailer)
    server.one()


@pytest.mark.parametrize(
    ("trap", "code"), [({"refuse_recipients": "member"}, "550"), ({"refuse_messages": "member"}, "554")]
)
def test_what_will_never_be_taken(connect: Connect, server: MailServer, trap: dict[str, str], code: str) -> None:
    server.trap(**trap)
    mailer = connect()
    with pytest.raises(Refused) as refusal:
        send(mailer)
    assert refusal.value.code == code
    assert "@" not in refusal.value.answer
    assert refusal.value.answer
    # The others are not held up, on the same connection.
    kept = mailer._idle.queue[-1].smtp
    send(mailer, "other@example.com")
    assert mailer._idle.queue[-1].smtp is kept
    server.one()


@pytest.mark.parametrize(("trap", "taken"), [("drop_before", 0), ("drop_after", 1)])
def test_silence_after_the_message_is_doubtful(connect: Connect, server: MailServer, trap: str, taken: int) -> None:
    server.trap(**{trap: 1})
    mailer = connect()
    with pytest.raises(Doubtful):
        send(mailer)
    assert len(server.mails()) == taken
    server.clear_traps()
    send(mailer)
    (found,) = server.mails()
    assert found["copies"] == 1 + taken


def test_a_kept_connection_that_has_ended_costs_nothing(connect: Connect, server: MailServer) -> None:
    mailer = connect()
    send(mailer, id="mail_1")
    server.trap(hang_up=2)
    # The second MAIL since the switch: on the kept connection, which then ends.
    send(mailer, id="mail_2")
    send(mailer, id="mail_3")
    assert [found["copies"] for found in server.mails()] == [1, 1, 1]


def test_a_slow_server_does_not_outlast_the_claim(connect: Connect, server: MailServer) -> None:
    mailer = connect()
    send(mailer, id="mail_1")
    server.trap(slow_ms=300)
    with pytest.raises(Unavailable):
        send(mailer, id="mail_2", seconds=0.4)
    assert len(server.mails()) == 1


def test_a_server_that_nobody_vouches_for_is_told_nothing(connect: Connect, server: MailServer) -> None:
    with pytest.raises(Unavailable, match="SSLCertVerificationError"):
        send(connect(SMTP_CA=""))
    assert server.counts()["transmissions"] == 0


def test_nobody_listens(connect: Connect) -> None:
    with pytest.raises(Unavailable, match="ConnectionRefusedError"):
        send(connect(SMTP_URL="smtp://127.0.0.1:1"))


def test_without_tls_on_a_developers_machine_only(connect: Connect, server: MailServer) -> None:
    server.trap(no_tls=1)
    send(connect(ENVIRONMENT="local"))
    server.one()


def test_no_address_and_no_password_is_logged(
    connect: Connect, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for trap in ({"not_now_recipient": 1}, {"refuse_sender": 1}, {"wrong_password": 1}, {"drop_after": 1}):
            server.clear_traps()
            server.trap(**trap)
            with pytest.raises(Unavailable):
                send(connect())
    told = " ".join(str(vars(record)) for record in caplog.records)
    assert "mail_server_unavailable" in told
    assert "member@" not in told
    assert "made-up" not in told


@pytest.mark.parametrize(
    ("text", "host", "port", "tls", "user", "password"),
    [
        ("smtp://user:pass@mail.example.com:2525", "mail.example.com", 2525, False, "user", "pass"),
        ("smtp://mail.example.com", "mail.example.com", 587, False, "", ""),
        ("smtps://mail.example.com", "mail.example.com", 465, True, "", ""),
        ("smtp://apikey:SG.a%2Fb%40c@smtp.example.com/", "smtp.example.com", 587, False, "apikey", "SG.a/b@c"),
        (" smtp://a%40example.com:p@h ", "h", 587, False, "a@example.com", "p"),
    ],
)
def test_an_url(text: str, host: str, port: int, tls: bool, user: str, password: str) -> None:
    found = parse_url("SMTP_URL", text)
    assert (found.host, found.port, found.implicit_tls, found.user, found.password) == (host, port, tls, user, password)
    assert "password" not in repr(found)


@pytest.mark.parametrize(
    "text", ["mail.example.com:587", "http://h", "smtp://", "smtp://u:secret@h:99999", "smtp://h/path", "smtp://h?x=1"]
)
def test_what_is_no_url_is_not_shown(text: str) -> None:
    with pytest.raises(Misconfigured) as refusal:
        parse_url("SMTP_URL", text)
    assert "SMTP_URL must be smtp://" in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_a_sender_is_needed() -> None:
    with pytest.raises(Misconfigured, match="MAIL_FROM"):
        Settings.load({"GOOGLE_CLOUD_PROJECT": "p", "SMTP_URL": "smtp://h"})


@pytest.mark.parametrize("text", ["", "nobody", "a@b@c", "A <a@example.com>\r\nBcc: b@example.com", "é@example.com"])
def test_what_is_no_sender(text: str) -> None:
    if text:
        with pytest.raises(Misconfigured, match="MAIL_FROM is no address"):
            Sender.parse(text, "")
    else:
        assert replace(Sender.parse(text, ""), reply_to="") == Sender("LivHana", "no-reply@example.com", "")
