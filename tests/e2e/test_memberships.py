"""A membership on the whole stack: paid at the gateway's simulator, released by its webhook, renewed by the job."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.stack import RunningStack, eventually

pytestmark = pytest.mark.xdist_group("stack")
AREA = "/api/memberships"
GATEWAY = "/_local/simulators/authorizenet"


def subscribe(stack: RunningStack, customer: str, token: str) -> Any:
    body = {
        "customerId": customer,
        "email": f"{customer}@example.com",
        "tier": "SILVER",
        "paymentMethod": {"type": "card", "token": token},
    }
    return stack.post(f"{AREA}/subscribe", json=body)


def membership(stack: RunningStack, customer: str) -> dict[str, Any]:
    return dict(stack.get(f"{AREA}/{customer}").json().get("membership", {}))


def rows(stack: RunningStack, kind: str) -> int:
    return len(stack.get(f"/_local/events?topic=membership-events&type={kind}").json()["events"])


def test_from_the_first_month_to_the_second(stack: RunningStack) -> None:
    stack.post("/_local/reset")
    assert subscribe(stack, "c-member", "tok_visa_member").status_code == 201
    assert stack.get(f"{AREA}/discount/c-member?subtotal=150.00").json()["discountAmount"] == 30.0

    held = subscribe(stack, "c-held", "tok_held_member")
    assert (held.status_code, held.json()["code"]) == (402, "payment_under_review")
    waiting = [t for t in stack.get(f"{GATEWAY}/transactions").json()["transactions"] if "Review" in t["status"]]
    stack.post(f"{GATEWAY}/transactions/{waiting[-1]['id']}/approve", json={})
    assert eventually(lambda: membership(stack, "c-held").get("status") == "active", 30)

    stack.post("/_local/clock", json={"advance": "P32D"})
    try:
        due = membership(stack, "c-member")["next_billing_date"]
        stack.post("/_local/jobs/memberships_renew")
        assert eventually(lambda: membership(stack, "c-member")["next_billing_date"] > due, 30)
        # The other card is held for review each time that it is charged.
        assert eventually(lambda: rows(stack, "membership.renewed") == 1, 30)
        stack.post("/_local/jobs/payments_reconcile")
        found = eventually(
            lambda: stack.get("/_local/events?topic=payment-events&type=payment.reconciled").json()["events"], 30
        )
        assert found
        assert found[-1]["data"]["data"]["green"] is True
        assert found[-1]["data"]["data"]["ourCents"] == 3 * 9700
    finally:
        stack.post("/_local/reset")
