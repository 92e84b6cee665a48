"""What the cost estimate counts, at the list prices of infra/prices.json (a test compares), free tiers not taken off.

An estimate: what a deployed function does with each call. Storage, warm instances and the fixed items of docs/costs.md
are not in it.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from shared.monitoring.models import Cost

# By their names in infra/prices.json: dollars for so many units.
PRICES = {
    "bigquery_queries": (Decimal("6.25"), 1024),
    "firestore_reads": (Decimal("0.03"), 100_000),
    "firestore_writes": (Decimal("0.09"), 100_000),
    "run_requests": (Decimal("0.4"), 1_000_000),
    "run_cpu": (Decimal("0.000024"), 1),
    "run_memory": (Decimal("0.0000025"), 1),
}
GIB = 2**30
# The machine that a function has unless it declares another: one vCPU, 256 MiB.
DEFAULT_VCPU, DEFAULT_GIB = Fraction(1), Fraction(1, 4)
NANO = 10**9


def cost(*, bytes_billed: int, reads: int, writes: int, calls: int, milliseconds: int) -> Cost:
    """Of so much use. `milliseconds`: that all calls took together."""
    seconds = Fraction(milliseconds, 1000)
    return Cost(
        bigquery=round(_price("bigquery_queries") * bytes_billed / GIB),
        firestore=round(_price("firestore_reads") * reads + _price("firestore_writes") * writes),
        calls=round(
            _price("run_requests") * calls
            + (_price("run_cpu") * DEFAULT_VCPU + _price("run_memory") * DEFAULT_GIB) * seconds
        ),
    )


def _price(name: str) -> Fraction:
    """Nanodollars for one."""
    dollars, units = PRICES[name]
    return Fraction(dollars) / units * NANO
