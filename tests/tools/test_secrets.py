"""`python -m tools.secrets` and `tools.rotate`; `tools.token` for a deployment."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from shared.platform.crypto import Keyring
from shared.platform.signing import SigningKeys
from tests.factories.cloud import PROJECT, CloudFolder

OURS = ("AGE_TOKEN_KEY", "CUSTOMER_HASH_KEY", "JWT_SECRET", "VERIFICATION_KEY")


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[CloudFolder]:
    made = CloudFolder(tmp_path)
    readers = {"verification-verify": list(OURS), "audit-record-event": []}
    functions = {name: {"secrets": names, "started": 1} for name, names in readers.items()}
    made.cloud = {**made.cloud, "secrets": {name: [] for name in OURS}, "functions": functions}
    yield made
    made.close()


def values(cloud: CloudFolder, name: str) -> list[str]:
    return [version["value"] for version in cloud.cloud["secrets"][name]]


def add(cloud: CloudFolder, name: str, value: str, state: str = "ENABLED") -> None:
    found = cloud.cloud
    found["secrets"].setdefault(name, []).append({"state": state, "value": value})
    cloud.cloud = found


def shown(done: subprocess.CompletedProcess[str], cloud: CloudFolder) -> str:
    """Everything that a person or a process list could see."""
    return done.stdout + done.stderr + " ".join(argument for call in cloud.calls for argument in call["arguments"])


@pytest.fixture
def filled(cloud: CloudFolder) -> CloudFolder:
    assert cloud.run("tools.secrets").returncode == 0
    return cloud


def test_first_versions_are_what_the_functions_want(filled: CloudFolder) -> None:
    (signing,), (hashing,), (tokens,), (wrapping,) = (values(filled, name) for name in OURS)
    assert len(base64.b64decode(tokens)) == 48
    assert len(base64.b64decode(hashing)) == 32
    assert Keyring.parse("VERIFICATION_KEY", wrapping).current == "k1"
    assert len(SigningKeys.parse("AGE_TOKEN_KEY", signing).public) == 1


def test_a_secret_that_has_a_version_is_left_alone(filled: CloudFolder) -> None:
    before = filled.cloud["secrets"]
    done = filled.run("tools.secrets")
    assert (done.returncode, done.stdout) == (0, "secrets      every one of our own has a version\n")
    assert filled.cloud["secrets"] == before


def test_a_secret_whose_versions_are_all_disabled_is_not_made_anew(cloud: CloudFolder) -> None:
    add(cloud, "VERIFICATION_KEY", "old", "DISABLED")
    done = cloud.run("tools.secrets")
    assert done.returncode == 1
    assert "has versions, and none is enabled" in done.stderr
    assert values(cloud, "VERIFICATION_KEY") == ["old"]


def test_a_providers_secret_is_never_invented(cloud: CloudFolder) -> None:
    found = cloud.cloud
    found["secrets"]["SQUARE_ACCESS_TOKEN"] = []
    cloud.cloud = found
    done = cloud.run("tools.secrets")
    assert done.returncode == 1
    assert f"gcloud secrets versions add SQUARE_ACCESS_TOKEN --project={PROJECT} --data-file=-" in done.stderr
    assert values(cloud, "SQUARE_ACCESS_TOKEN") == []
    assert all(len(values(cloud, name)) == 1 for name in OURS)


def test_values_go_through_standard_input_alone(filled: CloudFolder) -> None:
    for name in ("VERIFICATION_KEY", "AGE_TOKEN_KEY", "JWT_SECRET"):
        done = filled.run("tools.rotate", SECRET=name)
        assert done.returncode == 0, done.stderr
        seen = shown(done, filled)
        for value in values(filled, name):
            assert not any(line in seen for line in value.replace(",", "\n").splitlines() if "-----" not in line)


def test_rotating_the_service_key_announces_it_before_it_wraps(filled: CloudFolder) -> None:
    assert filled.run("tools.rotate", SECRET="VERIFICATION_KEY").returncode == 0
    old, announced, new = (Keyring.parse("VERIFICATION_KEY", v) for v in values(filled, "VERIFICATION_KEY"))
    assert (old.current, announced.current) == ("k1", "k1")
    assert list(new.keys) == list(reversed(announced.keys))
    assert announced.keys == new.keys == {**new.keys, **old.keys}
    # Whoever reads the secret was started again after each step, nobody else.
    started = {name: function["started"] for name, function in filled.cloud["functions"].items()}
    assert started == {"verification-verify": 3, "audit-record-event": 1}
    order = [" ".join(call["arguments"][:3]) for call in filled.calls[-6:]]
    assert order == ["secrets versions add", "run services list", "run services update"] * 2


def test_rotating_twice_on_one_day_gives_each_key_its_own_id(filled: CloudFolder) -> None:
    for _ in range(2):
        assert filled.run("tools.rotate", SECRET="VERIFICATION_KEY").returncode == 0
    assert len(Keyring.parse("VERIFICATION_KEY", values(filled, "VERIFICATION_KEY")[-1]).keys) == 3


def test_a_key_without_an_id_keeps_being_k1(cloud: CloudFolder) -> None:
    bare = base64.b64encode(bytes(32)).decode()
    add(cloud, "VERIFICATION_KEY", bare)
    assert cloud.run("tools.rotate", SECRET="VERIFICATION_KEY").returncode == 0
    assert Keyring.parse("VERIFICATION_KEY", values(cloud, "VERIFICATION_KEY")[-1]).keys["k1"] == bytes(32)


def test_rotating_the_signing_key_keeps_public_halves_only(filled: CloudFolder) -> None:
    assert filled.run("tools.rotate", SECRET="AGE_TOKEN_KEY").returncode == 0
    old, announced, new = (SigningKeys.parse("AGE_TOKEN_KEY", value) for value in values(filled, "AGE_TOKEN_KEY"))
    assert announced.key_id == old.key_id != new.key_id
    assert set(announced.public) == set(new.public) == {old.key_id, new.key_id}
    assert values(filled, "AGE_TOKEN_KEY")[-1].count("BEGIN PRIVATE KEY") == 1


def test_a_version_that_was_added_by_hand_is_read_after_a_restart(filled: CloudFolder) -> None:
    add(filled, "JWT_SECRET", "by hand")
    done = filled.run("tools.rotate", "restart", SECRET="JWT_SECRET")
    assert (done.returncode, done.stdout) == (0, "restart      functions that read JWT_SECRET: 1\n")
    assert filled.cloud["functions"]["verification-verify"]["started"] == 2


def test_rotating_the_token_secret_is_one_new_version(filled: CloudFolder) -> None:
    assert filled.run("tools.rotate", SECRET="JWT_SECRET").returncode == 0
    first, second = values(filled, "JWT_SECRET")
    assert first != second


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("CUSTOMER_HASH_KEY", "names every customer's document"),
        ("SQUARE_ACCESS_TOKEN", "is not one of our keys"),
        ("", "is not one of our keys"),
    ],
)
def test_what_cannot_be_rotated_says_why(filled: CloudFolder, name: str, sentence: str) -> None:
    before = filled.cloud["secrets"]
    done = filled.run("tools.rotate", SECRET=name)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert filled.cloud["secrets"] == before


def test_a_value_that_cannot_be_read_is_left_alone_and_not_shown(cloud: CloudFolder) -> None:
    add(cloud, "VERIFICATION_KEY", "k1=c2hvcnQ=")
    done = cloud.run("tools.rotate", SECRET="VERIFICATION_KEY")
    assert done.returncode == 1
    assert "cannot be read, so it is left alone" in done.stderr
    assert "c2hvcnQ" not in shown(done, cloud)
    assert len(values(cloud, "VERIFICATION_KEY")) == 1


def test_a_rotation_stopped_anywhere_loses_no_key(filled: CloudFolder) -> None:
    first = Keyring.parse("VERIFICATION_KEY", values(filled, "VERIFICATION_KEY")[0])
    for number in range(1, 8):
        filled.forget_calls()
        filled.run("tools.rotate", SECRET="VERIFICATION_KEY", kills_at=number)
        latest = Keyring.parse("VERIFICATION_KEY", values(filled, "VERIFICATION_KEY")[-1])
        assert latest.keys.items() >= first.keys.items()
    assert filled.run("tools.rotate", SECRET="VERIFICATION_KEY").returncode == 0


def test_a_token_for_a_deployment(filled: CloudFolder) -> None:
    done = filled.run("tools.token", ROLE="service", SUB="order-service")
    assert done.returncode == 0, done.stderr
    (secret,) = values(filled, "JWT_SECRET")
    claims = jwt.decode(done.stdout.strip(), secret, ["HS256"], audience="livhana-api", issuer="livhana")
    assert (claims["sub"], claims["role"], claims["exp"] - claims["iat"]) == ("order-service", "service", 3600)
    assert secret not in shown(done, filled)


def test_a_token_for_a_deployment_with_its_own_audience(filled: CloudFolder) -> None:
    done = filled.run("tools.token", ROLE="admin", SUB="a", JWT_AUDIENCE="shop", JWT_ISSUER="login")
    claims = jwt.decode(done.stdout.strip(), values(filled, "JWT_SECRET")[0], ["HS256"], audience="shop")
    assert claims["iss"] == "login"


def test_a_token_needs_a_project_that_there_is(cloud: CloudFolder) -> None:
    done = cloud.run("tools.token", ROLE="admin", SUB="a", PROJECT="Shop")
    assert (done.returncode, done.stdout) == (1, "")
    assert "PROJECT is 'Shop'" in done.stderr
