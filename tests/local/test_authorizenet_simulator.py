"""The Authorize.Net simulator as a merchant sees it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.simulators.authorizenet_account import Card
from tests.local.authorizenet_client import Content, Merchant, code, reason, running

ADA = {"id": "ada", "email": "ada@example.com"}
KEEP = {"profile": {"createProfile": True}}
LAST4 = Card.of_token("tok_a").last4


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Merchant]:
    with running(tmp_path_factory.mktemp("authorizenet")) as merchant:
        yield merchant


@pytest.fixture
def merchant(account: Merchant) -> Merchant:
    return account.fresh()


def test_a_charge_that_keeps_the_card(merchant: Merchant) -> None:
    order = {"invoiceNumber": "INV-1", "description": "Gold"}
    answer = merchant.charge(amount=7.77, ref_id="R1", **KEEP, order=order, customer=ADA)
    response, made = answer["transactionResponse"], answer["profileResponse"]
    assert (answer["refId"], code(answer), reason(answer)) == ("R1", "I00001", "1/1")
    assert response["accountNumber"] == f"XXXX{LAST4}"
    assert made["customerPaymentProfileIdList"] == [response["profile"]["customerPaymentProfileId"]]
    found = merchant.gateway.ask("getTransactionDetailsRequest", {"transId": response["transId"]})
    assert found["transrefId"] == "R1"
    details = found["transaction"]
    assert (details["authAmount"], details["settleAmount"], details["responseCode"]) == (7.77, 7.77, 1)
    assert (details["order"], details["customer"], details["profile"]) == (order, ADA, response["profile"])
    assert details["submitTimeUTC"].startswith("2026-07-01T12:00:0")
    assert details["transactionStatus"] == "capturedPendingSettlement"
    assert details["payment"]["creditCard"]["cardNumber"] == f"XXXX{LAST4}"
    assert merchant.unsettled()["transactions"][0]["profile"] == response["profile"]


def test_a_token_is_used_once_and_for_15_minutes(merchant: Merchant) -> None:
    nonce = merchant.gateway.nonce()
    with ThreadPoolExecutor(4) as pool:
        found = [*pool.map(lambda _: merchant.charge(nonce, order={"invoiceNumber": str(_)}), range(4))]
    assert sorted(map(code, found)) == ["E00114", "E00114", "E00114", "I00001"]
    nonce = merchant.gateway.nonce()
    merchant.advance(minutes=16)
    late = merchant.charge(nonce)
    assert late["messages"]["message"][0] == {"code": "E00114", "text": "Invalid OTS Token."}
    assert code(merchant.charge("anything")) == "E00114"
    assert len(merchant.gateway.transactions()) == 1


@pytest.mark.parametrize(
    ("token", "amount", "verdict", "result"),
    [
        ("tok_declined", "1", "2/2", "Ok"),
        ("tok_held", "1", "4/253", "Ok"),
        ("tok_expired", "1", "3/8", "Error"),
        ("tok_invalid", "1", "3/6", "Error"),
        ("tok_a", "0", "3/5", "Error"),
        ("tok_a", "1.001", "3/5", "Error"),
    ],
)
def test_what_can_become_of_a_charge(merchant: Merchant, token: str, amount: str, verdict: str, result: str) -> None:
    answer = merchant.charge(token, amount, **KEEP, customer=ADA)
    assert (reason(answer), answer["messages"]["resultCode"]) == (verdict, result)
    assert (answer["transactionResponse"]["transId"] == "0") == (result == "Error")
    assert len(merchant.gateway.profiles()) == (verdict == "4/253")


def test_test_cards_decline_by_zip_and_amount(merchant: Merchant) -> None:
    assert reason(merchant.charge(merchant.gateway.nonce(zip="46282"))) == "2/2"
    assert reason(merchant.charge(merchant.gateway.nonce(), "70.02")) == "2/2"
    assert reason(merchant.charge(merchant.gateway.nonce(card="4111111111111112"))) == "3/6"
    assert reason(merchant.charge(merchant.gateway.nonce(expires="2026-06"))) == "3/8"
    declined = [found["id"] for found in merchant.gateway.transactions()]
    assert [merchant.status(found) for found in declined] == ["declined", "declined"]
    assert code(merchant.unsettled()) == "I00004"


def test_a_duplicate_is_the_same_card_with_the_same_order(merchant: Merchant) -> None:
    first = merchant.charge(merchant.gateway.nonce(), order={"invoiceNumber": "1"})["transactionResponse"]["transId"]
    again = merchant.charge(merchant.gateway.nonce(), order={"invoiceNumber": "1"})
    assert (reason(again), again["transactionResponse"]["refTransID"]) == ("3/11", first)
    assert reason(merchant.charge(merchant.gateway.nonce(), order={"invoiceNumber": "2"})) == "1/1"
    assert reason(merchant.charge(merchant.gateway.nonce(), "8", order={"invoiceNumber": "1"})) == "1/1"
    longer = {"transactionSettings": {"setting": [{"settingName": "duplicateWindow", "settingValue": "28800"}]}}
    assert reason(merchant.charge("tok_declined", **longer)) == "2/2"
    assert reason(merchant.charge("tok_declined", **longer)) == "3/11"
    merchant.advance(minutes=3)
    assert reason(merchant.charge(merchant.gateway.nonce(), order={"invoiceNumber": "1"})) == "1/1"
    assert reason(merchant.charge("tok_declined", **longer)) == "3/11"
    merchant.advance(hours=9)
    assert reason(merchant.charge("tok_declined", **longer)) == "2/2"
    merchant.charged()
    merchant.charged()


def test_two_at_once_are_one_charge(merchant: Merchant) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(lambda _: reason(merchant.charge()), range(8))]
    assert sorted(found) == ["1/1"] + ["3/11"] * 7
    assert merchant.gateway.ledger("charges")["count"] == 1


def test_a_void_is_of_what_is_not_settled(merchant: Merchant) -> None:
    first, second = merchant.charged(), merchant.charged()
    assert reason(merchant.void(first)) == "1/1"
    again = merchant.void(first)
    assert (reason(again), again["messages"]["resultCode"]) == ("1/310", "Ok")
    assert (merchant.status(first), merchant.details(first)["settleAmount"]) == ("voided", 0)
    merchant.advance(days=1)
    late = merchant.void(second)
    assert (reason(late), code(late)) == ("3/16", "E00027")
    assert reason(merchant.void("1")) == "3/16"


def test_a_refund_is_of_what_is_settled_and_left(merchant: Merchant) -> None:
    charge, old = merchant.charged(amount="10.00"), merchant.charged()
    early = merchant.refund(charge, "1.00", LAST4)
    assert (reason(early), code(early)) == ("3/54", "E00027")
    merchant.advance(days=1)
    assert merchant.status(charge) == "settledSuccessfully"
    answer = merchant.refund(charge, "4.00", LAST4, order={"invoiceNumber": "R1"})
    refund = answer["transactionResponse"]["transId"]
    assert reason(merchant.refund(charge, "4.00", LAST4, order={"invoiceNumber": "R1"})) == "3/11"
    assert reason(merchant.refund(charge, "6.01", LAST4)) == "3/55"
    assert reason(merchant.refund(charge, "1.00", "0000")) == "3/54"
    details = merchant.details(refund)
    assert (details["refTransId"], details["transactionStatus"]) == (charge, "refundPendingSettlement")
    assert (details["transactionType"], details["order"]) == ("refundTransaction", {"invoiceNumber": "R1"})
    assert reason(merchant.void(refund)) == "1/1"
    refund = merchant.refund(charge, "10.00", LAST4)["transactionResponse"]["transId"]
    merchant.advance(days=2)
    assert merchant.status(refund) == "refundSettledSuccessfully"
    merchant.advance(days=200)
    assert (merchant.status(old), reason(merchant.refund(old, "1.00", LAST4))) == ("settledSuccessfully", "3/54")


def test_the_day_turns_at_six_and_a_clock_may_go_back(merchant: Merchant) -> None:
    first = merchant.charged()
    merchant.advance(hours=17.9)
    assert merchant.status(first) == "capturedPendingSettlement"
    merchant.advance(days=10)
    second = merchant.charged()
    assert merchant.details(first)["batch"]["settlementTimeUTC"] == "2026-07-02T06:00:00Z"
    merchant.advance()
    assert (merchant.status(first), merchant.status(second)) == ("settledSuccessfully", "capturedPendingSettlement")
    merchant.advance(days=11)
    assert merchant.details(second)["batch"]["settlementTimeUTC"] == "2026-07-12T06:00:00Z"


def test_settled_ones_are_found_by_their_batches(merchant: Merchant) -> None:
    found = []
    for day in range(3):
        merchant.advance(days=day)
        found.append(merchant.charged(order={"invoiceNumber": f"D{day}"}))
    merchant.advance(days=30)

    def batches(first: str | None, last: str | None) -> Content:
        span = {"firstSettlementDate": first, "lastSettlementDate": last}
        dates = {name: value for name, value in span.items() if value}
        return merchant.gateway.ask("getSettledBatchListRequest", {"includeStatistics": True, **dates})

    listed = batches("2026-07-02T06:00:00Z", "2026-08-01T00:00:00")["batchList"]
    assert [batch["settlementTimeUTC"][:10] for batch in listed] == ["2026-07-02", "2026-07-03", "2026-07-04"]
    assert listed[0]["statistics"][0]["chargeAmount"] == 7.77
    pages = [merchant.gateway.ask("getTransactionListRequest", {"batchId": batch["batchId"]}) for batch in listed]
    summaries = [summary for page in pages for summary in page["transactions"]]
    assert [summary["transId"] for summary in summaries] == found
    assert [summary["invoiceNumber"] for summary in summaries] == ["D0", "D1", "D2"]
    assert code(batches("2026-07-01T00:00:00Z", "2026-08-02T00:00:00Z")) == "E00013"
    assert code(batches("2026-07-01T00:00:00Z", None)) == "E00013"
    assert code(batches(None, None)) == "I00004"


def test_lists_are_sorted_and_paged(merchant: Merchant) -> None:
    made = [merchant.charged() for _ in range(5)]
    newest_first = {"orderBy": "submitTimeUTC", "orderDescending": True}
    pages = [merchant.unsettled(sorting=newest_first, paging={"limit": 2, "offset": offset}) for offset in (1, 2, 3, 4)]
    assert [page["totalNumInResultSet"] for page in pages] == [5] * 4
    assert [found["transId"] for page in pages for found in page["transactions"]] == made[::-1]
    for wrong in ({"limit": 1001, "offset": 1}, {"limit": 0, "offset": 1}, {"limit": 1, "offset": 0}):
        assert code(merchant.unsettled(paging=wrong)) == "E00013"
