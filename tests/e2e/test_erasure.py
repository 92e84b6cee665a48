"""After an erasure nothing of the person can be read anywhere, and what must stay has stayed."""

from __future__ import annotations

import base64
import hashlib
import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient

from local.provision import PubSub
from shared.platform.context import Platform
from shared.platform.crypto import Undecryptable
from shared.platform.idempotency import KeptAnswer
from shared.runtime import instance
from shared.verification.models import DataKey
from tests.factories.api import BASE, VerificationApi
from tests.factories.claims import verify_body
from tests.factories.documents import documents
from tests.factories.environment import environment
from tests.factories.trail import Trail
from tests.factories.verifications import vault
from tests.faults.processes import Launcher

CUSTOMER = "quill-7"
EMAIL = "zephyrina.quillfeather@example.com"
PERSON = {"fullName": "Zephyrina Quillfeather", "dateOfBirth": "1987-03-14", "idNumberLast4": "7391", "email": EMAIL}
KEY = {"Idempotency-Key": "order-1"}
# Four digits alone also occur inside ids and times: they count where they stand by themselves.
TRACES = re.compile(
    r"Zephyrina|Quillfeather|1987-03-14|19870314|14/03/1987|(?<![0-9A-Za-z.])7391(?![0-9A-Za-z])|quill-7", re.IGNORECASE
)


@pytest.fixture
def api(function: Callable[[str], FlaskClient]) -> VerificationApi:
    return VerificationApi(function)


@pytest.fixture
def platform(api: VerificationApi) -> Platform:
    """The one that the functions stand on."""
    return instance.platform()


@pytest.fixture
def trail(api: VerificationApi, platform: Platform, pubsub: PubSub, tables: None) -> Trail:
    return Trail(platform, pubsub, api.client_for)


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    with Launcher(tmp_path_factory.mktemp("paused")) as running:
        yield running


def live(api: VerificationApi) -> list[str]:
    """Everything a customer can do, and the age tokens that they got for it."""
    customer, shop = api.as_("customer", CUSTOMER, email=EMAIL), api.as_("service", "orders")
    answers = [
        customer.status(CUSTOMER),
        customer.verify(CUSTOMER, headers=KEY, **PERSON),
        customer.verify(CUSTOMER, headers=KEY, **PERSON),
        shop.verify(CUSTOMER, headers=KEY, **PERSON),
        customer.verify(CUSTOMER, headers={"Idempotency-Key": "order-2"}, **{**PERSON, "idNumberLast4": "73910"}),
        customer.resubmit(CUSTOMER, headers={"Idempotency-Key": "order-3"}, **PERSON),
        customer.verify(CUSTOMER, **{**PERSON, "fullName": "Zephyrina"}),
        customer.own_status(),
        shop.status(CUSTOMER),
        shop.as_("customer", "stranger").status(CUSTOMER),
    ]
    assert [a.status_code for a in answers] == [404, 200, 200, 200, 400, 200, 400, 200, 200, 403]
    assert answers[2].headers["Idempotent-Replayed"] == "true"
    return [a.json["ageToken"] for a in answers if a.json.get("ageToken")]


