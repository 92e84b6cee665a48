"""A shop whose sales a test writes into BigQuery by itself, and says that a sync has done it."""

from __future__ import annotations

import os

from google.cloud.firestore import Client

from local.provision import create_tables, warehouse
from tests.factories.clock import TestClock
from tests.factories.warehouse import Warehouse

SALE = """
INSERT INTO `analytics.square_payments`
  (id, amount, refunded_amount, currency, status, location_id, created_at, updated_at)
VALUES (@id, @cents, 0, 'USD', 'COMPLETED', 'L1', @at, @at)
"""


class Till:
    """One project's payments at Square, all of the moment at which the tests' clock stands at first."""

    def __init__(self, project: str) -> None:
        self._warehouse = Warehouse(project)
        self._firestore = Client(project=project)
        self._at = TestClock().at
        self._sales = self._syncs = 0
        create_tables(warehouse(os.environ["BIGQUERY_EMULATOR_HOST"], project))

    def sell(self, dollars: int) -> None:
        self._sales += 1
        values = {
            "id": ("STRING", f"p-{self._sales}"),
            "cents": ("INT64", dollars * 100),
            "at": ("TIMESTAMP", self._at),
        }
        self._warehouse.run(SALE, **values)

    def synced(self, *sources: str) -> None:
        """As a sync that has changed rows leaves it; by default of Square."""
        self._syncs += 1
        for source in sources or ("square",):
            self._firestore.collection("sync_sources").document(source).set({"dataVersion": f"job_{self._syncs}"})
