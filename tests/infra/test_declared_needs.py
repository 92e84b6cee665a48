"""Functions are granted what their code needs: read from the imports of each, compared with what it declares.

Secrets, published topics and read tables are exact. Written tables are those that record events, for whoever inserts
by infra/schemas, and those of the streams for whoever stages rows; a reader of a table that it also writes needs no
word of its own, since writing includes reading.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra import needs
from tests.infra.test_plan_functions import ENTRIES, every
from tests.infra.test_plan_stores import SCHEMAS


@every
def test_secrets(declared: dict[str, Any]) -> None:
    assert needs.secrets(declared) == {*declared["secrets"], *declared["optionalSecrets"]}
    assert not set(declared["secrets"]) & set(declared["optionalSecrets"])


@every
def test_published_topics(declared: dict[str, Any]) -> None:
    assert needs.publishes(declared) == set(declared["publishes"])


@every
def test_read_tables(declared: dict[str, Any]) -> None:
    assert needs.reads(declared) - set(declared["writes"]) == set(declared["reads"])


@every
def test_written_tables(declared: dict[str, Any]) -> None:
    assert needs.writes(declared) == set(declared["writes"])


@every
def test_staging(declared: dict[str, Any]) -> None:
    assert needs.stages(declared) is declared["stages"]


@every
def test_tables_exist(declared: dict[str, Any]) -> None:
    assert {*declared["reads"], *declared["writes"]} <= SCHEMAS.keys()


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("verification-verify", "shared.verification.vault"),
        ("verification-verify", "shared.runtime.auth"),
        ("verification-statistics", "shared.platform.bigquery"),
        ("audit-record-event", "shared.audit.repository"),
    ],
)
def test_imports_are_followed(name: str, module: str) -> None:
    """A guard for the derivation itself."""
    assert module in needs.reachable(ENTRIES[name])


def test_a_job_is_served_without_what_serves_endpoints() -> None:
    assert "shared.runtime.auth" not in needs.reachable(ENTRIES["audit-relay-outbox"])