def texts(value: Any) -> Iterator[str]:
    """Every text inside a document or a cell; bytes as the characters they might be."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield name
            yield from texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from texts(part)
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
        yield value.decode("utf-16", "replace")
        yield base64.b64encode(value).decode()
    else:
        yield str(value)


def found_in(stores: dict[str, Any], age_tokens: list[str]) -> list[str]:
    """Where something of the person can be read. Unkeyed hashes count: anybody can try out ids and addresses."""
    parts = {part for token in age_tokens for part in (token, token.split(".")[1], token.split(".")[2])}
    named = [CUSTOMER, EMAIL, *(f"{tier}:{CUSTOMER}" for tier in ("signed_in", "customer", "admin"))]
    parts |= {
        digest(name.encode()).hexdigest() for name in named for digest in (hashlib.sha256, hashlib.sha1, hashlib.md5)
    }
    return [
        f"{place}: {text[:80]}"
        for place, value in stores.items()
        for text in (place, *texts(value))
        if TRACES.search(text) or any(part in text for part in parts)
    ]


def stores(platform: Platform, trail: Trail) -> dict[str, Any]:
    rows = {f"{t} {n}": row for t, found in trail.warehouse.everything().items() for n, row in enumerate(found)}
    assert rows
    return {**documents(platform.firestore), **rows}


def test_nothing_of_the_person_can_be_read_from_any_store(
    api: VerificationApi, platform: Platform, trail: Trail
) -> None:
    age_tokens = live(api)
    trail.catch_up()
    assert api.as_("customer", CUSTOMER).erase(CUSTOMER).status_code == 200
    trail.catch_up()
    left = stores(platform, trail)
    assert found_in(left, age_tokens) == []
    # What stays is the window of the limit, the trail and what the runtime counts with.
    collections = {path.partition("/")[0] for path in documents(platform.firestore)}
    assert collections == {"verification_attempts", "rate_limits", "audit_chains", "audit_links"}


def test_even_before_the_erasure_nothing_is_stored_in_clear(
    api: VerificationApi, platform: Platform, trail: Trail
) -> None:
    age_tokens = live(api)
    trail.catch_up()
    assert found_in(stores(platform, trail), age_tokens) == []


@pytest.mark.parametrize(
    "planted",
    [
        {"note": "for Zephyrina"},
        {"a": [{"b": {"c": b"\x00born 1987-03-14\xff"}}]},
        {"digits": "id 7391"},
        {"quill-7": 1},
        {"key": hashlib.sha256(b"signed_in:quill-7").hexdigest()},
        {"born": date(1987, 3, 14)},
    ],
)
def test_the_search_finds_what_is_there(planted: dict[str, Any]) -> None:
    assert found_in({"collection/document": planted}, [])
    assert found_in({"collection/quill-7": {}}, [])


def test_a_copy_taken_before_opens_with_nothing_that_is_left(
    api: VerificationApi, platform: Platform, trail: Trail
) -> None:
    live(api)
    customer_hash = platform.customer_hash(CUSTOMER)
    (copy,) = documents(platform.firestore, "verifications").values()
    key = DataKey(key_id=copy["dataKeyId"], wrapped=copy["dataKey"])
    assert vault(platform).open(key, copy["sealed"], customer_hash).email == EMAIL
    api.erase(CUSTOMER)
    trail.catch_up()
    # Whoever has the service key, the copy of the sealed part and everything that is left, tries all of it.
    left = [value for document in stores(platform, trail).values() for value in _all_bytes(document)]
    for candidate in [*left, b"", bytes(60), copy["sealed"]]:
        with pytest.raises(Undecryptable):
            vault(platform).open(DataKey(key_id=copy["dataKeyId"], wrapped=candidate), copy["sealed"], customer_hash)
    # A new verification of the same customer is sealed under another key.
    api.verify(CUSTOMER, **PERSON)
    (fresh,) = documents(platform.firestore, "verifications").values()
    with pytest.raises(Undecryptable):
        vault(platform).open(
            DataKey(key_id=fresh["dataKeyId"], wrapped=fresh["dataKey"]), copy["sealed"], customer_hash
        )


def _all_bytes(value: Any) -> Iterator[bytes]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _all_bytes(part)
    elif isinstance(value, list):
        for part in value:
            yield from _all_bytes(part)
    elif isinstance(value, bytes):
        yield value
    elif isinstance(value, str):
        yield value.encode()


def test_the_trail_still_verifies_and_keeps_every_attempt(
    api: VerificationApi, trail: Trail, platform: Platform
) -> None:
    live(api)
    api.erase(CUSTOMER)
    trail.catch_up()
    trail.check(CUSTOMER)
    attempts = trail.warehouse.rows("age_verification_attempts")
    assert sorted((row["method"], row["success"]) for row in attempts) == [
        ("full_verification", True),
        ("full_verification", True),
        ("id_validation", False),
        ("input_validation", False),
    ]
    assert {row["customer_hash"] for row in attempts} == {platform.customer_hash(CUSTOMER)}
    erased = [row for row in trail.warehouse.rows("security_events") if row["type"] == "verification.erased"]
    assert [(row["role"], row["function"]) for row in erased] == [("admin", "verification_erase")]


def test_it_is_no_way_around_the_limit(api: VerificationApi) -> None:
    customer = api.as_("customer", CUSTOMER)
    customer.verify(CUSTOMER, **PERSON)
    remaining = []
    for _ in range(3):
        remaining.append(customer.verify(CUSTOMER, state="ZZ").json["attemptsRemaining"])
        customer.erase(CUSTOMER)
    assert remaining == [2, 1, 0]
    assert customer.verify(CUSTOMER, **PERSON).status_code == 429
    assert customer.resubmit(CUSTOMER, **PERSON).status_code == 429


# --- requests that were running


@pytest.mark.parametrize("ending", ["finish", "release"])
def test_an_answer_that_comes_after_the_erasure_is_not_kept(
    api: VerificationApi, platform: Platform, ending: str
) -> None:
    claim = platform.idempotency.claim("verify|customer|quill-7", "order-1", b"{}", platform.customer_hash(CUSTOMER))
    assert not isinstance(claim, KeptAnswer)
    api.erase(CUSTOMER)
    if ending == "finish":
        platform.idempotency.finish(claim, KeptAnswer(200, {"ageToken": "x"}))
    else:
        platform.idempotency.release(claim)
    assert not documents(platform.firestore, "idempotency")


WRITES = [
    "rate_limits",
    "idempotency",
    "verification_attempts verifications outbox",
    "publish verification-events",
    "-outbox",
    "idempotency",
]


def test_a_request_that_runs_while_the_customer_is_erased_leaves_no_answer_behind(
    project: str, api: VerificationApi, platform: Platform, trail: Trail, launcher: Launcher
) -> None:
    """Stopped right after each of its writes from its claim on, erased meanwhile, and let go on."""
    for after in range(2, len(WRITES) + 1):
        customer = f"quill-7{after}"
        body = verify_body(customer, **PERSON)
        headers = {**api.as_("customer", customer).caller, "Idempotency-Key": "order-1"}
        process = launcher.start("verification_verify", environment(project), after, signal.SIGSTOP)
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(process.call, "POST", f"{BASE}/verify", json=body, headers=headers)
            process.await_stop()
            assert api.erase(customer).status_code == 200
            process.go_on()
            answer = running.result()
        assert answer is not None
        assert answer.status_code == 200
        # Before its commit the verification counts as one that came after the erasure, and is a record like any.
        expected = 200 if after < 3 else 404
        assert api.status(customer).status_code == expected, f"stopped after write {after}"
        assert process.writes()[:after] == WRITES[:after]
        process.kill()
    assert not documents(platform.firestore, "idempotency")
    trail.catch_up()
    trail.check(*(f"quill-7{after}" for after in range(2, len(WRITES) + 1)))
