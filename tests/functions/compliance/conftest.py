from __future__ import annotations

import pytest


@pytest.fixture
def topics() -> list[str]:
    return ["security-events", "cache-refresh"]
