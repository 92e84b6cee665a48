"""Processes killed between commit and publish, relays between publish and forget. `make bench-outbox` kills 1,000."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from local.provision import PubSub
from shared.platform.clock import Clock
from shared.platform.context import Platform
from tests.factories.outbox_kills import killed, verified

COUNT, RELAYS = 24, 4


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_every_event_arrives_and_its_effect_happens_once(
    platform: Platform, pubsub: PubSub, tables: None, function: Callable[[str], FlaskClient], tmp_path: Path
) -> None:
    found = killed(platform, pubsub, function("audit_record_event"), tmp_path, COUNT, RELAYS)
    assert found.ended == {"verified": {"SIGKILL": COUNT}, "relayed": {"SIGKILL": RELAYS}}
    assert verified(platform) == COUNT
    assert found.committed == set(found.deliveries)
    assert (len(found.committed), found.left) == (COUNT, 0)
    assert sum(found.deliveries.values()) > COUNT, "nothing came twice: what was killed had not published"
    for rows in found.rows.values():
        assert rows == dict.fromkeys(found.committed, 1)
