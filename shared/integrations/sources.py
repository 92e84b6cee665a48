"""Which provider answers for a source: the real one with credentials, made-up data without."""

from __future__ import annotations

from shared.integrations import square_api
from shared.platform.context import Platform
from shared.pos.errors import UnknownSource
from shared.pos.models import MOCK
from shared.pos.ports import Source


def connect(platform: Platform, name: str) -> Source:
    """A source by its name, for one run. Raises `UnknownSource`."""
    if name == "square":
        return _square(platform)
    if name == "lightspeed":
        from shared.integrations import lightspeed

        return lightspeed.connect(platform)
    raise UnknownSource(f"There is no source {name[:40]!r}. Sources: square, lightspeed.")


def _square(platform: Platform) -> Source:
    if square_api.mode_of(platform.settings) == MOCK:
        from shared.integrations.square_mock import SquareMock

        return SquareMock(platform.clock)
    from shared.integrations.square import Square

    return Square(platform)
