"""The Authorize.Net simulator's traps, its control API and its webhooks."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from local.simulators.authorizenet import URL
from local.simulators.authorizenet_account import LOGIN, SIGNATURE_KEY, TRANSACTION_KEY
from local.simulators.authorizenet_notices import signature
from local.simulators.process import SimulatorFailed
from tests.local.authorizenet_client import CREATE, DETAILS, Merchant, code, reason, running

ADA = {"id": "ada", "email": "ada@example.com"}
KEEP = {"profile": {"createProfile": True}, "customer": ADA}
PAYMENT = "net.authorize.payment."
Received = list[tuple[dict[str, str], bytes]]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Merchant]:
    with running(tmp_path_factory.mktemp("authorizenet")) as merchant:
        yield merchant


@pytest.fixture
def merchant(account: Merchant) -> Merchant:
    return account.fresh()


@pytest.fixture
def receiver() -> Iterator[tuple[str, Received]]:
    """A subscriber that refuses the first delivery."""
    received: Received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(500 if len(received) == 1 else 200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quietly."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook", received
        server.shutdown()


def events(merchant: Merchant) -> list[str]:
    return [found["eventType"].removeprefix(PAYMENT) for found in merchant.gateway.notifications()]


def fails(call: Callable[[], object]) -> bool:
    try:
        call()
    except SimulatorFailed:
        return True
    return False


def test_an_answer_is_lost_after_the_charge_and_a_request_before_it(merchant: Merchant) -> None:
    merchant.gateway.trap(lost_answer=2)
    assert [fails(merchant.charged) for _ in range(4)] == [False, True, False, True]
    assert merchant.gateway.ledger("charges")["count"] == 4
    merchant.gateway.trap(lost_request=1)
    assert [fails(merchant.charged) for _ in range(2)] == [True, True]
    assert code(merchant.unsettled()) == "I00001"
    assert merchant.gateway.ledger("charges")["count"] == 4
    assert merchant.gateway.requests()["byStatus"]["dropped"] == 4


def test_a_slow_charge_is_carried_out_after_its_client_has_gone(merchant: Merchant) -> None:
    merchant.gateway.trap(slow_charge=300)
    caller = {"merchantAuthentication": {"name": LOGIN, "transactionKey": TRANSACTION_KEY}}
    token = {"dataDescriptor": "COMMON.ACCEPT.INAPP.PAYMENT", "dataValue": "tok_a"}
    asked = {"transactionType": "authCaptureTransaction", "amount": "1", "payment": {"opaqueData": token}}
    with pytest.raises(requests.Timeout):
        requests.post(merchant.gateway.url + URL, json={CREATE: {**caller, "transactionRequest": asked}}, timeout=0.1)
    assert merchant.gateway.transactions() == []
    deadline = time.monotonic() + 5
    while not merchant.gateway.transactions() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert merchant.gateway.ledger("charges")["cents"] == 100


def test_it_is_down_for_all_or_for_some(merchant: Merchant) -> None:
    merchant.gateway.trap(down=True)
    assert fails(merchant.unsettled)
    merchant.gateway.trap(down=503)
    reply = requests.post(merchant.gateway.url + URL, json={DETAILS: {}}, timeout=5)
    assert (reply.status_code, reply.content[:1]) == (503, b"<")
    merchant.gateway.trap(down=f"{DETAILS},{CREATE}")
    assert fails(merchant.charged)
    assert code(merchant.unsettled()) == "I00004"


def test_every_nth_charge_is_declined_or_held(merchant: Merchant) -> None:
    merchant.gateway.trap(decline=2, hold=3)
    found = [reason(merchant.charge(order={"invoiceNumber": str(number)})) for number in range(6)]
    assert found == ["1/1", "2/2", "4/253", "2/2", "1/1", "2/2"]


def test_answers_are_garbled_and_schemas_refused_by_kind_of_call(merchant: Merchant) -> None:
    merchant.gateway.trap(garbled=2)
    merchant.charged()
    merchant.unsettled()
    with pytest.raises(json.JSONDecodeError):
        merchant.charged()
    with pytest.raises(json.JSONDecodeError):
        merchant.unsettled()
    merchant.gateway.trap(schema_error=2)
    assert [code(merchant.charge("tok_b")), code(merchant.charge("tok_c"))] == ["I00001", "E00003"]
    assert merchant.gateway.ledger("charges")["count"] == 3


def test_a_new_profile_is_unknown_for_a_while(merchant: Merchant) -> None:
    merchant.gateway.trap(profile_lag=2)
    made = merchant.charge(**KEEP)["transactionResponse"]["profile"]
    payment = {"paymentProfileId": made["customerPaymentProfileId"]}
    profile = {"profile": {"customerProfileId": made["customerProfileId"], "paymentProfile": payment}}
    found = [code(merchant.charge(funding=profile, order={"invoiceNumber": str(n)})) for n in range(3)]
    assert found == ["E00040", "E00040", "I00001"]
    asked = {"customerProfileId": made["customerProfileId"]}
    assert code(merchant.gateway.ask("getCustomerProfileRequest", asked)) == "I00001"


def test_the_fate_of_a_card_can_be_decided(merchant: Merchant) -> None:
    made = merchant.charge(**KEEP)["transactionResponse"]
    ids = made["profile"]
    payment = {"paymentProfileId": ids["customerPaymentProfileId"]}
    profile = {"profile": {"customerProfileId": ids["customerProfileId"], "paymentProfile": payment}}
    verdicts = {"decline": "2/2", "hold": "4/253", "expired": "3/8", "error": "3/19", "approve": "1/1"}
    for number, (fate, verdict) in enumerate(verdicts.items()):
        merchant.gateway.fate(fate, profile=ids["customerProfileId"])
        assert reason(merchant.charge(funding=profile, order={"invoiceNumber": str(number)})) == verdict
    merchant.gateway.fate("approve", token="tok_declined")
    merchant.charged("tok_declined")
    merchant.gateway.fate("decline", last4="1111")
    assert reason(merchant.charge(merchant.gateway.nonce())) == "2/2"
    with pytest.raises(SimulatorFailed, match="'nice' is none of approve"):
        merchant.gateway.fate("nice", last4="1111")
    with pytest.raises(SimulatorFailed, match="Name the card by one of"):
        merchant.gateway.fate("approve")


def test_a_person_reviews_voids_and_refunds(merchant: Merchant) -> None:
    held, denied, other = merchant.charged("tok_held"), merchant.charged("tok_held"), merchant.charged()
    merchant.advance(days=3)
    assert [merchant.status(each) for each in (held, other)] == ["FDSPendingReview", "settledSuccessfully"]
    merchant.gateway.approve(held)
    merchant.gateway.decline(denied)
    assert [merchant.status(each) for each in (held, denied)] == ["capturedPendingSettlement", "declined"]
    with pytest.raises(SimulatorFailed, match="It must be FDSPendingReview"):
        merchant.gateway.approve(denied)
    merchant.gateway.void(merchant.charged())
    refund = merchant.gateway.refund(other, 300)
    assert (refund["refunds"], refund["cents"], refund["status"]) == (other, 300, "refundPendingSettlement")
    with pytest.raises(SimulatorFailed, match="Only 477 cents are left"):
        merchant.gateway.refund(other, 478)
    merchant.gateway.refund(other)
    merchant.advance(days=4)
    assert merchant.details(held)["batch"]["settlementTimeUTC"] == "2026-07-05T06:00:00Z"
    assert events(merchant) == [
        "fraud.held",
        "fraud.held",
        "authcapture.created",
        "fraud.approved",
        "fraud.declined",
        "authcapture.created",
        "void.created",
        "refund.created",
        "refund.created",
    ]
    charges, refunds = merchant.gateway.ledger("charges"), merchant.gateway.ledger("refunds")
    assert (charges["count"], charges["cents"], refunds["count"], refunds["cents"]) == (2, 1554, 2, 777)
    assert [place["day"] for place in charges["places"]] == ["2026-07-01"]
    assert merchant.gateway.ledger("charges", start="2026-07-02T00:00:00Z")["count"] == 0


def test_somebody_else_charges_on_the_same_account(merchant: Merchant) -> None:
    made = merchant.gateway.foreign(1234, "THEIRS")
    (summary,) = merchant.unsettled()["transactions"]
    assert (summary["transId"], summary["settleAmount"], summary["invoiceNumber"]) == (made["id"], 12.34, "THEIRS")
    assert events(merchant) == ["authcapture.created"]


def test_notifications_are_kept_without_a_subscriber(merchant: Merchant) -> None:
    first, second = (merchant.charged(ref_id=f"R{number}") for number in range(2))
    merchant.charge("tok_declined")
    found = merchant.gateway.notifications()
    assert [each["transId"] for each in found] == [first, second]
    assert merchant.gateway.notifications(since=found[0]["number"]) == found[1:]
    bodies = [json.loads(each["body"]) for each in found]
    assert [body["payload"].get("merchantReferenceId") for body in bodies] == [None, "R1"]
    payload = {"responseCode": 1, "authAmount": 7.77, "entityName": "transaction", "id": first}
    assert payload.items() <= bodies[0]["payload"].items()
    assert found[0]["signature"] == signature(SIGNATURE_KEY, found[0]["body"].encode())
    assert ": " not in found[0]["body"]


def test_the_signature_is_an_upper_case_hmac_with_the_key_as_text() -> None:
    # By openssl dgst -sha512 -hmac.
    digest = (
        "7A04662B919325268F53D741B5D93A3E513C85D1C5EE58FB5885CB5024D7867A"
        "6000D742E80424A8C0DA6D6C94930C7A80DFC3A55EC6176B97AEC85BB08C0B52"
    )
    assert signature("4A" * 64, b'{"a":1}') == f"sha512={digest}"


def test_a_subscriber_is_told_until_it_answers(merchant: Merchant, receiver: tuple[str, Received]) -> None:
    url, received = receiver
    merchant.gateway.send_webhooks_to(url, "another key")
    charge = merchant.charged()
    merchant.gateway.send_webhook(f"{PAYMENT}authcapture.created", charge, times=2)
    deadline = time.monotonic() + 5
    while len(merchant.gateway.webhooks()["sent"]) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    tries = [(sent["id"], sent["status"], sent["tries"]) for sent in merchant.gateway.webhooks()["sent"]]
    assert tries == [(charge, 200, 2), (charge, 200, 1), (charge, 200, 1)]
    bodies = [body for _, body in received]
    assert (bodies[0] == bodies[1], bodies[2] == bodies[3], bodies[1] == bodies[2]) == (True, True, False)
    for headers, body in received:
        assert {name.lower(): text for name, text in headers.items()}["x-anet-signature"] == signature(
            "another key", body
        )


def test_threads_share_the_control(merchant: Merchant) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(lambda number: merchant.charged(order={"invoiceNumber": str(number)}), range(24))]
    assert sorted(each["id"] for each in merchant.gateway.transactions()) == sorted(found)
    assert merchant.gateway.environment()["AUTHORIZE_NET_URL"] == f"{merchant.gateway.url}{URL}"


def test_the_account_survives_a_restart(merchant: Merchant) -> None:
    charge = merchant.charged()
    merchant.gateway.restart()
    merchant.gateway.wait_until_seeded()
    assert merchant.status(charge) == "capturedPendingSettlement"
    assert merchant.unsettled()["totalNumInResultSet"] == 1
