"""A plan or a state of Terraform, read from its JSON, and the comparison of two plans."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from reprlib import Repr
from typing import Any

UNKNOWN = "(known after apply)"
ABSENT = "(absent)"
Values = dict[str, Any]
SHORT = Repr()
SHORT.maxstring = 200


class Plan:
    """`document`: of `terraform show -json`, of a plan or a state, or a plan of a verbose `terraform test`."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document

    @cached_property
    def variables(self) -> dict[str, Any]:
        """Name → value, defaults included. Only a plan has them."""
        return {name: given.get("value") for name, given in self.document["variables"].items()}

    @cached_property
    def resources(self) -> list[Values]:
        """Each with `address`, `type`, `name`, `values`, and `index` where it has one."""
        return [r for r in self._all if r["mode"] == "managed"]

    @cached_property
    def _all(self) -> list[Values]:
        values = self.document.get("planned_values") or self.document.get("values")
        if values is None:
            return [{**change, "values": _planned(change["change"])} for change in self.document["resource_changes"]]
        found: list[Values] = values["root_module"]["resources"]
        return found

    def each(self, address: str) -> dict[str, Values]:
        """Key of for_each → values, of `type.name`."""
        return {str(r["index"]): r["values"] for r in self.resources if f"{r['type']}.{r['name']}" == address}

    def one(self, address: str) -> Values:
        """The values of the only resource with this address. Raises ValueError."""
        (values,) = (r["values"] for r in self.resources if r["address"] == address)
        found: Values = values
        return found

    def data(self, address: str) -> Values:
        """The values of a data source. Raises ValueError where it is not known."""
        (values,) = (r["values"] for r in self._all if r["mode"] == "data" and r["address"] == f"data.{address}")
        found: Values = values
        return found

    def all(self, pattern: str) -> dict[str, Values]:
        """Address → values, of every resource whose type fits the pattern."""
        return {r["address"]: r["values"] for r in self.resources if fnmatchcase(r["type"], pattern)}

    def leaves(self) -> dict[tuple[str, str], Any]:
        """(address, path such as `service_config[0].uri`) → value, for every resource; UNKNOWN where left open."""
        found: dict[tuple[str, str], Any] = {}
        for change in self.document["resource_changes"]:
            address, planned = change["address"], change["change"]
            found[address, ""] = "planned"
            found |= {(address, path): value for path, value in _flat(planned["after"], "")}
            found |= {(address, path): UNKNOWN for path, value in _flat(planned["after_unknown"], "") if value is True}
        return found


def _planned(change: Mapping[str, Any]) -> Values:
    return {**change["after"], **{name: UNKNOWN for name, value in change["after_unknown"].items() if value is True}}


@dataclass(frozen=True)
class Difference:
    """What two plans do not have in common. `path` is empty where the whole resource is in one of them only."""

    address: str
    path: str
    first: Any
    second: Any

    def __str__(self) -> str:
        place = f"{self.address} {self.path}".rstrip()
        return f"{place}: {SHORT.repr(self.first)} / {SHORT.repr(self.second)}"


def differences(first: Plan, second: Plan) -> list[Difference]:
    """In the order of the addresses."""
    left, right = first.leaves(), second.leaves()
    places = sorted(left.keys() | right.keys())
    found = [Difference(*place, left.get(place, ABSENT), right.get(place, ABSENT)) for place in places]
    return [difference for difference in found if difference.first != difference.second]


def unexplained(
    first: Plan, second: Plan, shows_in: Mapping[str, tuple[tuple[str, str], ...]]
) -> tuple[list[Difference], set[str]]:
    """What differs without a variable that says so, and the variables that differ and may change nothing known.

    A text explains where one plan has it and the other has the other. What else a variable may change, `shows_in`
    says: variable → patterns of (address without its key, path without positions).
    """
    given = {
        name: (first.variables.get(name), second.variables.get(name))
        for name in {**first.variables, **second.variables}
    }
    changed = {name: (here, there) for name, (here, there) in given.items() if here != there}
    allowed = [place for name in changed for place in shows_in.get(name, ())]
    texts = {
        name: (here, there)
        for name, (here, there) in changed.items()
        if isinstance(here, str) and isinstance(there, str) and here and there
    }
    pairs = sorted(texts.values(), key=lambda pair: -len(pair[0]))
    left = [d for d in differences(first, second) if not _same_but_for(d, pairs)]
    left = [d for d in left if not any(_fits(d, *place) for place in allowed)]
    return left, {name for name in changed if name not in shows_in and name not in texts}


def _same_but_for(difference: Difference, pairs: list[tuple[str, str]]) -> bool:
    if not pairs or not isinstance(difference.first, str):
        return False
    # The longest first, each place once: one value may be part of another one.
    parts = re.split("|".join(f"({re.escape(here)})" for here, _ in pairs), difference.first)
    there = dict(pairs)
    text = "".join(there.get(part, part) for part in parts if part is not None)
    return text == str(difference.second)


def _fits(difference: Difference, address: str, path: str) -> bool:
    here, place = difference.address.partition("[")[0], _without_indexes(difference.path)
    return bool(fnmatchcase(here, address) and fnmatchcase(place, path))


def _without_indexes(path: str) -> str:
    return "".join(part.partition("]")[2] if "]" in part else part for part in path.split("["))


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for position, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{position}]")
    else:
        yield path, value
