"""infra/firestore.json against the code: each query has its index, each index its query, what expires is deleted."""

from __future__ import annotations

import ast
import json
import textwrap
from functools import cache

import pytest

from tests.infra import sources
from tests.infra.expiring import EXPIRY, collections_of, expiring, makers_of
from tests.infra.firestore_queries import Module, NotUnderstood
from tests.infra.index_rules import Index, Query, needed, serves
from tools.terraform import INFRA

FILE = json.loads((INFRA / "firestore.json").read_text())
# The module that reads documents by name for everybody.
NAMES = sources.modules()


@cache
def queries() -> set[Query]:
    return {query for name, tree in NAMES.items() for query in _read(name, tree)}


def _read(name: str, tree: ast.Module) -> set[Query]:
    try:
        return Module(tree, sources.constants(name)).found
    except NotUnderstood as reason:
        raise NotUnderstood(f"{name}, {reason}") from None


def test_every_query_of_the_code_is_found() -> None:
    """A guard for the derivation itself: these are in the code today."""
    assert queries() >= {
        Query("outbox").order_by("createdAt", "ASCENDING"),
        Query("idempotency").where("subject", "=="),
        Query("audit_links").where("chain", "==").where("stored", "=="),
    }


def test_every_query_has_its_composite_index() -> None:
    missing = [
        index for index in map(needed, queries()) if index and not any(serves(i, index) for i in FILE["indexes"])
    ]
    assert missing == [], "add to indexes in infra/firestore.json"


def test_every_composite_index_has_its_query() -> None:
    wanted = [index for index in map(needed, queries()) if index]
    unused = [made for made in FILE["indexes"] if not any(serves(made, index) for index in wanted)]
    assert unused == [], "take out of infra/firestore.json: every write pays for an index"


def test_no_queried_field_is_without_an_index() -> None:
    exempt = {(collection, field) for collection, fields in FILE["unindexed"].items() for field in fields}
    exempt |= set(FILE["ttl"].items())
    queried = {(query.collection, field) for query in queries() for field in query.fields}
    assert not exempt & queried


def test_what_expires_is_deleted_by_firestore() -> None:
    """Documents may be made in one module and stored by another, which imports it."""
    makers = {name: made for name, tree in NAMES.items() if (made := makers_of(tree)) and not _collections(name)}
    found, imported = set[str](), set[str]()
    for name in filter(_collections, NAMES):
        foreign = _imports(NAMES[name]) & makers.keys()
        given = {maker for module in foreign for maker in makers[module]}
        found |= expiring(NAMES[name], sources.constants(name), given)
        imported |= foreign
    assert dict.fromkeys(found, EXPIRY) == FILE["ttl"]
    assert imported == makers.keys(), "nobody stores what these make"


def test_the_file_names_what_the_code_names() -> None:
    """In the package of the module that has the collection; a model's fields by their names on the wire."""
    for collection, fields in FILE["unindexed"].items():
        packages = {name.rpartition(".")[0] for name in NAMES if collection in _collections(name)}
        named = [tree for name, tree in NAMES.items() if name.rpartition(".")[0] in packages]
        nodes = [n for tree in named for n in ast.walk(tree)]
        texts = {n.value for n in nodes if isinstance(n, ast.Constant)}
        texts |= {_camel(ast.unparse(n.target)) for n in nodes if isinstance(n, ast.AnnAssign)}
        assert set(fields) <= texts, collection
        assert fields == sorted(set(fields))


@cache
def _collections(name: str) -> set[str]:
    return collections_of(NAMES[name], sources.constants(name))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _imports(tree: ast.Module) -> set[str]:
    """Modules by their dotted names, among names that are none."""
    found = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    return {f"{n.module}.{alias.name}" for n in found for alias in n.names} | {str(n.module) for n in found}


CHAIN = 'store.collection("things")'


