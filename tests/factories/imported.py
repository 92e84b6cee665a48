"""Prints what each function named on the command line imports: when it is loaded, and after one good request.

Each is loaded in a forked process of its own. Only what a function has: it runs in the lean environment. Those that
serve have the Firestore client, which is most of the time, from their parent: it is in what each of them has imported.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

# No handler knows this type.
EVENT = {"type": "nothing.happened", "eventId": "evt_1"}
COMMANDS = {
    **json.loads(Path(__file__).with_name("commands.json").read_text()),
    "cache-refresh": {"view": "dashboard", "params": {"source": "all"}},
    "payment-notices": {"transactionId": "1"},
    "raffle-refunds": {},
    "sync-requests": {"source": "square"},
}
QUERIES = {"memberships_discount": {"subtotal": "150.00"}, "verification_policy": {"state": "TX"}}


def loaded(name: str) -> list[str]:
    from functions_framework import create_app

    create_app(name, "main.py")
    return sorted(sys.modules)


def served(name: str) -> list[str]:
    from functions_framework import create_app

    client = create_app(name, "main.py").test_client()
    method, path, options = request_to(name)
    answer = client.open(path, method=method, **options)
    assert answer.status_code in (200, 201, 202, 404), (name, answer.status_code, answer.text)
    return sorted(sys.modules)


def request_to(name: str) -> tuple[str, str, dict[str, object]]:
    """A request that the function's whole road is walked for."""
    from shared.runtime.declare import SIGNED, Endpoint, declaration_of
    from shared.runtime.serve import module_name

    declared = declaration_of(sys.modules[module_name(name)].handle)
    if not isinstance(declared, Endpoint):
        asked = COMMANDS.get(declared.topics[0], EVENT)
        data = base64.b64encode(json.dumps(asked).encode()).decode()
        message = {"data": data, "messageId": "1", "publishTime": "2026-07-01T17:00:00Z"}
        return "POST", "/projects/p/topics/t", {"json": {"subscription": "s", "message": message}}
    if declared.auth == SIGNED:
        signed = signed_by_gateway() if name.startswith("payments") else signed_by_square(declared.path)
        return declared.method, declared.path, signed
    return (
        declared.method,
        declared.path.format(customer_id="c-1", job_id="job_1", raffle_id="RAFFLE_1", source="lightspeed"),
        {
            "headers": {"Authorization": f"Bearer {token()}"},
            "json": body_of(name) if declared.body else None,
            "query_string": link() if name.startswith("notifications") else QUERIES.get(name),
        },
    )


def body_of(name: str) -> dict[str, object]:
    person = {"fullName": "Ann Example", "dateOfBirth": "1990-01-31", "idNumberLast4": "1234", "state": "TX"}
    card = {"type": "card", "token": "tok_visa"}
    bodies: dict[str, dict[str, object]] = {
        "memberships_subscribe": {"email": "ann@example.com", "tier": "SILVER", "paymentMethod": card},
        "memberships_upgrade": {"newTier": "GOLD"},
        "raffles_create": {
            "name": "Blue Dream",
            "prize": "A year of tea",
            "ticketPrice": 50,
            "maxTickets": 5,
            "drawDate": "2099-03-31T17:00:00Z",
        },
        "raffles_purchase": {
            "customerEmail": "ann@example.com",
            "customerName": "Ann Example",
            "numTickets": 1,
            "paymentMethod": card,
        },
        "verification_verify": dict(person),
        "verification_resubmit": dict(person),
    }
    found = bodies.get(name, {})
    return {"customerId": "c-1", **found} if len(found) > 1 and name != "raffles_create" else found


def link() -> dict[str, str]:
    """To unsubscribe, as it is signed for one customer."""
    customer = "a" * 64
    key = base64.b64decode(os.environ["CUSTOMER_HASH_KEY"])
    return {"c": customer, "s": hmac.digest(key, f"unsubscribe|{customer}".encode(), hashlib.sha256).hex()}


def signed_by_gateway() -> dict[str, object]:
    payload = {"entityName": "transaction", "id": "1"}
    kind = "net.authorize.payment.authcapture.created"
    notice = json.dumps({"notificationId": "n-1", "eventType": kind, "payload": payload}).encode()
    tag = hmac.new(os.environ["AUTHORIZE_NET_SIGNATURE_KEY"].encode(), notice, hashlib.sha512).hexdigest().upper()
    return {"data": notice, "content_type": "application/json", "headers": {"X-ANET-Signature": f"sha512={tag}"}}


def signed_by_square(path: str) -> dict[str, object]:
    event = json.dumps({"event_id": "e-1", "type": "payment.updated", "data": {"id": "payment-1"}}).encode()
    signed = f"{os.environ['PUBLIC_URL']}{path}".encode() + event
    tag = hmac.digest(os.environ["SQUARE_WEBHOOK_SIGNATURE_KEY"].encode(), signed, hashlib.sha256)
    headers = {"x-square-hmacsha256-signature": base64.b64encode(tag).decode()}
    return {"data": event, "content_type": "application/json", "headers": headers}


def token() -> str:
    """Signed by hand: PyJWT must not be imported by this script."""

    def part(raw: bytes) -> bytes:
        return base64.urlsafe_b64encode(raw).rstrip(b"=")

    claims = {"sub": "a-1", "role": "admin", "aud": "livhana-api", "iss": "livhana", "exp": int(time.time()) + 600}
    signed = part(b'{"alg":"HS256"}') + b"." + part(json.dumps(claims).encode())
    tag = hmac.digest(os.environ["JWT_SECRET"].encode(), signed, hashlib.sha256)
    return (signed + b"." + part(tag)).decode()


def in_a_fork(of: Callable[[str], list[str]], name: str) -> list[str]:
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(2, 1)  # log lines go to standard error
        found = of(name)
        with os.fdopen(send, "w") as out:
            json.dump(found, out)
        os._exit(0)
    os.close(send)
    with os.fdopen(receive) as lines:
        text = lines.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, f"{name} failed"
    found: list[str] = json.loads(text)
    return found


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    # What every function begins with, once for all of them.
    import functions_framework  # noqa: F401

    at_first = {name: in_a_fork(loaded, name) for name in sys.argv[1:]}
    import google.cloud.firestore  # noqa: F401

    print(json.dumps({name: {"loaded": at_first[name], "served": in_a_fork(served, name)} for name in sys.argv[1:]}))
