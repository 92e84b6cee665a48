"""Which signatures of drand's rounds are believed."""

from __future__ import annotations

from hashlib import sha256

import pytest

from local.simulators.drand_chain import LocalChain
from shared.integrations.drand import QUICKNET
from shared.integrations.drand_signature import is_key, is_signed
from tests.factories.drand import RANDOMNESS, REAL

KEY = bytes.fromhex(QUICKNET.public_key)
FIELD = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB


@pytest.mark.parametrize("number", REAL)
def test_a_real_round_is_signed_and_its_neighbours_are_not(number: int) -> None:
    signature = bytes.fromhex(REAL[number])
    assert is_signed(KEY, number, signature)
    assert not any(is_signed(KEY, other, signature) for other in (0, 1, number - 1, number + 1, 2**64 - 1))


def test_every_changed_byte_of_a_signature_is_found() -> None:
    signature = bytes.fromhex(REAL[657413])
    for place in range(len(signature)):
        for bit in (0x01, 0x20, 0x80):
            changed = bytearray(signature)
            changed[place] ^= bit
            assert not is_signed(KEY, 657413, bytes(changed))


@pytest.mark.parametrize(
    "signature", [b"", bytes(48), b"\xc0" + bytes(47), b"\xff" * 48, bytes.fromhex(REAL[42])[:-1], KEY]
)
def test_what_is_no_signature_verifies_nothing(signature: bytes) -> None:
    assert not is_signed(KEY, 42, signature)
    assert not is_signed(b"\xc0" + bytes(95), 42, signature)


def test_a_round_has_one_randomness_because_a_signature_has_one_encoding() -> None:
    """Another encoding of the same point would verify under a reader that is not strict, with another hash."""
    chain, found = LocalChain("quicknet", 1, 0, 1), 0
    for number in range(1, 40):
        signature = int.from_bytes(chain.sign(number), "big")
        other = signature + FIELD
        if other >> 381 == signature >> 381:
            found += 1
            assert not is_signed(bytes.fromhex(chain.public_key), number, other.to_bytes(48, "big"))
    assert found


def test_points_outside_of_the_group_are_refused() -> None:
    """On the curve, but not of prime order: the smallest that has a y."""
    x = 4
    while pow(x**3 + 4, (FIELD - 1) // 2, FIELD) != 1:
        x += 1
    assert not is_signed(KEY, 42, (x | 1 << 383).to_bytes(48, "big"))


def test_keys() -> None:
    assert is_key(KEY)
    assert not any(map(is_key, (b"", bytes(96), b"\xc0" + bytes(95), KEY[:-1], KEY[:-1] + b"\0")))


def test_another_library_agrees() -> None:
    verifier = pytest.importorskip("drand_verify", reason="there is no wheel of it for this Python")
    chain = LocalChain("quicknet", 1, 0, 1)
    for number in (1, 2, 2**40):
        signature = chain.sign(number)
        assert verifier.verify_quicknet(number, signature.hex(), chain.public_key) == sha256(signature).hexdigest()
        with pytest.raises(ValueError, match="Failed"):
            verifier.verify_quicknet(number + 1, signature.hex(), chain.public_key)
    assert verifier.verify_quicknet(657413, REAL[657413]) == RANDOMNESS
