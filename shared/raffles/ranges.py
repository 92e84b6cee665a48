"""Sets of ticket numbers as ranges (first, last): sorted, without overlaps, and merged where they touch. Pure.

Fast with 100,000 numbers in 50,000 pieces: one pass to take, one binary search a range to give back.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from shared.raffles.models import Ranges

Range = tuple[int, int]


def take(free: Ranges, count: int) -> tuple[Ranges, Ranges]:
    """`count` numbers of `free`, and what is left of it.

    They are contiguous where a range is long enough: of the shortest such range, the lowest one. Elsewhere they come
    from as few ranges as possible. Raises ValueError for fewer than none, or for more than there are.
    """
    if count < 0:
        raise ValueError(f"{count} numbers cannot be taken")
    if count == 0:
        return (), free
    fit = _best_fit(free, count)
    if fit is None:
        return _take_pieces(free, count)
    first, last = free[fit]
    end = first + count - 1
    left = ((end + 1, last),) if end < last else ()
    return ((first, end),), free[:fit] + left + free[fit + 1 :]


def give_back(free: Ranges, returned: Iterable[Range]) -> Ranges:
    """`free` with the ranges in `returned`, merged. Raises ValueError for a number that is free already."""
    merged = list(free)
    for first, last in returned:
        _insert(merged, first, last)
    return tuple(merged)


def count(ranges: Ranges) -> int:
    return sum(last - first + 1 for first, last in ranges)


def numbers(ranges: Ranges) -> Iterator[int]:
    """Every number, in order."""
    for first, last in ranges:
        yield from range(first, last + 1)


def flat(ranges: Ranges) -> list[int]:
    """((1, 5), (9, 9)) as [1, 5, 9, 9]: as it is stored."""
    return [number for piece in ranges for number in piece]


def from_flat(stored: list[int]) -> Ranges:
    """The ranges in what `flat` made. Raises ValueError for anything else: unsorted, overlapping, half a range."""
    ranges = tuple(zip(stored[::2], stored[1::2], strict=True))
    before = None
    for first, last in ranges:
        if last < first or (before is not None and first <= before):
            raise ValueError(f"{first}-{last} is no range, or not after the one before it")
        before = last
    return ranges


def text(ranges: Ranges) -> str:
    """((1, 5), (9, 9)) as 1-5,9."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def _best_fit(free: Ranges, wanted: int) -> int | None:
    """The position of the shortest range that holds `wanted` numbers, the lowest one of several. None: none does."""
    best, shortest = None, 0
    for position, (first, last) in enumerate(free):
        length = last - first + 1
        if length == wanted:
            return position
        if length > wanted and (best is None or length < shortest):
            best, shortest = position, length
    return best


def _take_pieces(free: Ranges, wanted: int) -> tuple[Ranges, Ranges]:
    """From the longest ranges, which makes the fewest pieces; the last piece from the range that it fits best."""
    longest_first = sorted(range(len(free)), key=lambda position: free[position][0] - free[position][1])
    whole: set[int] = set()
    missing = wanted
    for position in longest_first:
        length = free[position][1] - free[position][0] + 1
        if length > missing:
            break
        whole.add(position)
        missing -= length
    taken = tuple(free[position] for position in sorted(whole))
    left = tuple(piece for position, piece in enumerate(free) if position not in whole)
    if missing == 0:
        return taken, left
    fit = _best_fit(left, missing)
    if fit is None:
        raise ValueError(f"{wanted} numbers cannot be taken: there are {count(free)}")
    rest, left = take(left, missing)
    return tuple(sorted(taken + rest)), left


def _insert(merged: list[Range], first: int, last: int) -> None:
    if last < first:
        raise ValueError(f"{first}-{last} is no range")
    start = bisect_left(merged, (first, first))
    end = start
    if start > 0 and merged[start - 1][1] >= first:
        raise ValueError(f"{first}-{last} overlaps what is free")
    if start < len(merged) and merged[start][0] <= last:
        raise ValueError(f"{first}-{last} overlaps what is free")
    if start > 0 and merged[start - 1][1] == first - 1:
        start -= 1
        first = merged[start][0]
    if end < len(merged) and merged[end][0] == last + 1:
        last = merged[end][1]
        end += 1
    merged[start:end] = [(first, last)]
