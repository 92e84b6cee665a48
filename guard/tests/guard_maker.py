"""The type of the ``make_guard`` fixture."""

from typing import Any, Protocol

from age_guard import AgeGuard


class GuardMaker(Protocol):
    """Makes a guard of the scripted service, with short time-outs and no cache unless told otherwise."""

    def __call__(self, **settings: Any) -> AgeGuard: ...
