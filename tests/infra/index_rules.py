"""Firestore's rules of which query needs which index, as its documentation of index types gives them.

Every field has an index of its own, ascending, descending and by the parts of an array, unless it is exempted.
Equalities are answered by merging those. An order or a range over one field alone needs its index only; together with
anything else it needs a composite index: the equalities in any order, then the orders as the query has them, or all of
them reversed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

EQUAL = {"==", "in"}
CONTAINS = "array_contains"
RANGE = {"<", "<=", ">", ">=", "!=", "not-in"}
ASCENDING, DESCENDING = "ASCENDING", "DESCENDING"
ID = "__name__"


@dataclass(frozen=True)
class Query:
    """What a chain of calls on a collection asks for. `summed`: fields of sum() and avg(). `contains`: of an array."""

    collection: str
    equal: frozenset[str] = frozenset()
    ranges: frozenset[str] = frozenset()
    orders: tuple[tuple[str, str], ...] = ()
    summed: frozenset[str] = frozenset()
    contains: frozenset[str] = frozenset()

    def where(self, field: str, operator: str) -> Query:
        """Raises ValueError for an operator that these rules do not know."""
        if operator in EQUAL:
            return replace(self, equal=self.equal | {field})
        if operator in RANGE:
            return replace(self, ranges=self.ranges | {field})
        if operator == CONTAINS:
            return replace(self, contains=self.contains | {field})
        raise ValueError(f"operator {operator}")

    def order_by(self, field: str, direction: str) -> Query:
        return replace(self, orders=(*self.orders, (field, direction)))

    @property
    def fields(self) -> frozenset[str]:
        """Every field whose index the query uses, on its own or in a composite one."""
        return (self.equal | self.ranges | self.summed | self.contains | {field for field, _ in self.orders}) - {ID}


@dataclass(frozen=True)
class Index:
    """A composite index: fields in any order, then fields with their directions."""

    collection: str
    equal: frozenset[str]
    ordered: tuple[tuple[str, str], ...]


def needed(query: Query) -> Index | None:
    """The composite index without which Firestore refuses the query.

    Raises ValueError for an array together with anything else: infra/firestore.json has no word for its index.
    """
    if query.contains and len(query.fields) > 1:
        raise ValueError(f"{query.collection}: an array is asked together with {sorted(query.fields - query.contains)}")
    ordered = _ordered(query)
    fields = {field for field, _ in ordered}
    summed = tuple((field, ASCENDING) for field in sorted(query.summed - query.equal - fields))
    if len(query.equal) + len(ordered) + len(summed) <= 1 or not (ordered or summed):
        return None
    return Index(query.collection, query.equal, (*ordered, *summed))


def serves(made: dict[str, Any], index: Index) -> bool:
    """Whether an index of infra/firestore.json is this one."""
    fields = [(field["path"], field["order"]) for field in made["fields"]]
    equal, ordered = fields[: len(index.equal)], tuple(fields[len(index.equal) :])
    same = made["collection"] == index.collection and {path for path, _ in equal} == index.equal
    return same and ordered in (index.ordered, _reversed(index.ordered))


def _ordered(query: Query) -> tuple[tuple[str, str], ...]:
    """The query's orders, and after them those that Firestore adds for ranges without one."""
    given = {field for field, _ in query.orders}
    last = query.orders[-1][1] if query.orders else ASCENDING
    ordered = [*query.orders, *((field, last) for field in sorted(query.ranges - given))]
    ordered = [(field, direction) for field, direction in ordered if field not in query.equal]
    # Every index ends with the document's id in the direction of the last field.
    if len(ordered) > 1 and ordered[-1][0] == ID and ordered[-1][1] == ordered[-2][1]:
        ordered.pop()
    return () if ordered == [(ID, ASCENDING)] else tuple(ordered)


def _reversed(ordered: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    turned = {ASCENDING: DESCENDING, DESCENDING: ASCENDING}
    return tuple((field, turned[direction]) for field, direction in ordered)
