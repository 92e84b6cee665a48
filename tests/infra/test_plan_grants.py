"""Who may do what: what functions declare, and nothing above it."""

from __future__ import annotations

from collections import defaultdict

import pytest

from tests.infra.deployment import Deployment
from tests.infra.test_plan_functions import ENTRIES, HTTP, secrets_of
from tools.terraform_plan import UNKNOWN

pytestmark = [pytest.mark.xdist_group("infra"), pytest.mark.timeout(600)]

PRIMITIVE = {"roles/owner", "roles/editor", "roles/viewer"}
ANYBODY = {"allUsers", "allAuthenticatedUsers"}
# Roles that are granted on the whole project → why no smaller place will do.
PROJECT_WIDE = {
    "roles/bigquery.jobUser": "jobs belong to a project, not to a table",
    "roles/datastore.user": "a condition on the grant names the database",
    "roles/logging.logWriter": "builds write their log",
    "roles/storage.objectViewer": "builds read the archive from a bucket that only Cloud Functions knows",
}


def test_of_whom_is_granted_what_only_bigquerys_own_account_is_left_open(deployment: Deployment) -> None:
    left_open = {address for (address, _), value in deployment.state.leaves().items() if value == UNKNOWN}
    assert left_open == {
        "data.google_bigquery_default_service_account.agent",
        "google_kms_crypto_key_iam_member.personal",
    }


def test_no_primitive_role(deployment: Deployment) -> None:
    assert not [grant for grant in deployment.grants if grant.role in PRIMITIVE]


def test_nothing_takes_grants_away_from_others(deployment: Deployment) -> None:
    """A binding or a policy replaces what somebody else granted."""
    assert not deployment.state.all("google_*_iam_binding") | deployment.state.all("google_*_iam_policy")


def test_every_grant_is_to_somebody_known(deployment: Deployment) -> None:
    known = {a["account_id"] for a in deployment.state.all("google_service_account").values()} | ANYBODY
    assert not [grant for grant in deployment.grants if grant.who not in known and not grant.who.startswith("agent:")]


def test_project_wide_is_only_what_exists_for_projects_alone(deployment: Deployment) -> None:
    wide = {role for _, role, _ in deployment.granted("google_project_iam_member")}
    assert wide <= PROJECT_WIDE.keys()


def test_builds_write_logs_and_read_archives_and_run_nothing(deployment: Deployment) -> None:
    granted = {grant.role for grant in deployment.grants if grant.who == "function-build"}
    assert granted == {"roles/logging.logWriter", "roles/storage.objectViewer", "roles/artifactregistry.writer"}


def test_every_function_uses_this_database_and_no_other(deployment: Deployment) -> None:
    members = deployment.state.each("google_project_iam_member.firestore")
    (database,) = deployment.state.all("google_firestore_database").values()
    assert set(members) == _identities()
    for member in members.values():
        (condition,) = member["condition"]
        assert condition["expression"] == (
            f'resource.name == "projects/{deployment.project}/databases/{database["name"]}"'
        )
    users = {who for who, role, _ in deployment.granted("google_project_iam_member") if role == "roles/datastore.user"}
    assert users == _identities()


def test_only_endpoints_are_open_to_everybody(deployment: Deployment) -> None:
    runs = {g.on for g in deployment.grants if g.who in ANYBODY and g.role == "roles/run.invoker"}
    assert runs == set(HTTP)
    others = [g for g in deployment.grants if g.who in ANYBODY and g.role != "roles/run.invoker"]
    # Pages are read by their names; nobody gets a list of them.
    assert {(g.role, g.on) for g in others} <= {("roles/storage.legacyObjectReader", f"{deployment.project}-pages")}


def test_a_secret_is_read_by_those_who_declare_it(deployment: Deployment) -> None:
    declared: dict[str, set[str]] = defaultdict(set)
    for entry in ENTRIES.values():
        for secret in secrets_of(deployment, entry):
            declared[secret].add(f"{entry['domain']}-{entry['kind']}")
    granted = deployment.granted("google_secret_manager_secret_iam_member")
    reader = "roles/secretmanager.secretAccessor"
    assert granted == {(who, reader, secret) for secret, accounts in declared.items() for who in accounts}
    assert set(deployment.state.each("google_secret_manager_secret.secret")) == set(declared)


def test_a_topic_is_written_by_those_who_declare_it(deployment: Deployment) -> None:
    granted = {g for g in deployment.granted("google_pubsub_topic_iam_member") if g[0] != "agent:pubsub"}
    publisher = "roles/pubsub.publisher"
    assert granted == {
        (who, publisher, topic) for topic, accounts in _declared("publishes").items() for who in accounts
    }


def test_a_table_is_read_and_written_by_those_who_declare_it(deployment: Deployment) -> None:
    """Who may write may read as well."""
    writes, reads = _declared("writes"), _declared("reads")
    editors = {(who, "roles/bigquery.dataEditor", table) for table, accounts in writes.items() for who in accounts}
    viewers = {
        (who, "roles/bigquery.dataViewer", table)
        for table, accounts in reads.items()
        for who in accounts - writes[table]
    }
    assert deployment.granted("google_bigquery_table_iam_member") == editors | viewers


def test_who_stages_may_make_tables_in_the_dataset_for_it_and_in_no_other(deployment: Deployment) -> None:
    staging = {f"{entry['domain']}-{entry['kind']}" for entry in ENTRIES.values() if entry["stages"]}
    editors = {(who, "roles/bigquery.dataEditor", "staging") for who in staging}
    assert deployment.granted("google_bigquery_dataset_iam_member") == editors


def test_who_queries_may_run_jobs_and_so_does_who_reads_or_writes_tables(deployment: Deployment) -> None:
    granted = {
        who for who, role, _ in deployment.granted("google_project_iam_member") if role == "roles/bigquery.jobUser"
    }
    assert granted == {f"{entry['domain']}-{entry['kind']}" for entry in ENTRIES.values() if entry["queries"]}
    assert all(entry["queries"] for entry in ENTRIES.values() if entry["stages"])
    users = {who for kind in ("reads", "writes") for accounts in _declared(kind).values() for who in accounts}
    assert users <= granted


def test_each_key_is_used_by_one_service_of_google_and_by_nobody_else(deployment: Deployment) -> None:
    users = {"secrets": "agent:secretmanager", "personal": "agent:bigquery"}
    keys = {key["name"]: key["id"] for key in deployment.state.all("google_kms_crypto_key").values()}
    assert keys.keys() == users.keys()
    role = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
    assert deployment.granted("google_kms_crypto_key_iam_member") == {
        (who, role, keys[name]) for name, who in users.items()
    }


def _identities() -> set[str]:
    return {f"{found['domain']}-{found['kind']}" for found in ENTRIES.values()}


def _declared(kind: str) -> dict[str, set[str]]:
    """Secret, topic or table → the accounts of the functions that declare it."""
    found: dict[str, set[str]] = defaultdict(set)
    for entry in ENTRIES.values():
        for name in entry[kind]:
            found[name].add(f"{entry['domain']}-{entry['kind']}")
    return found
