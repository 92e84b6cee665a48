"""Lightspeed's query parameters as SQL: filters with operators, sort, `archived`, `or`, and the cursor `after`."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from local.simulators.lightspeed_records import seconds_of
from local.simulators.messages import Request

MOST = 100
REMOVED = ("offset", "orderby", "orderby_desc")
COMPARING = {"=": "=", ">": ">", ">=": ">=", "<": "<", "<=": "<=", "!=": "<>", "~": "LIKE", "!~": "NOT LIKE"}
ARCHIVED = {"false": "archived = 0", "true": "TRUE", "only": "archived = 1"}
Condition = tuple[str, list[Any]]
Field = tuple[str, Callable[[str], Any]]


class Invalid(Exception):
    """The query is malformed: 400 with this sentence."""


@dataclass(frozen=True)
class Entity:
    """`fields`: wire name → (column, how its text is read). `relations`: name → drips that it costs."""

    name: str
    table: str
    fields: Mapping[str, Field]
    sortable: Sequence[str]
    relations: Mapping[str, float] = field(default_factory=dict)
    archives: bool = False

    @property
    def id(self) -> str:
        return f"{self.name[0].lower()}{self.name[1:]}ID"


def truth_of(text: str) -> int:
    if text not in ("true", "false"):
        raise ValueError(text)
    return int(text == "true")


TO_ONE, TO_MANY = 0.1, 0.2
TIMES: Mapping[str, Field] = {"createTime": ("create_time", seconds_of), "timeStamp": ("time_stamp", seconds_of)}
NAMED: Mapping[str, Field] = {"name": ("name", str), "timeStamp": ("time_stamp", seconds_of)}
ENTITIES = {
    entity.name: entity
    for entity in (
        Entity(
            "Sale",
            "sale",
            {
                **TIMES,
                "saleID": ("id", int),
                "updatetime": ("update_time", seconds_of),
                "completeTime": ("complete_time", seconds_of),
                "completed": ("completed", truth_of),
                "voided": ("voided", truth_of),
                "shopID": ("shop", int),
                "customerID": ("customer", int),
            },
            ("saleID", "timeStamp", "completeTime", "updatetime"),
            {"SaleLines": TO_MANY, "SalePayments": TO_MANY},
            archives=True,
        ),
        Entity(
            "Item",
            "item",
            {**TIMES, "itemID": ("id", int), "description": ("description", str), "categoryID": ("category", int)},
            ("itemID", "timeStamp", "description"),
            {"Category": TO_ONE, "ItemShops": TO_MANY, "ItemECommerce": TO_ONE},
            archives=True,
        ),
        Entity(
            "ItemShop",
            "item_shop",
            {
                "itemShopID": ("id", int),
                "itemID": ("item", int),
                "shopID": ("shop", int),
                "qoh": ("qoh", int),
                "timeStamp": ("time_stamp", seconds_of),
            },
            ("itemShopID", "timeStamp"),
        ),
        Entity(
            "Customer",
            "customer",
            {**TIMES, "customerID": ("id", int)},
            ("customerID", "timeStamp"),
            {"Contact": TO_ONE},
            archives=True,
        ),
        Entity("Category", "category", {**NAMED, "categoryID": ("id", int)}, ("categoryID",)),
        Entity("Shop", "shop", {**NAMED, "shopID": ("id", int)}, ("shopID",), archives=True),
    )
}
PARAMETERS = ("limit", "sort", "after", "archived", "load_relations", "or", "count")


@dataclass(frozen=True)
class Query:
    """A list as it was asked for. `after`: (value of the sort column, id) of the last record before this page."""

    entity: Entity
    where: str
    values: tuple[Any, ...]
    column: str
    descending: bool
    limit: int
    relations: tuple[str, ...]
    arguments: Mapping[str, str]
    counting: bool
    after: tuple[Any, int] | None
    page: int

    @property
    def listing(self) -> str:
        """The same for every page of one list."""
        told = {name: value for name, value in self.arguments.items() if name != "after"}
        return hashlib.sha256(f"{self.entity.name}{sorted(told.items())}".encode()).hexdigest()[:12]

    def cursor(self, value: Any, number: int) -> str:
        told = json.dumps([self.listing, value, number, self.page + 1])
        return base64.urlsafe_b64encode(told.encode()).decode()


def parse(entity: Entity, request: Request, *, strict: bool) -> Query:
    """Raises `Invalid`. Unknown parameters are ignored, and refused where `strict`."""
    told = request.arguments
    _check(entity, told, strict)
    conditions = [_condition(entity, name, value) for name, value in told.items() if name in entity.fields]
    if "or" in told:
        conditions.append(_either(entity, told["or"]))
    if entity.archives:
        conditions.append((_archived(told.get("archived", "false")), []))
    sort = told.get("sort", entity.id)
    arguments = {"limit": str(MOST), "sort": entity.id, **told}
    query = Query(
        entity=entity,
        where=" AND ".join(["TRUE", *(sql for sql, _ in conditions)]),
        values=tuple(value for _, values in conditions for value in values),
        column=f"COALESCE({_sort_column(entity, sort)}, 0)",
        descending=sort.startswith("-"),
        limit=_limit(told.get("limit", str(MOST))),
        relations=tuple(_relations(entity, told.get("load_relations", "[]"))),
        arguments=arguments,
        counting=told.get("count") == "1",
        after=None,
        page=0,
    )
    return _continued(query, told["after"]) if told.get("after") else query


def _check(entity: Entity, told: Mapping[str, str], strict: bool) -> None:
    if removed := [name for name in REMOVED if name in told]:
        raise Invalid(f"{removed[0]} was removed in V3. Follow @attributes.next.")
    if told.get("count") == "1" and any(name in told for name in ("limit", "sort", "after")):
        raise Invalid("count cannot be combined with limit, sort or a cursor.")
    unknown = [name for name in told if name not in PARAMETERS and name not in entity.fields]
    if strict and unknown:
        raise Invalid(f"{unknown[0]} is no field of {entity.name}.")


def _condition(entity: Entity, name: str, value: str) -> Condition:
    """`value`, `>=,value`, `><,first,last` (both inclusive), `IN,[1,2]`."""
    column, read = entity.fields[name]
    operator, _, rest = value.partition(",")
    try:
        if operator == "><":
            first, _, last = rest.partition(",")
            return f"{column} BETWEEN ? AND ?", [read(first), read(last)]
        if operator == "IN":
            return _among(column, [read(one) for one in rest.strip("[]").split(",")])
        known = operator in COMPARING
        return f"{column} {COMPARING[operator] if known else '='} ?", [read(rest if known else value)]
    except ValueError:
        raise Invalid(f"'{value}' is no value for {name}.") from None


def _among(column: str, values: list[Any]) -> Condition:
    if len(values) > MOST:
        raise Invalid(f"IN takes at most {MOST} values.")
    return f"{column} IN ({','.join('?' * len(values))})", values


def _either(entity: Entity, text: str) -> Condition:
    pairs = [part.partition("=") for part in text.split("|")]
    if unknown := [name for name, _, _ in pairs if name not in entity.fields]:
        raise Invalid(f"{unknown[0]} is no field of {entity.name}.")
    found = [_condition(entity, name, value) for name, _, value in pairs]
    return f"({' OR '.join(sql for sql, _ in found)})", [value for _, values in found for value in values]


def _archived(text: str) -> str:
    if text not in ARCHIVED:
        raise Invalid("archived is one of false, true, only.")
    return ARCHIVED[text]


def _sort_column(entity: Entity, sort: str) -> str:
    name = sort.removeprefix("-")
    if name not in entity.sortable:
        raise Invalid(f"Cannot sort by {name}. Allowed: {', '.join(entity.sortable)}.")
    return entity.fields[name][0]


def _limit(text: str) -> int:
    if not text.isdecimal() or int(text) > MOST:
        raise Invalid(f"limit must be between 0 and {MOST}.")
    return int(text)


def _relations(entity: Entity, text: str) -> Sequence[str]:
    if text == "all":
        return list(entity.relations)
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list) or not set(map(str, found)) <= set(entity.relations):
        raise Invalid(f"load_relations is a JSON array of: {', '.join(entity.relations)}.")
    return found


def _continued(query: Query, after: str) -> Query:
    try:
        listing, value, number, page = json.loads(base64.urlsafe_b64decode(after))
    except ValueError:
        listing = value = number = page = None
    if listing != query.listing:
        raise Invalid("The cursor is not of this query.")
    return replace(query, after=(value, number), page=page)
