"""Tables as their files say, Firestore as firestore.json says, and data that survives a destroy in production."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infra.deployment import Deployment
from tools.terraform import INFRA

pytestmark = [pytest.mark.xdist_group("infra"), pytest.mark.timeout(600)]

SCHEMAS = {path.stem: json.loads(path.read_text()) for path in sorted((INFRA / "schemas").glob("*.json"))}
FIRESTORE = json.loads((INFRA / "firestore.json").read_text())
DAY_MILLISECONDS = 24 * 3600 * 1000


def test_one_table_for_each_file(deployment: Deployment) -> None:
    tables = deployment.state.each("google_bigquery_table.table")
    assert set(tables) == set(SCHEMAS)
    datasets = {d["dataset_id"] for d in deployment.state.all("google_bigquery_dataset").values()}
    assert datasets >= {schema["dataset"] for schema in SCHEMAS.values()}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_table_is_as_its_file_says(deployment: Deployment, name: str) -> None:
    table, schema = deployment.state.each("google_bigquery_table.table")[name], SCHEMAS[name]
    assert f"{table['dataset_id']}.{table['table_id']}" == name == f"{schema['dataset']}.{schema['table']}"
    assert json.loads(table["schema"]) == schema["columns"]
    assert (table["clustering"] or []) == schema.get("clustering", [])
    partitioning = schema.get("partitioning", {})
    assert table["require_partition_filter"] is partitioning.get("requirePartitionFilter", False)
    assert [(p["field"], p["type"]) for p in table["time_partitioning"]] == (
        [(partitioning["field"], partitioning["type"])] if partitioning else []
    )
    days = partitioning.get("expirationDays", 0)
    # Where nothing is said of it, the provider reads back what the API chose: a rehearsal makes up a 0.
    assert all((p["expiration_ms"] or 0) == days * DAY_MILLISECONDS for p in table["time_partitioning"])


def test_what_is_personal_is_encrypted_with_our_key(deployment: Deployment) -> None:
    key = deployment.state.one("google_kms_crypto_key.personal")["id"]
    tables = deployment.state.each("google_bigquery_table.table")
    encrypted = {n for n, t in tables.items() if [e["kms_key_name"] for e in t["encryption_configuration"]] == [key]}
    assert encrypted == {name for name, schema in SCHEMAS.items() if schema.get("personal")} != set()


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_table_with_names_and_addresses_is_called_personal(name: str) -> None:
    personal = {"email", "full_name", "phone", "address", "date_of_birth"}
    columns = {column["name"] for column in SCHEMAS[name]["columns"]}
    assert SCHEMAS[name].get("personal", False) is bool(columns & personal)


def test_what_is_staged_is_gone_after_a_day(deployment: Deployment) -> None:
    staging = deployment.state.one("google_bigquery_dataset.staging")
    (encryption,) = staging["default_encryption_configuration"]
    assert encryption["kms_key_name"] == deployment.state.one("google_kms_crypto_key.personal")["id"]
    assert (staging["dataset_id"], staging["default_table_expiration_ms"]) == ("staging", DAY_MILLISECONDS)
    assert staging["delete_contents_on_destroy"]


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_file_names_columns_that_exist(name: str) -> None:
    schema = SCHEMAS[name]
    columns = {column["name"]: column for column in schema["columns"]}
    fields = [schema["partitioning"]["field"]] if "partitioning" in schema else []
    assert {*fields, *schema.get("clustering", [])} <= columns.keys()
    assert all(columns[field]["mode"] == "REQUIRED" for field in fields)
    assert len(schema.get("clustering", [])) <= 4


def test_documents_expire(deployment: Deployment) -> None:
    fields = deployment.state.each("google_firestore_field.ttl")
    assert {f["collection"]: f["field"] for f in fields.values()} == FIRESTORE["ttl"]
    assert all(len(f["ttl_config"]) == 1 for f in fields.values())


def test_fields_without_an_index(deployment: Deployment) -> None:
    fields = deployment.state.each("google_firestore_field.unindexed").values()
    expected = {(collection, field) for collection, names in FIRESTORE["unindexed"].items() for field in names}
    assert {(f["collection"], f["field"]) for f in fields} == expected
    assert all(_indexes(f) == [] for f in fields)


def test_composite_indexes(deployment: Deployment) -> None:
    made = [_composite(index) for index in deployment.state.all("google_firestore_index").values()]
    wanted = [(i["collection"], [(f["path"], f["order"]) for f in i["fields"]]) for i in FIRESTORE["indexes"]]
    assert sorted(made) == sorted(wanted)


def test_firestore_can_be_restored(deployment: Deployment) -> None:
    (database,) = deployment.state.all("google_firestore_database").values()
    assert database["point_in_time_recovery_enablement"] == "POINT_IN_TIME_RECOVERY_ENABLED"
    assert len(deployment.state.all("google_firestore_backup_schedule")) == 2


def test_production_keeps_its_data(deployment: Deployment) -> None:
    state = deployment.state
    (database,) = state.all("google_firestore_database").values()
    assert database["delete_protection_state"] == "DELETE_PROTECTION_ENABLED"
    assert all(table["deletion_protection"] for table in state.each("google_bigquery_table.table").values())
    assert not any(d["delete_contents_on_destroy"] for d in state.each("google_bigquery_dataset.dataset").values())
    # Pages are made from the repository.
    made_anew = {f"{deployment.project}-pages"}
    buckets = {bucket["name"] for bucket in state.all("google_storage_bucket").values() if bucket["force_destroy"]}
    assert buckets <= made_anew


def test_buckets_are_uniform_and_versioned_archives_private(deployment: Deployment) -> None:
    buckets = {b["name"]: b for b in deployment.state.all("google_storage_bucket").values()}
    assert all(bucket["uniform_bucket_level_access"] for bucket in buckets.values())
    archives = buckets[f"{deployment.project}-archives"]
    assert archives["public_access_prevention"] == "enforced"
    assert [v["enabled"] for v in archives["versioning"]] == [True]


def test_no_secret_value_is_in_the_state(deployment: Deployment) -> None:
    assert not deployment.state.all("google_secret_manager_secret_version")


def _indexes(field: dict[str, Any]) -> list[Any]:
    (config,) = field["index_config"]
    found: list[Any] = config["indexes"]
    return found


def _composite(index: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    return index["collection"], [(f["field_path"], f["order"]) for f in index["fields"]]
