"""What may stand in a message on `sync-requests`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.pos.models import MODES, OBJECTS, SOURCES
from shared.pos.requests import TOPIC, SyncRequest

texts = st.text(max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("source", "mode", "from", "to", "jobId", "window", "stream", "ids")


def of(**data: Any) -> SyncRequest:
    return SyncRequest.of("m-1", data)


@given(
    st.builds(
        SyncRequest,
        id=st.just("m-1"),
        source=st.sampled_from(SOURCES),
        mode=st.sampled_from((*MODES, OBJECTS)),
        start=texts,
        end=texts,
        job=texts,
        window=texts,
        stream=texts,
        ids=st.lists(texts, max_size=3).map(tuple),
    )
)
def test_a_message_is_read_as_it_was_written(request: SyncRequest) -> None:
    message = request.message()
    assert SyncRequest.of("m-1", json.loads(message.data)) == request
    assert message.attributes == {"source": request.source}
    assert request.topic == TOPIC


def test_the_schedule_s_messages() -> None:
    assert of(source="square", mode="incremental") == SyncRequest(id="m-1", source="square")
    found = of(**{"source": "lightspeed", "mode": "full", "from": "P14D"})
    assert (found.source, found.mode, found.start, found.end) == ("lightspeed", "full", "P14D", "")


def test_the_mode_is_incremental_unless_it_is_said() -> None:
    assert of(source="square").mode == "incremental"


def test_what_is_empty_is_not_sent() -> None:
    message = SyncRequest(id="m-1", source="square").message()
    assert json.loads(message.data) == {"source": "square", "mode": "incremental"}


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"source": "clover"},
        {"source": None},
        {"source": ["square"]},
        {"source": "square", "mode": "everything"},
        {"source": "square", "mode": None},
        {"source": "square", "mode": ["full"]},
        {"source": "square", "from": 14},
        {"source": "square", "to": None},
        {"source": "square", "jobId": 1},
        {"source": "square", "window": {}},
        {"source": "square", "ids": "p-1"},
        {"source": "square", "ids": [1]},
        {"source": "square", "ids": None},
    ],
    ids=str,
)
def test_any_other_message_is_poison(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w+ is .*\. (Send|See)"):
        SyncRequest.of("m-1", data)


@given(st.dictionaries(st.sampled_from(FIELDS), json_values) | st.dictionaries(texts, json_values, max_size=3))
def test_any_json_object_is_a_request_or_poison(data: dict[str, Any]) -> None:
    try:
        found = SyncRequest.of("m-1", data)
    except ValueError:
        return
    assert found.source in SOURCES
    assert all(isinstance(value, str) for value in (found.start, found.end, found.job, found.window, found.stream))
