"""The simulated mail server, spoken to word by word."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator

import pytest

from local.simulators.smtp import PASSWORD, USER
from local.simulators.smtp_certificate import pem_of_certificate
from tests.factories.mail_fixtures import running_server
from tests.factories.mails import MailServer

__all__ = ["running_server"]
MAIL = b"Message-ID: <1@example.com>\r\nSubject: Hello\r\nX-Template: alert\r\n\r\nText\r\n"


@pytest.fixture
def server(running_server: MailServer) -> MailServer:
    running_server.clear()
    return running_server


@pytest.fixture
def client(server: MailServer) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", server.port + 1, timeout=10) as smtp:
        yield smtp


@pytest.fixture
def known(client: smtplib.SMTP) -> smtplib.SMTP:
    client.starttls(context=ssl.create_default_context(cadata=pem_of_certificate()))
    client.login(USER, PASSWORD)
    return client


def test_nothing_without_tls_and_a_sign_in(client: smtplib.SMTP) -> None:
    client.ehlo()
    assert client.has_extn("starttls")
    assert not client.has_extn("auth")
    assert client.docmd("AUTH", "PLAIN AGxvY2FsAG1hZGUtdXA=")[0] == 538
    assert client.mail("a@example.com")[0] == 530
    client.starttls(context=ssl.create_default_context(cadata=pem_of_certificate()))
    client.ehlo()
    assert not client.has_extn("starttls")
    assert client.mail("a@example.com")[0] == 530
    with pytest.raises(smtplib.SMTPAuthenticationError):
        client.login(USER, "wrong")


@pytest.mark.parametrize("method", ["auth_plain", "auth_login"])
def test_both_ways_to_sign_in(client: smtplib.SMTP, method: str) -> None:
    client.starttls(context=ssl.create_default_context(cadata=pem_of_certificate()))
    client.ehlo()
    client.user, client.password = USER, PASSWORD
    name = method.removeprefix("auth_").upper()
    assert client.auth(name, getattr(client, method))[0] == 235


def test_a_mail_is_caught(known: smtplib.SMTP, server: MailServer) -> None:
    known.sendmail("a@example.com", ["b@example.com", "c@example.com"], MAIL)
    assert [(m["to"], m["from"], m["subject"], m["template"], m["copies"]) for m in server.mails()] == [
        ("c@example.com", "a@example.com", "Hello", "alert", 1),
        ("b@example.com", "a@example.com", "Hello", "alert", 1),
    ]
    assert [m["to"] for m in server.mails(to="b@")] == ["b@example.com"]
    assert len(server.mails(template="alert")) == 2
    assert server.mails(template="membership_renewed") == []


def test_copies_of_one_message_are_filed_once(known: smtplib.SMTP, server: MailServer) -> None:
    for _ in range(3):
        known.sendmail("a@example.com", "b@example.com", MAIL)
    (found,) = server.mails()
    assert found["copies"] == 3
    counts = server.counts()
    assert (counts["mails"], counts["copies"], counts["transmissions"]) == (1, 3, 3)
    assert counts["recipients"] == {"b@example.com": [1, 3]}


def test_words_out_of_order(known: smtplib.SMTP) -> None:
    assert known.docmd("DATA")[0] == 503
    assert known.rcpt("b@example.com")[0] == 503
    assert known.docmd("MAIL", "FROM:a@example.com")[0] == 501
    assert known.docmd("NONSENSE")[0] == 502
    assert known.mail("a@example.com")[0] == 250
    assert known.mail("a@example.com")[0] == 503
    assert known.rset()[0] == 250
    assert known.mail("a@example.com")[0] == 250


def test_a_line_without_its_end_and_one_that_is_too_long(known: smtplib.SMTP, server: MailServer) -> None:
    for body in (b"bare\nline\r\n", b"x" * 1200 + b"\r\n"):
        known.mail("a@example.com")
        known.rcpt("b@example.com")
        known.docmd("DATA")
        known.send(b"Subject: x\r\n\r\n" + body + b".\r\n")
        assert known.getreply()[0] == 500
    assert server.mails() == []


def test_the_greylist_takes_the_second_time(known: smtplib.SMTP, server: MailServer) -> None:
    server.trap(greylist=1)
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        known.sendmail("a@example.com", "b@example.com", MAIL)
    assert refused.value.recipients["b@example.com"][0] == 451
    known.sendmail("a@example.com", "b@example.com", MAIL)
    assert len(server.mails()) == 1


def test_a_server_that_is_down_says_nothing(server: MailServer) -> None:
    server.trap(down=1)
    with socket.create_connection(("127.0.0.1", server.port + 1), timeout=10) as connection:
        assert connection.recv(100) == b""


def test_mails_survive_a_restart_and_a_reset_does_not_keep_them(known: smtplib.SMTP, server: MailServer) -> None:
    known.sendmail("a@example.com", "b@example.com", MAIL)
    known.close()
    server.restart()
    server.wait_until_seeded()
    (found,) = server.mails()
    assert "Text" in server.message(found["number"]).get_content()
    server.clear()
    assert server.mails() == []
