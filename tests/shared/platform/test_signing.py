"""The keys of one secret: which signs, which are only published, and what is refused."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from shared.platform.errors import Misconfigured
from shared.platform.signing import SigningKeys

PEM = serialization.Encoding.PEM
PKCS8, SEC1 = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL
PLAIN = serialization.NoEncryption()
PARAMETERS = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"


def key(number: int, curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(number, curve or ec.SECP256R1())


def private(number: int, form: serialization.PrivateFormat = PKCS8) -> str:
    return key(number).private_bytes(PEM, form, PLAIN).decode()


def public(number: int) -> str:
    return key(number).public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def parse(text: str) -> SigningKeys:
    return SigningKeys.parse("AGE_TOKEN_KEY", text)


def key_ids(*numbers: int) -> list[str]:
    return [parse(private(number)).key_id for number in numbers]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (private(1), [1]),
        (private(1) + public(2), [1, 2]),
        (public(2) + private(1), [1, 2]),
        (public(2) + private(1) + public(3), [1, 2, 3]),
        (private(1) + private(2), [1, 2]),
        (private(1) + public(3) + private(2), [1, 3, 2]),
        (private(1, SEC1) + private(2, SEC1), [1, 2]),
        (PARAMETERS + private(1, SEC1) + PARAMETERS + private(2, SEC1), [1, 2]),
        (private(1) + public(1), [1]),
        (private(1) + public(2) + private(2), [1, 2]),
        (f"\n\n  {private(1)}\n \t\n{public(2)}\n", [1, 2]),
        (private(1).strip() + public(2).strip(), [1, 2]),
        ((private(1) + public(2)).replace("\n", "\r\n"), [1, 2]),
        ((private(1) + public(2)).replace("\n", "\\n"), [1, 2]),
    ],
)
def test_the_first_private_key_signs_and_every_key_is_published(text: str, numbers: list[int]) -> None:
    keys = parse(text)
    assert list(keys.public) == key_ids(*numbers)
    assert keys.key_id == key_ids(1)[0]
    assert [found["kid"] for found in keys.jwks()["keys"]] == key_ids(*numbers)


def test_a_key_announced_behind_the_current_one_is_published_before_it_signs() -> None:
    announced, turned = parse(private(1) + private(2)), parse(private(2) + private(1))
    assert announced.public.keys() == turned.public.keys()
    assert [announced.key_id, turned.key_id] == key_ids(1, 2)


def test_a_signature_is_64_bytes_and_the_signing_key_s() -> None:
    keys = parse(private(1) + private(2))
    signature = keys.sign(b"said")
    assert len(signature) == 64
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    # Raises when it is another key's.
    key(1).public_key().verify(encode_dss_signature(r, s), b"said", ec.ECDSA(hashes.SHA256()))


def test_what_is_published_holds_no_private_part() -> None:
    for published in parse(private(1) + private(2)).jwks()["keys"]:
        assert published.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def test_a_former_private_key_is_not_kept() -> None:
    assert not [k for k in parse(private(1) + private(2)).public.values() if hasattr(k, "private_numbers")]


def test_the_key_id_is_the_thumbprint_of_rfc_7638() -> None:
    (published,) = parse(private(1)).jwks()["keys"]
    text = '{{"crv":"{crv}","kty":"{kty}","x":"{x}","y":"{y}"}}'.format(**published)
    assert published["kid"] == urlsafe_b64encode(sha256(text.encode()).digest()).decode().rstrip("=")


@pytest.mark.parametrize("number", [1, 2, 3, 12345])
def test_coordinates_keep_their_leading_zeros(number: int) -> None:
    (published,) = parse(private(number)).jwks()["keys"]
    assert (len(published["x"]), len(published["y"])) == (43, 43)


def _wrong() -> dict[str, tuple[str, str]]:
    """Kind → (text, how the sentence begins)."""
    p384 = key(5, ec.SECP384R1())
    p384_public = p384.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    rsa_key = rsa.generate_private_key(65537, 2048)
    locked = key(1).private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"made-up")).decode()
    locked_sec1 = key(1).private_bytes(PEM, SEC1, serialization.BestAvailableEncryption(b"made-up")).decode()
    broken = private(1).replace("MI", "??", 1)
    first, second = "Block 1 of AGE_TOKEN_KEY is not", "Block 2 of AGE_TOKEN_KEY is not"
    outside = "AGE_TOKEN_KEY holds something besides whole PEM blocks"
    return {
        "nothing": ("", "AGE_TOKEN_KEY holds no private key"),
        "public keys only": (public(1) + public(2), "AGE_TOKEN_KEY holds no private key"),
        "parameters only": (PARAMETERS, "AGE_TOKEN_KEY holds no private key"),
        "nonsense": ("nonsense", outside),
        "no end": ("-----BEGIN PRIVATE KEY-----\nMIGH", outside),
        "the second has no end": (private(1) + public(2).rpartition("\n-----END")[0], outside),
        "the first has no end": (private(1).rpartition("\n-----END")[0] + "\n" + public(2), outside),
        "a word between": (f"{private(1)}# former:\n{public(2)}", outside),
        "another curve": (p384.private_bytes(PEM, PKCS8, PLAIN).decode(), first),
        "another kind": (rsa_key.private_bytes(PEM, PKCS8, PLAIN).decode(), first),
        "another kind by its label": (rsa_key.private_bytes(PEM, SEC1, PLAIN).decode(), first),
        "locked": (locked, first),
        "locked in the old way": (locked_sec1, first),
        "broken": (broken, first),
        "a former key of another curve": (private(1) + p384_public, second),
        "a broken former key": (private(1) + public(2).replace("MF", "??", 1), second),
        "public by its label only": (private(1) + private(2).replace("PRIVATE", "PUBLIC"), second),
        "a certificate": (private(1) + public(2).replace("PUBLIC KEY", "CERTIFICATE"), second),
    }


WRONG = _wrong()


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_said_with_the_command_that_makes_a_right_key(kind: str) -> None:
    text, said = WRONG[kind]
    with pytest.raises(Misconfigured, match=r"AGE_TOKEN_KEY .* openssl genpkey") as refused:
        parse(text)
    assert str(refused.value).startswith(said)
    shown = [line for line in text.splitlines() if len(line) > 3 and line in str(refused.value)]
    assert not shown
    assert refused.value.__cause__ is None
