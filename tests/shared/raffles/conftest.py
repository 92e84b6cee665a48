from __future__ import annotations

from tests.factories.raffle_fixtures import running, tombola, topics

__all__ = ["running", "tombola", "topics"]
