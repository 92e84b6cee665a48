"""Histograms of latencies that merge: whatever instances have counted, a quantile is within 1 % of the exact one.

Buckets grow by a constant factor, so that every value of a bucket is within `ERROR` of the one that stands for it,
and counts of the same bucket are added whoever has counted them (the scheme of DDSketch).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

# Relative; a little less than what is promised, for what floats lose.
ERROR = 0.0099
GROWTH = (1 + ERROR) / (1 - ERROR)
# Milliseconds. Below the first everything is nothing, beyond the last everything is an hour: 1,100 buckets at most.
LEAST, MOST = 0.001, 3_600_000.0
_LOG_GROWTH = math.log(GROWTH)
# Of what is less than LEAST.
NOTHING = -400


def field_of(bucket: int) -> str:
    """Its name in a document: field paths have no place for a minus, nor for a digit at the beginning."""
    return f"b{bucket - NOTHING}"


def bucket_in(field: str) -> int:
    """The opposite of `field_of`."""
    return int(field[1:]) + NOTHING


def bucket_of(milliseconds: float) -> int:
    """The number of its bucket. What is no number counts as nothing: a measurement fails nobody."""
    if not milliseconds >= LEAST:
        return NOTHING
    return math.ceil(math.log(min(milliseconds, MOST)) / _LOG_GROWTH)


def value_of(bucket: int) -> float:
    """What stands for every value of a bucket: its middle, as far from the least as from the greatest of them."""
    if bucket == NOTHING:
        return 0.0
    return float(2 * GROWTH**bucket / (GROWTH + 1))


class Histogram:
    """Counts by bucket, and the sum of the values. `buckets`: number → how many; `total`: in milliseconds."""

    def __init__(self, buckets: Mapping[int, int] | None = None, total: float = 0.0) -> None:
        self.buckets: Counter[int] = Counter(buckets or {})
        self.total = total

    @property
    def count(self) -> int:
        return sum(self.buckets.values())

    def add(self, value: float) -> None:
        self.buckets[bucket_of(value)] += 1
        self.total += value

    def merged(self, other: Histogram) -> Histogram:
        """What both have counted; neither changes."""
        return Histogram(self.buckets + other.buckets, self.total + other.total)

    def quantile(self, q: float) -> float:
        """The value that the share `q` of all is not above, as one counts them in order; 0.0 without any."""
        rank = max(1, math.ceil(q * self.count))
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= rank:
                return value_of(bucket)
        return 0.0
