"""Hypothesis strategies: any JSON, and records that are broken in places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

# Also halves of surrogate pairs and NUL: JSON can write both.
texts = st.text(st.characters(codec=None), max_size=12)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | texts
    | st.sampled_from(["", "2026-06-30T12:00:00.000Z", "2026-W05-5T10:00:00.000Z", "0001-01-01T00:00:00+14:00", "1.5"])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)


@st.composite
def broken(draw: st.DrawFn, good: Any) -> Any:
    """`good`, in which some values, wherever they stand, are any other."""
    if draw(st.integers(0, 9)) == 0:
        return draw(values)
    if isinstance(good, Mapping):
        kept = {name: draw(broken(value)) for name, value in good.items() if draw(st.integers(0, 9))}
        return kept | draw(st.dictionaries(texts, values, max_size=1))
    if isinstance(good, list):
        return [draw(broken(value)) for value in good]
    return good
