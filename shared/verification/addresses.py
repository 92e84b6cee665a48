"""Where a customer can be reached: what is sealed in the record, else what the shop's sources know of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.platform import bigquery
from shared.platform.context import Platform

LOOKUP = Path(__file__).parent / "queries" / "customer_addresses.sql"


@dataclass(frozen=True, repr=False)
class Contact:
    """Personal, hence no repr. Either may be empty."""

    name: str
    email: str


def in_the_warehouse(platform: Platform, customer_ids: Collection[str]) -> Mapping[str, Contact]:
    """Customer id → contact, of those that `commerce.customers` has an e-mail of; one query. Raises `Unavailable`."""
    if not customer_ids:
        return {}
    parameters = {"customer_ids": ("ARRAY<STRING>", sorted(customer_ids))}
    rows = bigquery.query(platform.bigquery, LOOKUP.read_text(encoding="utf-8"), parameters, LOOKUP.stem)
    return {row["customer_id"]: Contact(row["full_name"] or "", row["email"]) for row in rows}
