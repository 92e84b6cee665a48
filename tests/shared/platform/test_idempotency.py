"""Answers kept by key: claimed once, replayed, taken over, readable by nobody."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.platform.context import Platform
from shared.platform.crypto import Undecryptable
from shared.platform.errors import Conflict, Unprocessable
from shared.platform.idempotency import COLLECTION, KEPT, LEASE, Claim, IdempotencyStore, KeptAnswer
from shared.platform.wire import json_text
from tests.factories.clock import TestClock
from tests.factories.documents import documents

SCOPE, KEY, BODY = "verify|customer|c-1", "k-1", b'{"fullName": "Ann Example"}'
ANSWER = KeptAnswer(200, {"fullName": "Ann Example", "ageToken": "eyJ.made.up"})


@pytest.fixture
def store(platform: Platform) -> IdempotencyStore:
    return platform.idempotency


def claim(store: IdempotencyStore, body: bytes = BODY) -> Claim:
    claimed = store.claim(SCOPE, KEY, body, "hash-1")
    assert isinstance(claimed, Claim)
    return claimed


def test_the_first_gets_the_claim_and_the_next_its_answer(store: IdempotencyStore) -> None:
    store.finish(claim(store), ANSWER)
    assert store.claim(SCOPE, KEY, BODY, "hash-1") == ANSWER


def test_money_is_replayed_as_it_was_written(store: IdempotencyStore) -> None:
    store.finish(claim(store), KeptAnswer(201, {"price": Decimal("97.00"), "days": 31}))
    replayed = store.claim(SCOPE, KEY, BODY, "hash-1")
    assert isinstance(replayed, KeptAnswer)
    assert json_text(replayed.body) == '{"price":97.00,"days":31}'


def test_while_the_first_runs_the_next_is_a_conflict(store: IdempotencyStore) -> None:
    claim(store)
    with pytest.raises(Conflict) as refused:
        claim(store)
    assert refused.value.code == "request_in_progress"


@pytest.mark.parametrize("done", [True, False])
def test_another_body_is_refused_while_it_runs_and_after(store: IdempotencyStore, done: bool) -> None:
    first = claim(store)
    if done:
        store.finish(first, ANSWER)
    with pytest.raises(Unprocessable) as refused:
        claim(store, BODY + b" ")
    assert refused.value.code == "idempotency_key_reused"


def test_of_eight_at_once_one_gets_the_claim(store: IdempotencyStore) -> None:
    def attempt(_: int) -> bool:
        try:
            return isinstance(store.claim(SCOPE, KEY, BODY, "hash-1"), Claim)
        except Conflict:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1


def test_a_released_claim_is_free_again(store: IdempotencyStore, platform: Platform) -> None:
    store.release(claim(store))
    assert documents(platform.firestore, COLLECTION) == {}
    claim(store, b"another body")


# --- a first request that died


def test_its_claim_can_be_taken_over_after_the_lease(store: IdempotencyStore, clock: TestClock) -> None:
    claim(store)
    clock.advance(seconds=LEASE.total_seconds() - 1)
    with pytest.raises(Conflict):
        claim(store)
    clock.advance(seconds=1)
    store.finish(claim(store), ANSWER)
    assert store.claim(SCOPE, KEY, BODY, "hash-1") == ANSWER


def test_one_that_was_only_slow_does_not_disturb_its_heir(store: IdempotencyStore, clock: TestClock) -> None:
    slow = claim(store)
    clock.advance(seconds=LEASE.total_seconds())
    heir = claim(store)
    store.finish(slow, KeptAnswer(200, {"whose": "slow"}))
    store.release(slow)
    store.finish(heir, KeptAnswer(200, {"whose": "heir"}))
    store.finish(slow, KeptAnswer(200, {"whose": "slow"}))
    assert store.claim(SCOPE, KEY, BODY, "hash-1") == KeptAnswer(200, {"whose": "heir"})


def test_a_lease_outlives_every_request(platform: Platform) -> None:
    from shared.runtime.declare import Endpoint
    from shared.runtime.manifest import declared_functions

    longest = max(f.declaration.timeout_seconds for f in declared_functions() if isinstance(f.declaration, Endpoint))
    assert timedelta(seconds=longest) < LEASE


# --- how long


def test_an_answer_is_kept_for_24_hours_and_then_the_key_is_new(store: IdempotencyStore, clock: TestClock) -> None:
    store.finish(claim(store), ANSWER)
    clock.advance(seconds=KEPT.total_seconds() - 1)
    assert store.claim(SCOPE, KEY, BODY, "hash-1") == ANSWER
    clock.advance(seconds=1)
    claim(store, b"another body")


# --- nothing to read


def test_neither_caller_nor_key_nor_body_nor_answer_can_be_read(store: IdempotencyStore, platform: Platform) -> None:
    store.finish(claim(store), ANSWER)
    ((path, data),) = documents(platform.firestore, COLLECTION).items()
    text = f"{path} {data}"
    assert not [secret for secret in (KEY, "c-1", "Ann", "eyJ", "fullName", "ageToken") if secret in text]
    assert b"Ann" not in data["answer"]
    assert data.keys() == {"state", "claimId", "fingerprint", "subject", "leaseUntil", "expireAt", "answer"}
    assert data["expireAt"] == platform.clock.now() + KEPT


def test_an_answer_opens_with_its_own_key_only(store: IdempotencyStore, platform: Platform) -> None:
    store.finish(claim(store), ANSWER)
    other = store.claim(SCOPE, "k-2", BODY, "hash-1")
    assert isinstance(other, Claim)
    ((mine, theirs),) = [sorted(documents(platform.firestore, COLLECTION), key=lambda path: path.endswith(other.name))]
    kept = platform.firestore.document(mine).get().to_dict()
    assert kept is not None
    platform.firestore.document(theirs).set(kept)
    with pytest.raises(Undecryptable):
        store.claim(SCOPE, "k-2", BODY, "hash-1")


@pytest.mark.parametrize("other", [("verify|service|c-1", KEY), ("resubmit|customer|c-1", KEY), (SCOPE, "k-2")])
def test_function_caller_and_key_make_the_name(store: IdempotencyStore, other: tuple[str, str]) -> None:
    store.finish(claim(store), ANSWER)
    assert isinstance(store.claim(*other, BODY, "hash-1"), Claim)


def test_no_scope_and_key_make_the_name_of_another_pair(store: IdempotencyStore) -> None:
    store.finish(claim(store), ANSWER)
    scope, _, last = SCOPE.rpartition("|")
    assert isinstance(store.claim(scope, f"{last}|{KEY}", BODY, "hash-1"), Claim)


# --- erasure


def test_forgetting_a_customer_deletes_their_answers_and_no_other(store: IdempotencyStore, platform: Platform) -> None:
    for number, subject in enumerate(["hash-1", "hash-1", "hash-2"]):
        claimed = store.claim(SCOPE, f"k-{number}", BODY, subject)
        assert isinstance(claimed, Claim)
        store.finish(claimed, ANSWER)
    store.forget("hash-1")
    store.forget("hash-1")
    assert [data["subject"] for data in documents(platform.firestore, COLLECTION).values()] == ["hash-2"]
