"""The reference pages say what the code does: each setting, endpoint, error code, event and test person."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import Field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.platform.outbox import Event
from shared.platform.settings import Settings
from shared.runtime import security_events
from shared.runtime.declare import Endpoint
from shared.runtime.manifest import Declared, declared_functions
from shared.verification import events, sandbox
from shared.verification.models import Refusal
from tests.factories.api import VerificationApi

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
NOW = datetime(2026, 7, 1, 17, tzinfo=UTC)
ENDPOINTS = [function for function in declared_functions() if isinstance(function.declaration, Endpoint)]
SANDBOX_IDS = [*sandbox.CLAIMS, sandbox.RATE_LIMITED, sandbox.UNAVAILABLE]
# Kinds of failure whose every use gives a code of its own.
NEVER_BARE = {"conflict", "not_found", "unprocessable"}


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def rows(name: str) -> dict[str, list[str]]:
    """Of every table of a page: first cell without back-ticks → the cells after it."""
    lines = [re.split(r" *\| *", line.strip("| ")) for line in page(name).splitlines() if line.startswith("| ")]
    return {cells[0].strip(" `"): [cell.strip() for cell in cells[1:]] for cells in lines}


@pytest.mark.parametrize("setting", fields(Settings), ids=lambda setting: setting.metadata["env"])
def test_every_setting_is_in_settings_md_with_its_default(setting: Field[Any]) -> None:
    told = setting.metadata
    default = "secret" if told["secret"] else f"`{setting.default}`" if setting.default != "" else ""
    assert rows("settings.md")[told["env"]] == [default, told["doc"]]


def test_settings_md_lists_no_setting_that_there_is_not() -> None:
    assert rows("settings.md").keys() - {"variable"} == {setting.metadata["env"] for setting in fields(Settings)}


@pytest.mark.parametrize("function", ENDPOINTS, ids=lambda function: function.name)
def test_every_endpoint_is_in_api_md(function: Declared) -> None:
    declared = function.declaration
    assert isinstance(declared, Endpoint)
    who, name = rows("api.md")[f"{declared.method} {declared.path}"][:2]
    assert (who, name) == (declared.auth.name, f"`{function.deployed_name}`")
    assert f"`{declared.auth.name}`" in page("api.md")


def test_api_md_lists_no_endpoint_that_there_is_not() -> None:
    routes = {first for first in rows("api.md") if re.match(r"[A-Z]+ /", first)}
    assert routes == {f"{f.declaration.method} {f.declaration.path}" for f in ENDPOINTS}


def test_every_error_code_is_in_api_md() -> None:
    used = {code for path in (REPOSITORY / "shared").rglob("*.py") for code in codes_in(ast.parse(path.read_text()))}
    assert {code for code in used - NEVER_BARE if f"`{code}`" not in page("api.md")} == set()


def codes_in(module: ast.Module) -> Iterator[str]:
    """What stands in `code="..."` of a call and `code = "..."` of a class."""
    for node in ast.walk(module):
        if isinstance(node, ast.keyword) and node.arg == "code":
            either = [node.value.body, node.value.orelse] if isinstance(node.value, ast.IfExp) else [node.value]
            yield from (part.value for part in either if is_code(part))
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                named = isinstance(line, ast.Assign) and [getattr(target, "id", "") for target in line.targets]
                if named == ["code"] and is_code(line.value):
                    yield line.value.value


def is_code(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value != ""


def test_every_event_type_is_in_events_md_and_no_other() -> None:
    schemas = (json.loads(path.read_text()) for path in (REPOSITORY / "infra/schemas").glob("*.json"))
    recorded = {kind for schema in schemas for kind in schema.get("events", [])}
    announced = {*security_events.TYPES.values(), "security.admin_action", "security.bad_signature"}
    documented = {first for first in rows("events.md") if re.fullmatch(r"[a-z]+\.[a-z_]+", first)}
    assert documented == recorded | announced | {event.type for event in one_of_each()}


@pytest.mark.parametrize("kind", ["succeeded", "failed", "rate_limited", "erased"])
def test_events_md_lists_what_an_event_holds(kind: str) -> None:
    event = next(event for event in one_of_each() if event.type == f"verification.{kind}")
    assert rows("events.md")[event.type][1].split(", ") == list(event.data)
    message = event.message()
    assert all(f'"{name}"' in page("events.md") for name in json.loads(message.data))
    assert f"attributes  {', '.join(message.attributes)}" in page("events.md")


def one_of_each() -> list[Event]:
    """What each function of `shared/verification/events.py` makes."""
    record, refusal = sandbox.record("sandbox-verified", NOW), sandbox.verify("sandbox-minor", NOW)
    assert isinstance(refusal, Refusal)
    made = [
        events.succeeded("evt_1", "att_1", "hash", "req_1", record, None),
        events.failed("evt_1", "att_1", "hash", "req_1", refusal, NOW),
        events.rate_limited("evt_1", "att_1", "hash", "req_1", NOW),
        events.erased("evt_1", "hash", "req_1", record, "admin", NOW),
        events.expired("hash", record),
    ]
    functions = {name for name, f in vars(events).items() if inspect.isfunction(f) and f.__module__ == events.__name__}
    assert {event.type for event in made} == {f"verification.{name}" for name in functions if not name.startswith("_")}
    return made


def test_sandbox_md_lists_every_test_person_and_no_other() -> None:
    assert {first for first in rows("sandbox.md") if first.startswith("sandbox-")} == set(SANDBOX_IDS)


@pytest.mark.parametrize("customer_id", SANDBOX_IDS)
def test_sandbox_md_tells_what_each_test_person_gets(function: Callable[[str], FlaskClient], customer_id: str) -> None:
    api = VerificationApi(function)
    verify, status = rows("sandbox.md")[customer_id]
    for answer in (api.verify(customer_id), api.resubmit(customer_id)):
        assert verify == f"{answer.status_code} `{answer.json.get('code') or answer.json['method']}`"
    found = api.status(customer_id)
    outcome = f"`{found.json['code']}`" if "code" in found.json else "expired" if found.json["expired"] else "verified"
    assert status in (f"{found.status_code} {outcome}", f"{found.status_code}, {outcome}")


@pytest.mark.parametrize("name", ["README.md", *(f"docs/{path.relative_to(DOCS)}" for path in DOCS.rglob("*.md"))])
def test_every_link_leads_somewhere(name: str) -> None:
    source = REPOSITORY / name
    links = re.findall(r"\]\((?!https?:)([^)#]+)", source.read_text(encoding="utf-8"))
    assert [link for link in links if not (source.parent / link).exists()] == []
