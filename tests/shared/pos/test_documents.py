"""What Firestore keeps of a job, a window and a certificate is read as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.platform.clock import wire_time
from shared.platform.context import Platform
from shared.pos import documents
from shared.pos.models import DONE, FAILED, FULL, UPDATED, Counters, Progress, Tally
from tests.factories.sync import AT, DAY, certificate, difference, job, window

JOBS = [
    job(),
    job(start=AT - DAY, end=AT, mode=FULL, sync_mode="mock"),
    job(status=DONE, windows=12, windows_done=12, resumed=2, started_at=AT, finished_at=AT + DAY),
    job(status=FAILED, error={"code": "auth_failed", "message": "Square refuses the access token."}),
]
PROGRESS = Progress(
    done=frozenset({"2026-06-01T00:00|L1", "2026-06-08T00:00|L1"}),
    tallies={("L1", "2026-06-01"): Tally(3, 450, wire_time(AT)), ("a|b", "2026-06-02"): Tally()},
    counters=Counters(1, 2, 3, 4, 5, 6),
    slice_days=3,
    error={"code": "source_refused", "message": "A scope is missing."},
    certificate=certificate(difference("2026-06-01")),
)


@pytest.fixture
def kept(platform: Platform):
    """`kept(document)`: as it is after Firestore had it."""

    def keep(document: dict[str, Any]) -> dict[str, Any]:
        reference = platform.firestore.collection("kept").document("d")
        reference.set(document)
        found = reference.get().to_dict()
        assert found is not None
        return found

    return keep


@pytest.mark.parametrize("wanted", JOBS, ids=["new", "asked for", "done", "failed"])
def test_a_job(kept, wanted) -> None:
    assert documents.job("job_1", kept(documents.of_job(wanted, AT))) == wanted


@pytest.mark.parametrize(
    "wanted", [window(), window(by=UPDATED, recent=True), window(stream="square_items", whole=True)]
)
def test_a_new_window_has_no_progress(kept, wanted) -> None:
    found = documents.window(wanted.id, kept(documents.of_window(wanted, AT)))
    assert found == (wanted, Progress(), "pending")


@pytest.mark.parametrize("wanted", [PROGRESS, replace(PROGRESS, certificate=None, error=None)])
def test_the_progress_of_a_window(kept, wanted: Progress) -> None:
    document = {**documents.of_window(window(), AT), **documents.of_progress(wanted), "status": DONE}
    assert documents.window("job_1.000", kept(document)) == (window(), wanted, DONE)


@given(
    st.dictionaries(
        st.tuples(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), st.dates().map(str)),
        st.builds(Tally, st.integers(0, 9), st.integers(-(2**63), 2**63 - 1), st.datetimes().map(str)),
        max_size=5,
    )
)
def test_tallies_of_whatever_locations(found) -> None:
    assert documents.tallies(documents.of_tallies(found)) == found


@pytest.mark.parametrize(
    "found", [None, certificate(), certificate(difference("2026-06-01"), difference("2026-05-01"))]
)
def test_a_certificate(kept, found) -> None:
    document = documents.of_certificate(found)
    assert documents.certificate(kept({"c": document})["c"]) == found


def test_of_a_very_red_certificate_the_first_50_places_are_kept_and_the_others_counted(kept) -> None:
    found = certificate(*(difference(f"2026-{1 + n // 28:02}-{1 + n % 28:02}") for n in range(60)))
    document = kept(documents.of_certificate(found) or {})
    assert (len(document["differences"]), document["more"]) == (50, 10)
    read = documents.certificate(document)
    assert read == replace(found, differences=found.differences[:50], more=10)
    assert not read.green
