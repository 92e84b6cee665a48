"""A child process that goes when its parent goes."""

from __future__ import annotations

import ctypes
import signal
import sys


def end_with_parent() -> None:
    """On Linux: when the process that started this one is killed, however hard, this one goes with it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