@pytest.mark.parametrize(
    ("calls", "index"),
    [
        (".stream()", None),
        ('.where(filter=FieldFilter("a", "==", 1)).stream()', None),
        ('.where(filter=FieldFilter("a", "==", 1)).where(filter=FieldFilter("b", "in", [1])).stream()', None),
        ('.order_by("a").limit(3).stream()', None),
        ('.order_by("a", direction=Query.DESCENDING).stream()', None),
        ('.where(filter=FieldFilter("a", ">", 1)).order_by("a").stream()', None),
        ('.where(filter=FieldFilter("a", ">", 1)).where(filter=FieldFilter("a", "<", 3)).get()', None),
        ('.where(filter=FieldFilter("a", "==", 1)).order_by("a").stream()', None),
        ('.where(filter=FieldFilter("a", "==", 1)).order_by("__name__").stream()', None),
        ('.where(filter=FieldFilter("a", "==", 1)).count().get()', None),
        ('.sum("a").get()', None),
        ('.where(filter=FieldFilter("a", "array_contains", 1)).stream()', None),
        (
            '.where(filter=FieldFilter("a", "==", 1)).order_by("b", direction=Query.DESCENDING).stream()',
            Index("things", frozenset({"a"}), (("b", "DESCENDING"),)),
        ),
        (
            '.where(filter=FieldFilter("a", "==", 1)).where(filter=FieldFilter("b", "<", 1)).stream()',
            Index("things", frozenset({"a"}), (("b", "ASCENDING"),)),
        ),
        (
            '.where(filter=FieldFilter("a", ">", 1)).where(filter=FieldFilter("b", "<", 1)).stream()',
            Index("things", frozenset(), (("a", "ASCENDING"), ("b", "ASCENDING"))),
        ),
        (
            '.order_by("a").order_by("b", direction=Query.DESCENDING).stream()',
            Index("things", frozenset(), (("a", "ASCENDING"), ("b", "DESCENDING"))),
        ),
        (
            '.order_by("a", direction=Query.DESCENDING).order_by("__name__").stream()',
            Index("things", frozenset(), (("a", "DESCENDING"), ("__name__", "ASCENDING"))),
        ),
        (
            '.where(filter=FieldFilter("a", "==", 1)).sum("b").get()',
            Index("things", frozenset({"a"}), (("b", "ASCENDING"),)),
        ),
    ],
)
def test_firestores_rules(calls: str, index: Index | None) -> None:
    (query,) = _queries_of(f"{CHAIN}{calls}")
    assert needed(query) == index


def test_a_query_is_followed_through_variables_and_branches() -> None:
    found = _queries_of(f"""
        query = {CHAIN}.where(filter=FieldFilter("a", "==", 1))
        if newest:
            query = query.order_by("b", direction=Query.DESCENDING)
        for page in (1, 2):
            query = query.start_after(page)
        rows = [row.id for row in (query.limit(1) if newest else query).stream()]
    """)
    plain = Query("things").where("a", "==")
    assert found == {plain, plain.order_by("b", "DESCENDING")}


@pytest.mark.parametrize(
    "code",
    [
        f"return {CHAIN}",
        f"ask({CHAIN})",
        f"query = {CHAIN}\nfor field in newest:\n    query = query.order_by('a')",
        f"self.query = {CHAIN}",
        f"begin(lambda: {CHAIN})",
        f"[{CHAIN} for _ in newest]",
        f"query = {CHAIN}\ndef inner():\n    return query.stream()",
        f"{CHAIN}.where('a', '==', 1).stream()",
        f"{CHAIN}.where(filter=a_filter).stream()",
        f"{CHAIN}.where(filter=FieldFilter(field, '==', 1)).stream()",
        f"{CHAIN}.where(filter=FieldFilter('a', 'array_contains_any', 1)).stream()",
        f"{CHAIN}.order_by('a', direction=way).stream()",
        f"{CHAIN}.find_nearest('a').get()",
        "store.collection(name).stream()",
        "store.collection_group('things').stream()",
    ],
)
def test_what_cannot_be_followed_is_refused(code: str) -> None:
    with pytest.raises(NotUnderstood):
        _queries_of(code)


@pytest.mark.parametrize(
    ("fields", "index", "answer"),
    [
        ([("a", "ASCENDING"), ("b", "DESCENDING")], Index("things", frozenset("a"), (("b", "DESCENDING"),)), True),
        ([("a", "ASCENDING"), ("b", "ASCENDING")], Index("things", frozenset("a"), (("b", "DESCENDING"),)), True),
        ([("b", "ASCENDING"), ("a", "ASCENDING")], Index("things", frozenset("a"), (("b", "ASCENDING"),)), False),
        ([("a", "ASCENDING"), ("b", "ASCENDING")], Index("other", frozenset("a"), (("b", "ASCENDING"),)), False),
        (
            [("a", "ASCENDING"), ("b", "ASCENDING")],
            Index("things", frozenset(), (("a", "ASCENDING"), ("b", "DESCENDING"))),
            False,
        ),
    ],
)
def test_which_index_serves(fields: list[tuple[str, str]], index: Index, answer: bool) -> None:
    made = {"collection": "things", "fields": [{"path": path, "order": order} for path, order in fields]}
    assert serves(made, index) is answer


def _queries_of(code: str) -> set[Query]:
    body = textwrap.indent(textwrap.dedent(code).strip(), "    ")
    return Module(ast.parse(f"def ask(self, store, newest):\n{body}\n"), {}).found
