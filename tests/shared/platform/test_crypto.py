"""Keyed hashes, sealing, and the ring of service keys."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.platform.crypto import Keyring, Undecryptable, decode_key, keyed_hash, seal, unseal
from shared.platform.errors import Misconfigured

KEY, OTHER = b"k" * 32, b"o" * 32
ONE, TWO = (base64.b64encode(key).decode() for key in (KEY, OTHER))


def test_a_customer_s_name_is_hmac_sha_256_in_hex() -> None:
    assert keyed_hash(KEY, "c-1") == hmac.new(KEY, b"c-1", hashlib.sha256).hexdigest()
    assert keyed_hash(OTHER, "c-1") != keyed_hash(KEY, "c-1")


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_what_is_sealed_opens_again_and_shows_nothing(plain: bytes, context: bytes) -> None:
    sealed = seal(KEY, plain, context, secrets.token_bytes)
    assert unseal(KEY, sealed, context) == plain
    assert len(sealed) == len(plain) + 28
    assert len(plain) < 4 or plain not in sealed


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert seal(KEY, b"text", b"", secrets.token_bytes) != seal(KEY, b"text", b"", secrets.token_bytes)


@pytest.mark.parametrize("position", [0, 5, 11, 12, 15, 20, -1])
def test_one_flipped_bit_is_found(position: int) -> None:
    sealed = bytearray(seal(KEY, b"some text", b"record", secrets.token_bytes))
    sealed[position] ^= 1
    with pytest.raises(Undecryptable):
        unseal(KEY, bytes(sealed), b"record")


@pytest.mark.parametrize(("key", "context"), [(OTHER, b"record"), (KEY, b"another record"), (KEY, b"")])
def test_it_opens_with_its_key_at_its_record_only(key: bytes, context: bytes) -> None:
    with pytest.raises(Undecryptable):
        unseal(key, seal(KEY, b"text", b"record", secrets.token_bytes), context)


@pytest.mark.parametrize("sealed", [b"", b"short", b"x" * 12, b"x" * 27])
def test_what_was_cut_does_not_open(sealed: bytes) -> None:
    with pytest.raises(Undecryptable):
        unseal(KEY, sealed, b"")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no base64!",
        "ключ",
        ONE.replace("a", "а"),
        base64.b64encode(b"x" * 31).decode(),
        base64.b64encode(b"x" * 33).decode(),
        ONE + "=",
    ],
)
def test_a_key_that_is_no_32_bytes_is_named_and_not_shown(text: str) -> None:
    with pytest.raises(Misconfigured, match="VERIFICATION_KEY must be 32 bytes") as refused:
        decode_key("VERIFICATION_KEY", text)
    assert not text or text not in str(refused.value)


def test_white_space_around_a_key_is_no_part_of_it() -> None:
    assert decode_key("CUSTOMER_HASH_KEY", f" {ONE}\n") == KEY


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (ONE, ["k1"]),
        (f" {ONE}\n", ["k1"]),
        (f"2026={ONE}", ["2026"]),
        (f"2026={ONE},2025={TWO}", ["2026", "2025"]),
        (f"2026={ONE}\n2025={TWO}\n", ["2026", "2025"]),
        (f"2026={ONE}\r\n2025={TWO}\r\n", ["2026", "2025"]),
        (f"\n 2026 = {ONE} ,\n\t2025={TWO} , 2024={TWO},", ["2026", "2025", "2024"]),
        (f"2026={ONE},{TWO}", ["2026", "k1"]),
        (f"{ONE},2025={TWO}", ["k1", "2025"]),
        (f"a.b_c-{'d' * 26}={ONE}", [f"a.b_c-{'d' * 26}"]),
    ],
)
def test_the_first_key_of_a_ring_wraps_and_every_key_unwraps(text: str, ids: list[str]) -> None:
    ring = Keyring.parse("VERIFICATION_KEY", text)
    assert (ring.current, list(ring.keys)) == (ids[0], ids)
    assert list(ring.keys.values()) == [KEY, *[OTHER] * (len(ids) - 1)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"a={ONE},a={TWO}", "VERIFICATION_KEY has one key id twice"),
        (f"a={ONE},b={TWO},a={ONE}", "VERIFICATION_KEY has one key id twice"),
        (f"{ONE}\n{TWO}", "VERIFICATION_KEY has one key id twice"),
        (f"k1={ONE}\n{TWO}", "VERIFICATION_KEY has one key id twice"),
        (" , \n,", "VERIFICATION_KEY holds no key"),
        ("", "VERIFICATION_KEY holds no key"),
        ("nonsense", "Entry 1 of VERIFICATION_KEY must be 32 bytes in base64"),
        ("made-up=", "Entry 1 of VERIFICATION_KEY must be 32 bytes in base64"),
        (f"a={ONE},b=made-up", "Entry 2 of VERIFICATION_KEY must be 32 bytes in base64"),
        (f"a={ONE},,b={TWO[:-1]}", "Entry 2 of VERIFICATION_KEY must be 32 bytes in base64"),
        (f"a={ONE} b={TWO}", "Entry 1 of VERIFICATION_KEY must be 32 bytes in base64"),
        (f"a=b={ONE}", "Entry 1 of VERIFICATION_KEY must be 32 bytes in base64"),
        (f"={ONE}", "Entry 1 of VERIFICATION_KEY needs a key id"),
        (f"{'a' * 33}={ONE}", "Entry 1 of VERIFICATION_KEY needs a key id"),
        (f"made up={ONE}", "Entry 1 of VERIFICATION_KEY needs a key id"),
        (f"ключ={ONE}", "Entry 1 of VERIFICATION_KEY needs a key id"),
    ],
)
def test_a_wrong_ring_is_refused_without_a_word_of_it(text: str, said: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        Keyring.parse("VERIFICATION_KEY", text)
    assert str(refused.value).startswith(said)
    assert not [
        part for part in (ONE, TWO, TWO[:-1], "nonsense", "made", "ключ", "a" * 33) if part in str(refused.value)
    ]


def test_after_a_rotation_old_data_keys_open_and_new_ones_use_the_new_key() -> None:
    before = Keyring.parse("VERIFICATION_KEY", f"a={ONE}")
    after = Keyring.parse("VERIFICATION_KEY", f"b={TWO},a={ONE}")
    key_id, wrapped = before.wrap(b"data key", b"c", secrets.token_bytes)
    assert after.unwrap(key_id, wrapped, b"c") == b"data key"
    assert after.wrap(b"data key", b"c", secrets.token_bytes)[0] == "b"


def test_a_key_announced_behind_the_current_one_unwraps_before_it_wraps() -> None:
    announced = Keyring.parse("VERIFICATION_KEY", f"a={ONE},b={TWO}")
    turned = Keyring.parse("VERIFICATION_KEY", f"b={TWO},a={ONE}")
    for one, other in ((announced, turned), (turned, announced)):
        key_id, wrapped = one.wrap(b"data key", b"c", secrets.token_bytes)
        assert other.unwrap(key_id, wrapped, b"c") == b"data key"


def test_a_key_that_left_the_ring_is_named() -> None:
    key_id, wrapped = Keyring.parse("K", f"a={ONE}").wrap(b"data key", b"c", secrets.token_bytes)
    with pytest.raises(Undecryptable, match="'a' is not configured"):
        Keyring.parse("K", f"b={TWO}").unwrap(key_id, wrapped, b"c")


def test_a_wrapped_key_is_bound_to_its_key_id() -> None:
    ring = Keyring.parse("K", f"a={ONE},b={ONE}")
    _, wrapped = ring.wrap(b"data key", b"c", secrets.token_bytes)
    with pytest.raises(Undecryptable):
        ring.unwrap("b", wrapped, b"c")
