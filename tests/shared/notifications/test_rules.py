"""Headers and addresses, as tables; what is kept of a server's words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.notifications.rules import (
    LONGEST_ANSWER,
    UNPRINTABLE,
    command_of,
    is_address,
    message_id,
    one_line,
    without_addresses,
)
from tests.factories.mails import AT, a_command, wire


@pytest.mark.parametrize(
    "text",
    ["a@example.com", "a.b+c@sub.example.com", "o'neil@example.com", "josé@example.com", "a_b@xn--bcher-kva.example"],
)
def test_an_address(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "@example.com",
        "a@",
        "a@b@example.com",
        "a b@example.com",
        "a@example.com\r\nBcc: b@example.com",
        "a\n@example.com",
        "a@example.com\x00",
        "a@example.com,b@example.com",
        "A <a@example.com>",
        "a@example.com>",
        "a..b@example.com",
        "a@example..com",
        "a@.example.com",
        "a@example.com.",
        "a\u2028@example.com",
        "a\u202e@example.com",
        '"a b"@example.com',
        "a" * 65 + "@example.com",
    ],
)
def test_no_address(text: str) -> None:
    assert not is_address(text)


@given(st.text(), st.integers(1, 200))
def test_one_line_is_one_line(text: str, longest: int) -> None:
    found = one_line(text, longest)
    assert len(found) <= longest
    assert not UNPRINTABLE.search(found)
    assert len(found.splitlines()) <= 1
    assert one_line(found, longest) == found


def test_a_mail_has_one_message_id() -> None:
    found = message_id("mail_1", "no-reply@example.com")
    assert found == message_id("mail_1", "no-reply@example.com")
    assert found != message_id("mail_2", "no-reply@example.com")
    assert found.endswith("@example.com>")


@given(st.text(max_size=400))
def test_no_address_is_kept_of_what_a_server_says(text: str) -> None:
    kept = without_addresses(f"550 5.1.1 <someone@example.com>: {text}")
    assert "@" not in kept
    assert "someone" not in kept
    assert len(kept) <= LONGEST_ANSWER


def test_a_command_is_read_as_it_was_written() -> None:
    command = a_command()
    assert command_of(wire(command), AT) == command


@pytest.mark.parametrize(
    "changes",
    [
        {"emailId": None},
        {"emailId": ""},
        {"emailId": "../x"},
        {"emailId": "a/b"},
        {"template": "nothing"},
        {"template": "../layout"},
        {"template": None},
        {"template": ["alert"]},
        {"to": None},
        {"data": None},
        {"data": "text"},
    ],
)
def test_what_nobody_can_send_is_poison(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="The mail"):
        command_of({**wire(a_command()), **changes}, AT)
