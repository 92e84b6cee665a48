"""DELETE /api/age-verification/{customer_id}"""

from __future__ import annotations

from shared.platform.context import Platform
from tests.factories.api import VerificationApi
from tests.factories.documents import documents

KEY = {"Idempotency-Key": "order-1"}


def test_it_deletes_the_record(api: VerificationApi, platform: Platform) -> None:
    api.verify()
    answer = api.erase()
    assert (answer.status_code, answer.json) == (200, {"success": True, "erased": True, "customerId": "c-1"})
    assert api.status().status_code == 404
    assert not documents(platform.firestore, "verifications")


def test_it_is_idempotent_and_works_for_a_customer_who_was_never_there(api: VerificationApi) -> None:
    api.verify()
    answers = [api.erase(), api.erase(), api.erase("c-9")]
    assert [(a.status_code, a.json["erased"]) for a in answers] == [(200, True)] * 3


def test_only_the_customer_or_an_admin_may(api: VerificationApi) -> None:
    callers = [api.as_("customer", "c-2"), api.as_("service", "orders"), api.as_("customer", "c-1"), api]
    assert [caller.erase("c-1").status_code for caller in callers] == [403, 403, 200, 200]


def test_it_deletes_kept_answers_of_every_caller_and_only_this_customer_s(
    api: VerificationApi, platform: Platform
) -> None:
    for caller in (api, api.as_("service", "orders"), api.as_("customer", "c-1")):
        caller.verify("c-1", headers=KEY)
    api.verify("c-2", headers={"Idempotency-Key": "order-2"})
    api.erase("c-1")
    kept = documents(platform.firestore, "idempotency").values()
    assert [d["subject"] for d in kept] == [platform.customer_hash("c-2")]
    assert api.verify("c-1", headers=KEY).json["method"] == "full_verification"


def test_the_limit_survives_it(api: VerificationApi) -> None:
    api.verify()
    for _ in range(3):
        api.verify(state="ZZ")
    api.erase()
    assert api.verify().status_code == 429


def test_a_customer_may_verify_again(api: VerificationApi) -> None:
    first = api.verify().json
    api.erase()
    again = api.verify().json
    assert again["method"] == "full_verification"
    assert again["verificationId"] != first["verificationId"]
