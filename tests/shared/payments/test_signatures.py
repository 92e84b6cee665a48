"""Signatures of the gateway's webhooks, by the vector that stymiee/authnetjson publishes (AuthnetWebhookTest.php)."""

from __future__ import annotations

import pytest

from shared.payments.signatures import is_genuine, signature

KEY = (
    "52CB4A002C634B84E397DC8A218E1A160BA7CAB7CBE4C05B35E9CBB05E14FE4A"
    "2385812E980CCF97D177F17863CE214D1BE6CE8E1E894487AACF3609C1A5FE17"
)
BODY = (
    b'{"notificationId":"182cbbff-cab2-4080-931d-80e5d818f23a","eventType":"net.authorize.payment.authcapture.created",'
    b'"eventDate":"2017-08-18T20:40:52.7722007Z","webhookId":"849eb87e-078a-4169-a34b-c0bded5019a8","payload":'
    b'{"responseCode":0,"authCode":"Z3PV5H","avsResponse":"Y","authAmount":0.0,"entityName":"transaction",'
    b'"id":"40005915599"}}'
)
HEX = (
    "A1E0CC0F8A7B6274E0951CAC5EB63579F70FC6B7B15384B146DCE02B98DEE395"
    "4A5A8E331661B51DE953E141E88994DFA7D267FFB8428BE0660511B6EFB94960"
)


def test_the_published_vector() -> None:
    assert signature(KEY, BODY) == f"sha512={HEX}"


@pytest.mark.parametrize("header", [f"sha512={HEX}", f"sha512={HEX.lower()}", f"SHA512={HEX}", f" sha512={HEX} "])
def test_the_case_of_the_hex_does_not_matter(header: str) -> None:
    assert is_genuine(KEY, BODY, header)


@pytest.mark.parametrize("header", ["", "sha512=", HEX, f"sha256={HEX}", f"sha512={HEX[:-1]}", "sha512=\xe9", "="])
def test_what_is_not_signed(header: str) -> None:
    assert not is_genuine(KEY, BODY, header)


def test_another_body_or_another_key() -> None:
    assert not is_genuine(KEY, BODY + b" ", f"sha512={HEX}")
    assert not is_genuine(KEY[::-1], BODY, f"sha512={HEX}")


@pytest.mark.parametrize(("key", "body"), [("", BODY), (KEY, b"")])
def test_nothing_is_genuine_without_a_key_or_a_body(key: str, body: bytes) -> None:
    assert not is_genuine(key, body, signature(key, body))
