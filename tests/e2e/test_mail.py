"""Mail on a running stack: what a customer does shows at `/_local/mail` within seconds; previews."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from local.mail_examples import EXAMPLES
from tests.e2e.stack import RunningStack, eventually

pytestmark = pytest.mark.xdist_group("stack")


def mails(stack: RunningStack, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stack.get("/_local/mail.json", params=query).json()["mails"]
    return found


def subscribed(stack: RunningStack) -> str:
    """The address of somebody who has just become a member."""
    name = f"m-{uuid.uuid4().hex[:8]}"
    body = {
        "customerId": name,
        "email": f"{name}@example.com",
        "tier": "SILVER",
        "paymentMethod": {"type": "card", "token": "tok_visa"},
    }
    assert stack.post("/api/memberships/subscribe", json=body).status_code == 201
    return f"{name}@example.com"


def test_a_new_member_is_welcomed(stack: RunningStack) -> None:
    address = subscribed(stack)
    (found,) = eventually(lambda: mails(stack, to=address))
    assert (found["template"], found["copies"]) == ("membership_welcome", 1)
    assert mails(stack, to=address, template="membership_renewed") == []
    path = f"/_local/mail/{found['number']}"
    one = stack.get(path, params={"format": "json"}).json()
    assert "Paid now: $97.00" in one["text"]
    assert ["Message-ID", found["messageId"]] in [[name, value.strip()] for name, value in one["headers"]]
    assert address in stack.get(f"{path}/raw").text
    page, body = stack.get(path), stack.get(f"{path}/html")
    assert f'<iframe sandbox title="The mail\'s HTML part" src="{path}/html">' in page.text
    assert body.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    listed = stack.get("/_local/mail", headers={"Accept": "text/html"})
    assert address in listed.text
    assert stack.get("/_local/mail", headers={"Accept": "application/json"}).json()["count"] >= 1
    eventually(lambda: [e for e in stack.events(type="mail.sent") if e["data"]["data"]["emailId"]])


def test_every_template_can_be_looked_at(stack: RunningStack) -> None:
    listed = stack.get("/_local/mail/templates").text
    for name, states in EXAMPLES.items():
        assert f"/_local/mail/templates/{name}" in listed
        state = next(iter(states))
        whole = stack.get(f"/_local/mail/templates/{name}", params={"state": state})
        assert whole.status_code == 200
        parts = {part: stack.get(f"/_local/mail/templates/{name}", params={"part": part}).text for part in PARTS}
        assert parts["html"].startswith("<!doctype html>")
        assert "LivHana" in parts["text"]
        assert "Subject: " in parts["headers"]
    assert stack.get("/_local/mail/templates/nothing").status_code == 404
    assert stack.get("/_local/mail/templates/alert?state=nothing").status_code == 404
    assert stack.get("/_local/mail/999999").status_code == 404


PARTS = ("html", "text", "headers")
