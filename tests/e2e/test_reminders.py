"""Reminders on their whole road with failures and kills: each customer gets exactly one, and nobody is missed.

The same with 10,000 customers: `make bench-mail`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories.mails import MailServer
from tests.factories.reminding import JOB, SENDER, Reminding

CUSTOMERS = 120


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    with MailServer(tmp_path / "smtp") as running:
        yield running


def test_each_customer_gets_exactly_one(project: str, tmp_path: Path, server: MailServer) -> None:
    shop = Reminding(tmp_path, project, server, workers=2)
    shop.verify(CUSTOMERS)
    with shop.running():
        server.trap(not_now=20, drop_after=60)
        shop.start_job()
        shop.await_taken(1, 60)
        shop.kill(JOB)
        shop.await_taken(CUSTOMERS // 3, 60)
        shop.kill(SENDER)
        shop.await_taken(CUSTOMERS, 90)
        shop.await_marked(CUSTOMERS, 60)
        # Running once more sends nothing.
        shop.start_job()
    counts = server.counts()
    assert counts["recipients"].keys() == {f"customer-{number}@example.com" for number in range(CUSTOMERS)}
    assert {mails for mails, _ in counts["recipients"].values()} == {1}
    # What failed for now, and what a killed sender had under way, was transmitted again.
    assert CUSTOMERS < counts["transmissions"] <= CUSTOMERS * 1.3
