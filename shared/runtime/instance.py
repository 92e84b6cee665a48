"""The one platform of this process."""

from __future__ import annotations

import threading

from shared.platform.context import Platform
from shared.platform.settings import Settings

_lock = threading.Lock()
_platform: Platform | None = None


def platform() -> Platform:
    """Made on the first call from the environment. Raises `Misconfigured`."""
    global _platform  # noqa: PLW0603 - one per process is the point
    with _lock:
        if _platform is None:
            _platform = Platform.start(Settings.load())
        return _platform


def forget() -> None:
    """The next call of `platform` reads the environment anew: for tests, which run in many projects."""
    global _platform  # noqa: PLW0603
    with _lock:
        if _platform:
            _platform.metrics.forget()
        _platform = None
