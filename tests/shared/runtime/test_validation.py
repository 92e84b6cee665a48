"""From marshmallow's errors to one sentence and one field."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import Schema, fields, validate

from shared.platform.errors import Invalid
from shared.runtime import validation


class Part(Schema):
    width = fields.Integer(required=True, strict=True)


class Thing(Schema):
    thing_name = fields.String(required=True, data_key="thingName")
    size = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, error="must be 1 or more."))
    part = fields.Nested(Part)
    parts = fields.List(fields.Nested(Part))
    colours = fields.List(fields.String())


class Filter(Schema):
    days = fields.Integer(load_default=30)


class OnlyName(Schema):
    SOLE_MISSING = {("thingName",): "thingName is required"}  # noqa: RUF012

    thing_name = fields.String(required=True, data_key="thingName")
    size = fields.Integer(required=True)


def refused(value: dict[str, Any], schema: type[Schema] = Thing) -> Invalid:
    with pytest.raises(Invalid) as failure:
        validation.load_body(schema, value)
    return failure.value


def test_a_good_body_has_the_names_of_the_code() -> None:
    assert validation.load_body(Thing, {"thingName": "a", "size": 2}) == {"thing_name": "a", "size": 2}


@pytest.mark.parametrize(
    ("value", "missing"),
    [
        ({}, ["thingName", "size"]),
        ({"thingName": "a"}, ["size"]),
        ({"thingName": "", "size": 1}, ["thingName"]),
        ({"thingName": " \t", "size": 1}, ["thingName"]),
        ({"thingName": None, "size": None}, ["thingName", "size"]),
    ],
)
def test_all_missing_fields_are_named_at_once_in_order(value: dict[str, Any], missing: list[str]) -> None:
    failure = refused(value)
    assert failure.sentence == f"Missing required fields: {', '.join(missing)}"
    assert (failure.code, failure.fields) == ("missing_fields", {"missing": missing, "field": missing[0]})


def test_missing_comes_before_wrong() -> None:
    assert refused({"thingName": 5, "nonsense": 1}).code == "missing_fields"


def test_a_schema_may_have_its_own_sentence_for_a_sole_missing_field() -> None:
    assert refused({"size": 1}, OnlyName).sentence == "thingName is required"
    assert refused({}, OnlyName).sentence == "Missing required fields: thingName, size"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"thingName": 5}, "thingName"),
        ({"thingName": []}, "thingName"),
        ({"thingName": {}}, "thingName"),
        ({"thingName": True}, "thingName"),
        ({"size": "2"}, "size"),
        ({"size": 0}, "size"),
        ({"size": 1.5}, "size"),
        ({"size": "x", "thingName": 5}, "thingName"),
        ({"part": {"width": "x"}}, "part.width"),
        ({"part": {}}, "part.width"),
        ({"part": 5}, "part"),
        ({"parts": [{"width": 1}, {"width": "x"}]}, "parts.1.width"),
        ({"colours": ["red", 5]}, "colours.1"),
        ({"colours": None}, "colours"),
    ],
)
def test_the_first_wrong_field_is_named_in_the_order_of_the_schema(changes: dict[str, Any], field: str) -> None:
    failure = refused({"thingName": "a", "size": 1, **changes})
    assert (failure.code, failure.fields["field"]) == ("invalid_field", field)
    assert failure.sentence.startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("colour", "colour"),
        ("thing_name", "thing_name"),
        ("__proto__", "__proto__"),
        ("Ann Example", "an unknown field"),
        ("x" * 65, "an unknown field"),
        ("", "an unknown field"),
    ],
)
def test_an_unknown_field_is_refused_and_shown_only_when_harmless(name: str, shown: str) -> None:
    failure = refused({"thingName": "a", "size": 1, name: "x"})
    assert (failure.code, failure.fields["field"]) == ("unknown_field", shown)


def test_a_value_is_never_shown() -> None:
    failure = refused({"thingName": "a", "size": "Ann Example"})
    assert "Ann" not in failure.sentence


def test_a_query_has_its_defaults() -> None:
    assert validation.load_query(Filter, {}) == {"days": 30}
    assert validation.load_query(None, {}) == {}


@pytest.mark.parametrize(("schema", "query"), [(None, {"x": "1"}), (Filter, {"x": "1"}), (Filter, {"days": "many"})])
def test_a_query_is_checked_as_strictly(schema: type[Schema] | None, query: dict[str, str]) -> None:
    with pytest.raises(Invalid) as failure:
        validation.load_query(schema, query)
    assert failure.value.fields["field"] == next(iter(query))
