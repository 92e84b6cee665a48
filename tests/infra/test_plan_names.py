"""Names that the APIs accept: a plan does not ask them, an apply would stop half-way."""

from __future__ import annotations

import re

import pytest

from tests.infra.deployment import Deployment

pytestmark = [pytest.mark.xdist_group("infra"), pytest.mark.timeout(600)]

TOPIC = r"(?!goog)[A-Za-z][\w.~+%-]{2,254}"
# Type → attribute and its pattern.
RULES = {
    "google_artifact_registry_repository": ("repository_id", r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?"),
    "google_bigquery_dataset": ("dataset_id", r"\w{1,1024}"),
    "google_bigquery_table": ("table_id", r"[\w-]{1,1024}"),
    "google_cloud_scheduler_job": ("name", r"[\w-]{1,500}"),
    # A service of Cloud Run has 63 characters at most, of which Cloud Functions keeps some for itself.
    "google_cloudfunctions2_function": ("name", r"[a-z]([a-z0-9-]{0,47}[a-z0-9])?"),
    "google_kms_crypto_key": ("name", r"[\w-]{1,63}"),
    "google_kms_key_ring": ("name", r"[\w-]{1,63}"),
    "google_pubsub_schema": ("name", TOPIC),
    "google_pubsub_subscription": ("name", TOPIC),
    "google_pubsub_topic": ("name", TOPIC),
    "google_secret_manager_secret": ("secret_id", r"[\w-]{1,255}"),
    "google_service_account": ("account_id", r"[a-z][a-z0-9-]{4,28}[a-z0-9]"),
    "google_storage_bucket": ("name", r"(?!goog)(?!.*google)[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]"),
}


@pytest.mark.parametrize("kind", RULES)
def test_names_fit_the_api(deployment: Deployment, kind: str) -> None:
    attribute, pattern = RULES[kind]
    names = [values[attribute] for values in deployment.state.all(kind).values()]
    assert names, f"no {kind} is made: take its rule away"
    assert [name for name in names if not re.fullmatch(pattern, name, re.ASCII)] == []


def test_no_name_is_given_twice(deployment: Deployment) -> None:
    for kind, (attribute, _) in RULES.items():
        if kind != "google_bigquery_table":
            names = [values[attribute] for values in deployment.state.all(kind).values()]
            assert len(names) == len(set(names)), kind


def test_far_fewer_accounts_than_a_project_may_have(deployment: Deployment) -> None:
    assert len(deployment.state.all("google_service_account")) < 100


def test_environment_variables_are_none_that_cloud_run_keeps_to_itself(deployment: Deployment) -> None:
    kept = {"PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION", "FUNCTION_TARGET", "FUNCTION_SIGNATURE_TYPE"}
    for name in deployment.state.each("google_cloudfunctions2_function.function"):
        variables = deployment.service(name)["environment_variables"]
        assert not {v for v in variables if v in kept or v.startswith("X_GOOGLE_")}
        assert all(re.fullmatch(r"[A-Z][A-Z0-9_]*", variable) for variable in variables)
