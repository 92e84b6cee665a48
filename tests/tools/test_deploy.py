"""`python -m tools.deploy`, against stand-ins of gcloud and terraform."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories.cloud import PROJECT, CloudFolder

STATE, ARCHIVES = f"{PROJECT}-state", f"{PROJECT}-archives"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[CloudFolder]:
    made = CloudFolder(tmp_path)
    yield made
    made.close()


def ok(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def refused(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


def end_state(cloud: CloudFolder) -> object:
    """What a deploy leaves, without times and random values."""
    found = cloud.cloud
    return {
        "buckets": {
            name: {**bucket, "objects": sorted(n if "releases" not in n else "mark" for n in bucket["objects"])}
            for name, bucket in found["buckets"].items()
        },
        "secrets": {name: [v["state"] for v in versions] for name, versions in found["secrets"].items()},
        "functions": {name: (f["archive"], f["secrets"]) for name, f in found["functions"].items()},
        "addresses": sorted(found["state"]["addresses"]),
        "outputs": found["state"]["outputs"],
    }


def test_from_an_empty_project_to_ready(cloud: CloudFolder) -> None:
    archive = cloud.archive("first")
    output = ok(cloud.deploy("deploy", ARCHIVE=archive))
    found = cloud.cloud
    assert found["buckets"][STATE] | {"objects": {}} == {
        "location": "US-CENTRAL1",
        "uniform": True,
        "private": True,
        "versioning": True,
        "objects": {},
    }
    assert {f"functions/{archive}.zip", f"functions/{archive}.json"} < set(found["buckets"][ARCHIVES]["objects"])
    assert {name: len(versions) for name, versions in found["secrets"].items()} == {
        "AGE_TOKEN_KEY": 1,
        "JWT_SECRET": 1,
        "VERIFICATION_KEY": 1,
    }
    assert {function["archive"] for function in found["functions"].values()} == {archive}
    steps = [line.split()[0] for line in output.splitlines() if line and line[0] != " "]
    assert steps == "preflight bootstrap package stores upload secrets plan apply smoke".split()  # noqa: SIM905
    assert f"GET /health/ready {' ' * 42} {cloud.ready_url}" in output


def test_twice_is_the_same_as_once(cloud: CloudFolder) -> None:
    archive = cloud.archive("first")
    ok(cloud.deploy("deploy", ARCHIVE=archive))
    once, values = end_state(cloud), cloud.cloud["secrets"]
    ok(cloud.deploy("deploy", ARCHIVE=archive))
    assert end_state(cloud) == once
    assert cloud.cloud["secrets"] == values


def test_no_value_of_a_secret_is_shown_or_kept(cloud: CloudFolder) -> None:
    output = ok(cloud.deploy("deploy", ARCHIVE=cloud.archive("first")))
    values = [version["value"] for versions in cloud.cloud["secrets"].values() for version in versions]
    values += [line for value in values for line in value.split() if len(line) > 30]
    arguments = [argument for call in cloud.calls for argument in call["arguments"]]
    files = [path for path in cloud.tree.rglob("*") if path.is_file() and not path.is_symlink()]
    for value in values:
        assert value not in output
        assert not any(value in argument for argument in arguments)
        assert not any(value.encode() in path.read_bytes() for path in files if "infra" not in path.parts)


# Calls of a first deploy that change something; after any other one nothing is different.
CHANGING = (
    "services enable",
    "buckets create",
    "buckets update",
    "init",
    "apply",
    "storage cp",
    "versions add",
    "plan",
)


@pytest.mark.parametrize("part", range(3))
def test_killed_after_any_change_and_run_again_is_complete(cloud: CloudFolder, part: int) -> None:
    archive = cloud.archive("first")
    fresh = cloud.cloud
    ok(cloud.deploy("deploy", ARCHIVE=archive))
    complete = end_state(cloud)
    lines = [" ".join(call["arguments"]) for call in cloud.calls]
    changing = [number for number, line in enumerate(lines, start=1) if any(change in line for change in CHANGING)]
    assert len(changing) == 15
    for number in changing[part::3]:
        cloud.cloud = fresh
        cloud.forget_calls()
        assert cloud.deploy("deploy", ARCHIVE=archive, kills_at=number).returncode == -9
        ok(cloud.deploy("deploy", ARCHIVE=archive))
        assert end_state(cloud) == complete, lines[number - 1]


def test_any_call_may_fail_and_the_next_deploy_goes_on(cloud: CloudFolder) -> None:
    archive = cloud.archive("first")
    for number in range(1, 40, 2):
        cloud.forget_calls()
        done = cloud.deploy("deploy", ARCHIVE=archive, fails_at=number)
        assert "Traceback" not in done.stderr
        if len(cloud.calls) < number:
            break
        # Only whether billing is on may go unanswered.
        assert (done.returncode == 0) == ("billing" in cloud.calls[number - 1]["arguments"]), done.stdout
    assert (done.returncode, cloud.live) == (0, archive)


def test_a_failing_program_is_named_with_what_it_said(cloud: CloudFolder) -> None:
    said = refused(cloud.deploy("deploy", ARCHIVE=cloud.archive("first"), fails_at=5))
    assert "This command failed: gcloud services enable serviceusage.googleapis.com" in said
    assert "the network is down" in said


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"projects": {}}, "gcloud projects create shop-staging"),
        ({"projects": {PROJECT: {"state": "DELETE_REQUESTED", "billing": True}}}, "gcloud projects undelete"),
        ({"projects": {PROJECT: {"state": "ACTIVE", "billing": False}}}, "gcloud billing projects link shop-staging"),
        ({"accounts": []}, "gcloud auth login"),
        ({"key_rings": ["livhana"]}, 'kms_key_ring = "livhana-2"'),
        ({"buckets": {STATE: {"location": "US-EAST1", "objects": {}}}}, "give REGION=us-east1"),
    ],
)
def test_what_is_in_the_way_is_said_before_anything_is_made(
    cloud: CloudFolder, change: dict[str, object], sentence: str
) -> None:
    cloud.cloud = {**cloud.cloud, **change}
    assert sentence in refused(cloud.deploy("deploy", ARCHIVE=cloud.archive("first")))
    assert (cloud.cloud["functions"], cloud.cloud["secrets"]) == ({}, {})


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"PROJECT": ""}, "PROJECT is ''"),
        ({"PROJECT": "Shop"}, "PROJECT is 'Shop'"),
        ({"REGION": ""}, "REGION is ''"),
        ({"REGION": "us"}, "REGION is 'us'"),
        ({"ENVIRONMENT": "test"}, "ENVIRONMENT is 'test'"),
        ({"ARCHIVE": "abc"}, "ARCHIVE is 'abc'"),
    ],
)
def test_a_wrong_variable_is_named(cloud: CloudFolder, variables: dict[str, str], sentence: str) -> None:
    assert sentence in refused(cloud.deploy("deploy", **variables))


def test_without_an_archive_the_work_tree_is_packaged(cloud: CloudFolder) -> None:
    cloud.copy_sources()
    ok(cloud.deploy("deploy"))
    assert (cloud.tree / "dist" / f"{cloud.live}.zip").stat().st_size > 10_000
    assert set(cloud.cloud["secrets"]) >= {"AGE_TOKEN_KEY", "CUSTOMER_HASH_KEY", "JWT_SECRET", "VERIFICATION_KEY"}


def test_an_altered_archive_is_not_uploaded(cloud: CloudFolder) -> None:
    archive = cloud.archive("first")
    (cloud.tree / "dist" / f"{archive}.zip").write_bytes(b"another")
    assert "altered or cut off" in refused(cloud.deploy("deploy", ARCHIVE=archive))
    assert cloud.cloud["functions"] == {}


def test_a_providers_secret_waits_for_its_owner(cloud: CloudFolder) -> None:
    cloud.use("square")
    archive = cloud.archive("first", pos_sync=["SQUARE_ACCESS_TOKEN", "LIGHTSPEED_CLIENT_SECRET", "JWT_SECRET"])
    said = refused(cloud.deploy("deploy", ARCHIVE=archive))
    assert "gcloud secrets versions add SQUARE_ACCESS_TOKEN --project=shop-staging --data-file=-" in said
    assert cloud.cloud["functions"] == {}
    found = cloud.cloud
    assert (len(found["secrets"]["JWT_SECRET"]), found["secrets"]["SQUARE_ACCESS_TOKEN"]) == (1, [])
    found["secrets"]["SQUARE_ACCESS_TOKEN"].append({"state": "ENABLED", "value": "from the owner"})
    cloud.cloud = found
    ok(cloud.deploy("deploy", ARCHIVE=archive))
    assert "LIGHTSPEED_CLIENT_SECRET" not in cloud.cloud["secrets"]
    assert cloud.cloud["functions"]["pos-sync"]["secrets"] == ["JWT_SECRET", "SQUARE_ACCESS_TOKEN"]


def test_without_an_account_of_a_provider_everything_else_is_deployed(cloud: CloudFolder) -> None:
    archive = cloud.archive("first", pos_sync=["SQUARE_ACCESS_TOKEN", "JWT_SECRET"], jwks=["JWT_SECRET"])
    said = ok(cloud.deploy("deploy", ARCHIVE=archive))
    assert (
        "secrets      not used, because integrations in infra/environments/staging.tfvars names no such provider: "
        "SQUARE_ACCESS_TOKEN\n"
    ) in said
    assert set(cloud.cloud["secrets"]) == {"JWT_SECRET"}
    cloud.use("lightspeed", "square")
    assert "SQUARE_ACCESS_TOKEN" in refused(cloud.deploy("deploy", ARCHIVE=archive))
    assert set(cloud.cloud["secrets"]) == {"JWT_SECRET", "SQUARE_ACCESS_TOKEN"}


def test_a_secret_made_by_hand_is_taken_over(cloud: CloudFolder) -> None:
    cloud.cloud = {**cloud.cloud, "secrets": {"JWT_SECRET": [{"state": "ENABLED", "value": "by hand"}]}}
    ok(cloud.deploy("deploy", ARCHIVE=cloud.archive("first")))
    assert [version["value"] for version in cloud.cloud["secrets"]["JWT_SECRET"]] == ["by hand"]


def test_plan_changes_nothing(cloud: CloudFolder) -> None:
    ok(cloud.deploy("deploy", ARCHIVE=cloud.archive("first")))
    before = cloud.cloud
    output = ok(cloud.deploy("plan", ARCHIVE=cloud.archive("second", a=["JWT_SECRET"])))
    assert cloud.cloud == before
    assert "# google_cloudfunctions2_function.function[\"a\"] ['create']" in output
    assert 'deletes data: google_secret_manager_secret.secret["VERIFICATION_KEY"]' in output
    assert (cloud.tree / f".local/terraform/{PROJECT}/plan.bin").exists()


def test_data_is_not_deleted_by_the_way(cloud: CloudFolder) -> None:
    ok(cloud.deploy("deploy", ARCHIVE=cloud.archive("first")))
    said = refused(cloud.deploy("deploy", ARCHIVE=cloud.archive("second", a=["JWT_SECRET"])))
    assert 'ALLOW_DATA_LOSS=1:\n  google_secret_manager_secret.secret["AGE_TOKEN_KEY"]' in said
    assert set(cloud.cloud["secrets"]) == {"AGE_TOKEN_KEY", "JWT_SECRET", "VERIFICATION_KEY"}


def test_rollback_goes_to_the_archive_before_with_its_own_declarations(cloud: CloudFolder) -> None:
    first = cloud.archive("first", a=["JWT_SECRET"])
    second = cloud.archive("second", a=["JWT_SECRET"], b=["JWT_SECRET"])
    ok(cloud.deploy("deploy", ARCHIVE=first))
    ok(cloud.deploy("deploy", ARCHIVE=second))
    forget_dist(cloud)
    ok(cloud.deploy("rollback"))
    assert {name: f["archive"] for name, f in cloud.cloud["functions"].items()} == {"a": first}
    ok(cloud.deploy("rollback", ARCHIVE=second))
    assert {name: f["archive"] for name, f in cloud.cloud["functions"].items()} == {"a": second, "b": second}


def forget_dist(cloud: CloudFolder) -> None:
    """Another machine, which never packaged anything."""
    for file in (cloud.tree / "dist").iterdir():
        file.unlink()


def test_after_a_bad_deploy_the_last_good_archive_comes_back(cloud: CloudFolder) -> None:
    first, second, bad = (cloud.archive(text, a=["JWT_SECRET"]) for text in ("first", "second", "bad"))
    for archive in (first, second):
        ok(cloud.deploy("deploy", ARCHIVE=archive))
    ok(cloud.deploy("rollback"))
    cloud.unready.add(bad)
    said = refused(cloud.deploy("deploy", ARCHIVE=bad))
    assert "HTTP 503, status 'unavailable', down: firestore" in said
    assert f"make rollback PROJECT={PROJECT} REGION=us-central1 ENVIRONMENT=staging" in said
    assert cloud.live == bad
    ok(cloud.deploy("rollback"))
    # Not the one that was uploaded last before it: the one that ran.
    assert cloud.live == first


def test_rollback_keeps_the_secrets_that_the_earlier_archive_does_not_know(cloud: CloudFolder) -> None:
    first = cloud.archive("first", a=["JWT_SECRET"])
    second = cloud.archive("second", a=["JWT_SECRET", "VERIFICATION_KEY"])
    ok(cloud.deploy("deploy", ARCHIVE=first))
    ok(cloud.deploy("deploy", ARCHIVE=second))
    key = cloud.cloud["secrets"]["VERIFICATION_KEY"]
    assert "kept, outside of the state: VERIFICATION_KEY" in ok(cloud.deploy("rollback"))
    assert (cloud.live, cloud.cloud["secrets"]["VERIFICATION_KEY"]) == (first, key)
    ok(cloud.deploy("deploy", ARCHIVE=second))
    assert (cloud.live, cloud.cloud["secrets"]["VERIFICATION_KEY"]) == (second, key)


def test_rollback_without_anything_before_says_so(cloud: CloudFolder) -> None:
    ok(cloud.deploy("deploy", ARCHIVE=cloud.archive("first")))
    assert "There is no archive before" in refused(cloud.deploy("rollback"))
    assert f"Archive {'0' * 64} is not in" in refused(cloud.deploy("rollback", ARCHIVE="0" * 64))


def test_releases_say_which_is_live(cloud: CloudFolder) -> None:
    first, second = (cloud.archive(text, a=["JWT_SECRET"]) for text in ("first", "second"))
    ok(cloud.deploy("deploy", ARCHIVE=first))
    cloud.unready.add(second)
    refused(cloud.deploy("deploy", ARCHIVE=second))
    lines = ok(cloud.deploy("releases")).splitlines()
    assert [(line.split()[0], "never found ready" in line, line.endswith("LIVE")) for line in lines] == [
        (second, True, True),
        (first, False, False),
    ]


def test_destroy_wants_to_be_told_twice(cloud: CloudFolder) -> None:
    ok(cloud.deploy("deploy", ARCHIVE=cloud.archive("first")))
    before = cloud.cloud
    for confirm in ("", "yes", "shop"):
        assert f"CONFIRM={PROJECT}" in refused(cloud.deploy("destroy", CONFIRM=confirm))
    assert cloud.cloud == before


def test_destroy_takes_everything_and_says_what_stays(cloud: CloudFolder) -> None:
    ok(cloud.deploy("deploy", ARCHIVE=cloud.archive("first")))
    output = ok(cloud.deploy("destroy", CONFIRM=PROJECT))
    found = cloud.cloud
    assert (found["functions"], found["secrets"], found["state"]["addresses"]) == ({}, {}, [])
    assert list(found["buckets"]) == [STATE]
    assert f"gcloud storage rm --recursive gs://{STATE}" in output
    ok(cloud.deploy("destroy", CONFIRM=PROJECT))


@pytest.mark.parametrize("number", [15, 19, 23])
def test_destroy_of_a_half_made_deployment(cloud: CloudFolder, number: int) -> None:
    cloud.deploy("deploy", ARCHIVE=cloud.archive("first"), kills_at=number)
    ok(cloud.deploy("destroy", CONFIRM=PROJECT))
    assert (cloud.cloud["functions"], cloud.cloud["secrets"], cloud.cloud["state"]["addresses"]) == ({}, {}, [])


def test_production_wants_its_name_typed(cloud: CloudFolder) -> None:
    archive = cloud.archive("first")
    for typed in ("", "yes\n"):
        said = refused(cloud.deploy("deploy", ARCHIVE=archive, ENVIRONMENT="production", TYPED=typed))
        assert "Nothing was applied" in said
    assert cloud.cloud["functions"] == {}
    output = ok(cloud.deploy("deploy", ARCHIVE=archive, ENVIRONMENT="production", TYPED=f"{PROJECT}\n"))
    assert 'create         google_cloudfunctions2_function.function["verification-jwks"]' in output
    ok(cloud.deploy("deploy", ARCHIVE=archive, ENVIRONMENT="production", YES="1"))


def test_production_runs_what_is_in_git(cloud: CloudFolder) -> None:
    archive = cloud.archive("first")
    production = {"ARCHIVE": archive, "ENVIRONMENT": "production", "YES": "1"}

    def git(*arguments: str) -> None:
        who = ("-c", "user.name=Shop", "-c", "user.email=shop@example.com")
        subprocess.run(["git", *who, *arguments], cwd=cloud.tree, check=True, capture_output=True)

    git("init", "--initial-branch=main", "--bare", str(cloud.folder / "origin.git"))
    git("init", "--initial-branch=main")
    (cloud.tree / ".gitignore").write_text(".local/\n__pycache__/\n")
    git("add", ".")
    git("commit", "--message", "first")
    git("remote", "add", "origin", str(cloud.folder / "origin.git"))
    git("push", "--set-upstream", "origin", "main")
    ok(cloud.deploy("deploy", **production))
    (cloud.tree / "infra/environments/production.tfvars").write_text("# changed\n")
    assert "infra/environments/production.tfvars" in refused(cloud.deploy("deploy", **production))
    ok(cloud.deploy("deploy", **production, ALLOW_DIRTY="1"))
    ok(cloud.deploy("deploy", ARCHIVE=archive))
    git("commit", "--all", "--message", "second")
    assert "1 commits are not pushed" in refused(cloud.deploy("deploy", **production))
    git("push")
    ok(cloud.deploy("deploy", **production))


def test_programs_that_are_not_installed_are_named(cloud: CloudFolder) -> None:
    (cloud.folder / "bin" / "terraform").unlink()
    said = refused(cloud.deploy("deploy", ARCHIVE=cloud.archive("first"), PATH=f"{cloud.folder}/bin"))
    assert "terraform is not installed. Install it: https://" in said


def test_terraform_needs_credentials_of_its_own(cloud: CloudFolder) -> None:
    said = refused(cloud.deploy("deploy", ARCHIVE=cloud.archive("first"), fails_at=2))
    assert "gcloud auth application-default login" in said


def test_a_service_account_has_them_from_its_machine(cloud: CloudFolder) -> None:
    cloud.cloud = {**cloud.cloud, "accounts": [{"account": "d@p.iam.gserviceaccount.com", "status": "ACTIVE"}]}
    ok(cloud.deploy("deploy", ARCHIVE=cloud.archive("first")))
    assert not any("application-default" in call["arguments"] for call in cloud.calls)


def test_terraform_runs_on_the_targets_state(cloud: CloudFolder) -> None:
    ok(cloud.deploy("deploy", ARCHIVE=cloud.archive("first")))
    assert "  google_storage_bucket.archives\n" in ok(cloud.deploy("terraform", ARGS="state list"))
