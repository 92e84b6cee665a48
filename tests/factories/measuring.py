"""A process that measures what it is told: `python -m tests.factories.measuring FUNCTION`, one instance of it.

Standard input has one latency in milliseconds on each line; at its end the process ends in order, as at SIGTERM.
"""

from __future__ import annotations

import sys

from shared.platform.context import Platform
from shared.platform.settings import Settings


def main(function: str) -> None:
    metrics = Platform.start(Settings.load()).metrics
    with metrics.serving(function):
        for line in sys.stdin:
            metrics.count("requests")
            metrics.observe("latency", float(line))


if __name__ == "__main__":
    main(sys.argv[1])
