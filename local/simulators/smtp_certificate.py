"""The certificate of the simulated mail server: the same on every machine, so that clients can be told it beforehand.

Its key is derived from a word in this file. It is worth nothing: it only stands for 127.0.0.1 and localhost.
"""

from __future__ import annotations

import hashlib
import ssl
import tempfile
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

BEGIN, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)


def _key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"simulated mail server").digest())


@cache
def pem_of_certificate() -> str:
    """Ed25519 signs the same bytes with the same signature, so it is one certificate."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulated mail server")])
    hosts = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(_key().public_key())
        .serial_number(1)
        .not_valid_before(BEGIN)
        .not_valid_after(END)
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(_key(), None)
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def context() -> ssl.SSLContext:
    """The server's side of TLS."""
    key = _key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # ssl reads files only.
    with tempfile.TemporaryDirectory() as folder:
        both = Path(folder) / "both.pem"
        both.write_bytes(key + pem_of_certificate().encode())
        made.load_cert_chain(both)
    return made
