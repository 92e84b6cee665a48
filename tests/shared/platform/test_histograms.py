"""Merged quantiles are within 1 % of the exact ones."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.platform.histograms import LEAST, MOST, NOTHING, Histogram, bucket_in, bucket_of, field_of, value_of

MILLISECONDS = st.floats(LEAST, MOST)
QUANTILES = st.sampled_from([0.0, 0.01, 0.5, 0.95, 0.99, 0.999, 1.0])


def exact(values: list[float], q: float) -> float:
    return sorted(values)[max(0, math.ceil(q * len(values)) - 1)]


def histogram(values: list[float]) -> Histogram:
    made = Histogram()
    for value in values:
        made.add(value)
    return made


@given(st.lists(MILLISECONDS, min_size=1, max_size=200), QUANTILES)
def test_a_quantile_is_within_one_per_cent(values: list[float], q: float) -> None:
    assert histogram(values).quantile(q) == pytest.approx(exact(values, q), rel=0.01)


@pytest.mark.parametrize(
    "shape",
    [
        lambda dice: dice.lognormvariate(3.5, 1.2),
        lambda dice: dice.gauss(20, 3) if dice.random() < 0.94 else dice.gauss(900, 100),
        lambda dice: dice.paretovariate(1.1),
        lambda dice: dice.expovariate(0.01),
        lambda dice: dice.choice((5.0, 5.01, 5000.0)),
    ],
)
def test_merged_from_three_parts_of_any_shape(shape: Callable[[random.Random], float]) -> None:
    dice = random.Random(8)
    values = [max(LEAST, shape(dice)) for _ in range(30_000)]
    merged = reduce(Histogram.merged, [histogram(values[n::3]) for n in range(3)])
    for q in (0.5, 0.95, 0.99):
        assert merged.quantile(q) == pytest.approx(exact(values, q), rel=0.01)


@given(st.lists(st.lists(MILLISECONDS, max_size=50), min_size=1, max_size=5))
def test_merged_is_as_if_one_had_counted_everything(parts: list[list[float]]) -> None:
    merged = reduce(Histogram.merged, map(histogram, parts))
    whole = histogram([value for part in parts for value in part])
    assert (merged.buckets, merged.count) == (whole.buckets, whole.count)
    assert merged.total == pytest.approx(whole.total)


@given(MILLISECONDS)
def test_every_bucket_has_a_name_and_a_middle(value: float) -> None:
    bucket = bucket_of(value)
    assert bucket_in(field_of(bucket)) == bucket > NOTHING
    assert field_of(bucket).isidentifier()
    assert value_of(bucket) == pytest.approx(value, rel=0.01)


@pytest.mark.parametrize("value", [0.0, -1.0, -math.inf, math.nan, LEAST / 2])
def test_what_is_no_length_of_time_counts_as_nothing(value: float) -> None:
    assert value_of(bucket_of(value)) == 0.0


def test_beyond_an_hour_is_an_hour() -> None:
    assert value_of(bucket_of(math.inf)) == value_of(bucket_of(MOST * 10)) == pytest.approx(MOST, rel=0.01)


def test_nothing_counted_is_zero() -> None:
    assert (Histogram().quantile(0.95), Histogram().count, Histogram().total) == (0.0, 0, 0.0)


def test_merging_changes_neither() -> None:
    one, other = histogram([1.0]), histogram([2.0, 3.0])
    assert one.merged(other).count == 3
    assert (one.count, other.count) == (1, 2)
