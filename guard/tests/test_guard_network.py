"""The ways to the service that the environment decides on: TLS with a private authority, and a proxy."""

import ipaddress
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from scripted_service import ScriptedService, answer, drip

from age_guard import AgeGuard, UnableToVerifyAge


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A file with a self-signed certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "service.example.com")])
    now = datetime.now(UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file = tmp_path / "service.pem"
    secret = key.private_bytes(pem, private, serialization.NoEncryption())
    file.write_bytes(secret + certificate.public_bytes(pem))
    return file


@pytest.fixture
def secure_service(certificate: Path) -> Iterator[ScriptedService]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ScriptedService(tls=context) as running:
        yield running


def test_an_unknown_certificate_is_not_trusted(secure_service: ScriptedService) -> None:
    secure_service.plays(answer())
    with AgeGuard(secure_service.url) as guard, pytest.raises(UnableToVerifyAge) as failure:
        guard.check_age("c-1", authorization="Bearer example-token")
    assert failure.value.reason == "connection_failed"
    assert secure_service.seen == []


def test_a_private_authority_can_be_trusted(
    secure_service: ScriptedService, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    secure_service.plays(answer())
    with AgeGuard(secure_service.url, cache_seconds=0) as guard:
        assert guard.check_age("c-1").age == 34
        assert guard.check_age("c-1").age == 34
    first, second = secure_service.seen
    assert first.connection == second.connection


def test_the_time_is_bounded_under_tls(
    secure_service: ScriptedService, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    secure_service.plays(drip(b"HTTP/1.1 200 OK\r\n", b"X-Slow: " + b"z" * 500))
    guard = AgeGuard(secure_service.url, timeout_seconds=(1, 0.2), retries=0)
    with guard, pytest.raises(UnableToVerifyAge) as failure:
        guard.check_age("c-1")
    assert failure.value.reason == "timed_out"


def test_a_proxy_is_used(service: ScriptedService, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", service.url)
    service.plays(answer())
    with AgeGuard("http://age.example.com") as guard:
        assert guard.check_age("c-1").age == 34
    assert service.seen[0].path == "http://age.example.com/api/age-verification/status/c-1"
