"""What the windows of a job came to, stream by stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.pos import compare, rules
from shared.pos.models import CREATED, Certificate, Counters, Progress, Window


class Outcome:
    """`failures`: of each stream that failed, code and message. `horizon`: of each stream that was read by creation,
    the first day."""

    def __init__(self, found: Sequence[tuple[Window, Progress, str]]) -> None:
        self.counters: dict[str, Counters] = {}
        self.certificates: dict[str, Certificate | None] = {}
        self.failures: dict[str, Mapping[str, str]] = {}
        self.horizon: dict[str, str] = {}
        for window, progress, _ in found:
            name = window.stream
            self.counters[name] = self.counters.get(name, Counters()).plus(progress.counters)
            self.certificates[name] = compare.both(self.certificates.get(name), progress.certificate)
            if progress.error:
                self.failures.setdefault(name, progress.error)
            if window.by == CREATED and not window.whole:
                day = window.start.date().isoformat()
                self.horizon[name] = min(day, self.horizon.get(name, day))
        self.horizon = {name: day for name, day in self.horizon.items() if name not in self.failures}

    @property
    def total(self) -> Counters:
        return rules.sum_of(self.counters.values())

    @property
    def differences(self) -> int:
        return sum(len(found.differences) + found.more for found in self.certificates.values() if found)
