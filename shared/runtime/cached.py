"""From what the cache found to an answer: ETag and 304, Age, Cache-Status (RFC 9211)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shared.platform import wire
from shared.platform.cache.cache import Cache
from shared.platform.cache.models import Found, Params, State, View
from shared.runtime.request import Answer, Request, Serialized

CACHE_NAME = "livhana"
ENTITY_TAG = re.compile(r'(?:W/)?"([^"]*)"')
STATUS = {
    State.HIT: "hit; ttl={ttl}",
    State.STALE: "hit; ttl={ttl}; detail=stale",
    State.MISS: "fwd=miss; stored",
    State.COLLAPSED: "fwd=miss; collapsed",
    # Asked for and not got, or not asked for again so soon: the last value.
    State.DEGRADED: "fwd=stale; fwd-status=503; ttl={ttl}; detail=degraded",
}


def look_up(request: Request, view: View, params: Params) -> Found:
    """Raises what loading raises when there is nothing to serve."""
    return Cache.on(request.platform).get(view, params)


def answer(request: Request, found: Found, about: Mapping[str, Any]) -> Answer:
    """200 with the value and `about`, JSON values that are not part of it; 304 when the caller has it already."""
    tag = f"{found.head.etag}-{found.mode}"
    headers = {"ETag": f'W/"{tag}"', "Age": str(found.age), "Cache-Status": status(found)}
    if _has(request.headers.get("If-None-Match", ""), tag):
        return Answer(304, None, headers)
    return Answer(200, Serialized(_joined(found.value, about)), headers)


def status(found: Found) -> str:
    """The Cache-Status field."""
    text = STATUS[found.state].format(ttl=found.ttl)
    if not found.stored:
        text = text.replace("; stored", "") + ("" if "detail=" in text else "; detail=memory")
    return f"{CACHE_NAME}; {text}"


def _has(if_none_match: str, tag: str) -> bool:
    """The tags are weak: when and how an answer came about is not part of what they stand for."""
    return if_none_match.strip() == "*" or tag in ENTITY_TAG.findall(if_none_match)


def _joined(value: bytes, about: Mapping[str, Any]) -> str:
    """Two JSON objects as one, without parsing the larger."""
    inside, more = value.decode()[1:-1], wire.json_text(dict(about))[1:-1]
    return "{" + ",".join(part for part in (more, inside) if part) + "}"
