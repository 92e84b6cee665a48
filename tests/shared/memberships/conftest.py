from __future__ import annotations

from tests.factories.club_fixtures import club, running, topics

__all__ = ["club", "running", "topics"]
