from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.raffles.models import Ranges
from shared.raffles.ranges import count, flat, from_flat, give_back, numbers, take, text

MOST = 60


def of_set(chosen: set[int]) -> Ranges:
    """The ranges of a set of numbers, made without the code under test."""
    firsts = sorted(number for number in chosen if number - 1 not in chosen)
    lasts = sorted(number for number in chosen if number + 1 not in chosen)
    return tuple(zip(firsts, lasts, strict=True))


sets_of_numbers = st.sets(st.integers(1, MOST)).map(frozenset)


@pytest.mark.parametrize(
    ("free", "wanted", "taken", "rest"),
    [
        (((1, 10),), 3, ((1, 3),), ((4, 10),)),
        (((1, 10),), 10, ((1, 10),), ()),
        (((1, 10), (20, 22)), 3, ((20, 22),), ((1, 10),)),  # the shortest that fits
        (((1, 5), (7, 9), (11, 13)), 2, ((7, 8),), ((1, 5), (9, 9), (11, 13))),  # of equal ones the lowest
        (((1, 2), (4, 6), (8, 9)), 4, ((1, 1), (4, 6)), ((2, 2), (8, 9))),  # the longest, and the best fit for the rest
        (((1, 4), (6, 10), (12, 12)), 6, ((6, 10), (12, 12)), ((1, 4),)),
        (((1, 1), (3, 3)), 2, ((1, 1), (3, 3)), ()),
        (((1, 5),), 0, (), ((1, 5),)),
        ((), 0, (), ()),
    ],
)
def test_taking(free: Ranges, wanted: int, taken: Ranges, rest: Ranges) -> None:
    assert take(free, wanted) == (taken, rest)


@pytest.mark.parametrize(("free", "wanted"), [((), 1), (((1, 5),), 6), (((1, 2), (4, 5)), 5), (((1, 5),), -1)])
def test_taking_more_than_there_is_or_less_than_none(free: Ranges, wanted: int) -> None:
    with pytest.raises(ValueError, match="cannot be taken"):
        take(free, wanted)


@given(sets_of_numbers, st.data())
def test_taking_loses_and_doubles_nothing(chosen: frozenset[int], data: st.DataObject) -> None:
    free = of_set(set(chosen))
    wanted = data.draw(st.integers(0, len(chosen)))
    taken, rest = take(free, wanted)
    assert count(taken) == wanted
    assert sorted([*numbers(taken), *numbers(rest)]) == sorted(chosen)
    assert (taken, rest) == (of_set(set(numbers(taken))), of_set(set(numbers(rest))))  # sorted and merged


@given(sets_of_numbers, st.data())
def test_taking_makes_the_fewest_pieces(chosen: frozenset[int], data: st.DataObject) -> None:
    free = of_set(set(chosen))
    wanted = data.draw(st.integers(0, len(chosen)))
    lengths = sorted((last - first + 1 for first, last in free), reverse=True)
    fewest = next(pieces for pieces in range(len(lengths) + 1) if sum(lengths[:pieces]) >= wanted)
    assert len(take(free, wanted)[0]) == fewest


@given(sets_of_numbers, sets_of_numbers)
def test_giving_back_is_a_union(free: frozenset[int], given_back: frozenset[int]) -> None:
    if free & given_back:
        with pytest.raises(ValueError, match="overlaps what is free"):
            give_back(of_set(set(free)), of_set(set(given_back)))
    else:
        assert give_back(of_set(set(free)), of_set(set(given_back))) == of_set(set(free | given_back))


@given(sets_of_numbers, st.lists(st.integers(0, MOST)))
def test_what_is_taken_and_given_back_in_any_order_is_whole_again(chosen: frozenset[int], sizes: list[int]) -> None:
    whole = free = of_set(set(chosen))
    sold: list[Ranges] = []
    for size in sizes:
        taken, free = take(free, min(size, count(free)))
        sold.append(taken)
    for taken in sorted(sold):
        free = give_back(free, taken)
    assert free == whole


@pytest.mark.parametrize("returned", [((5, 4),), ((3, 3), (3, 3))])
def test_giving_back_what_is_no_range_or_comes_twice(returned: Ranges) -> None:
    with pytest.raises(ValueError, match=r"is no range|overlaps"):
        give_back((), returned)


@given(sets_of_numbers)
def test_stored_flat_and_read_again(chosen: frozenset[int]) -> None:
    ranges = of_set(set(chosen))
    assert from_flat(flat(ranges)) == ranges


def test_flat_is_numbers_one_after_the_other() -> None:
    assert flat(((1, 5), (9, 9))) == [1, 5, 9, 9]


@pytest.mark.parametrize("stored", [[1], [1, 5, 9], [5, 1], [1, 5, 5, 9], [7, 9, 1, 5]])
def test_what_is_not_stored_ranges_is_refused(stored: list[int]) -> None:
    with pytest.raises(ValueError, match=r"is no range|zip"):
        from_flat(stored)


@pytest.mark.parametrize(("ranges", "shown"), [((), ""), (((1, 5), (9, 9)), "1-5,9"), (((7, 8),), "7-8")])
def test_as_text(ranges: Ranges, shown: str) -> None:
    assert text(ranges) == shown


def test_a_hundred_thousand_numbers_in_fifty_thousand_pieces() -> None:
    """Processor time, with room for a slow machine: a pass that is quadratic takes minutes."""
    pieces = tuple((first, first + 1) for first in range(1, 150_000, 3))
    assert (len(pieces), count(pieces)) == (50_000, 100_000)
    start = process_time()
    taken, rest = take(pieces, 105)
    assert len(taken) == 53
    assert give_back(rest, taken) == pieces
    everything, nothing = take(pieces, 100_000)
    assert (everything, nothing) == (pieces, ())
    assert from_flat(flat(pieces)) == pieces
    assert process_time() - start < 5
