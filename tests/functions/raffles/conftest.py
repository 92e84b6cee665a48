from __future__ import annotations

from tests.factories.raffle_fixtures import jobs, running, tombola, topics

__all__ = ["jobs", "running", "tombola", "topics"]
