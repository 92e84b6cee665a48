"""What the three services say together."""

from __future__ import annotations

from itertools import product

from shared.monitoring.models import DOWN, UP, Readiness


def test_firestore_decides_and_the_others_degrade() -> None:
    states = {pair: Readiness(UP, *pair).status for pair in product((UP, DOWN), repeat=2)}
    assert states == {(UP, UP): "ready", (UP, DOWN): "degraded", (DOWN, UP): "degraded", (DOWN, DOWN): "degraded"}
    assert {Readiness(DOWN, *pair).status for pair in product((UP, DOWN), repeat=2)} == {"unavailable"}
