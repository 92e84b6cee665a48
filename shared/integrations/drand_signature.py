"""The signature of a drand round: scheme bls-unchained-g1-rfc9380. No network, no clock."""

from __future__ import annotations

import hashlib

SCHEME = "bls-unchained-g1-rfc9380"
# RFC 9380's suite for signatures in G1, as drand's scheme names it.
DOMAIN = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"
SIGNATURE_BYTES, KEY_BYTES = 48, 96
# Of the first byte of a compressed point: it is the point at infinity, which signs everything for a key that is it too.
INFINITY = 0x40
G2_GENERATOR = bytes.fromhex(
    "93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
    "024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
)


def message(number: int) -> bytes:
    """What is signed: an unchained round knows nothing of the one before."""
    return hashlib.sha256(number.to_bytes(8, "big")).digest()


def randomness(signature: bytes) -> bytes:
    return hashlib.sha256(signature).digest()


def is_key(public_key: bytes) -> bool:
    """Whether it is a point of G2 that can verify anything."""
    from pyblst import BlstP2Element

    if len(public_key) != KEY_BYTES or public_key[0] & INFINITY:
        return False
    try:
        BlstP2Element.uncompress(public_key)
    except ValueError:
        return False
    return True


def is_signed(public_key: bytes, number: int, signature: bytes) -> bool:
    """Whether the key's owner signed the round. One point has one encoding, so a round has one randomness."""
    from pyblst import BlstP1Element, BlstP2Element, final_verify, miller_loop

    if len(signature) != SIGNATURE_BYTES or signature[0] & INFINITY:
        return False
    try:
        # These refuse what is not canonical, not on the curve, or not in the group.
        point = BlstP1Element.uncompress(signature)
        key = BlstP2Element.uncompress(public_key)
    except ValueError:
        return False
    hashed = BlstP1Element.hash_to_group(message(number), DOMAIN)
    generator = BlstP2Element.uncompress(G2_GENERATOR)
    return bool(final_verify(miller_loop(point, generator), miller_loop(hashed, key)))
