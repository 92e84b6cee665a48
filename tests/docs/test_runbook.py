"""The runbook has an entry for every alert, with a command to look and one to mend, all of which exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.monitoring.alert_rules import RULES
from shared.runtime.manifest import declared_functions, schedules

REPOSITORY = Path(__file__).parents[2]
RUNBOOK = (REPOSITORY / "docs" / "runbook.md").read_text(encoding="utf-8")
SECTIONS = dict(zip(*[iter(re.split(r"^### (.+)$", RUNBOOK, flags=re.M)[1:])] * 2, strict=True))
ENTRIES = {re.sub(r"`([^`]+)`.*", r"\1", heading): text.partition("\n## ")[0] for heading, text in SECTIONS.items()}
SEEN = (
    "No data",
    "Red certificate",
    "Declined payments",
    "Slow queries",
    "Dead letters",
    "A provider is down",
    "Key rotation",
    "Erasure request",
    "Work piles up",
    "SMTP is down",
    "Firestore is down",
)


def terraform_alerts() -> Iterator[str]:
    """Keys of every google_monitoring_alert_policy of infra/."""
    yield from re.findall(r"^      ([a-z-]+) = \{$", _infra("alerts.tf"), flags=re.M)
    yield from re.findall(r"^    ([a-z]+) = \{$", _infra("log_alerts.tf").partition("display_name")[0], flags=re.M)
    yield from re.findall(r'"google_monitoring_alert_policy" "([a-z]+)"', _infra("uptime.tf"))


def keys_of_domains() -> Iterator[str]:
    """Of alerts that other domains raise by themselves; what follows a colon is the subject."""
    for path in (REPOSITORY / "shared").rglob("*.py"):
        if path.parent.name != "monitoring":
            yield from re.findall(r"""(?:dedup_key=|"dedupKey": )f?"([a-z-]+:?)""", path.read_text(encoding="utf-8"))


def _infra(name: str) -> str:
    return (REPOSITORY / "infra" / name).read_text(encoding="utf-8")


def test_what_is_looked_for_is_found() -> None:
    assert {"check-silent", "outbox-silent", "undelivered", "evidence", "down"} <= set(terraform_alerts())
    assert set(keys_of_domains()) == {"sync:", "payments-unreconciled"}


@pytest.mark.parametrize("name", sorted({rule.name for rule in RULES} | set(terraform_alerts()) | set(SEEN)))
def test_every_alert_and_every_common_failure_has_its_entry(name: str) -> None:
    assert name in ENTRIES


@pytest.mark.parametrize("key", sorted(set(keys_of_domains())))
def test_every_alert_of_another_domain_has_its_entry(key: str) -> None:
    assert [name for name in ENTRIES if name == key or (key.endswith(":") and name.startswith(key))]


@pytest.mark.parametrize("heading", SECTIONS)
def test_an_entry_says_how_it_shows_how_to_look_and_how_to_mend(heading: str) -> None:
    shows, commands = re.split(r"^```sh$", SECTIONS[heading], maxsplit=1, flags=re.M)
    assert len(shows.strip()) > 40
    looking, mending = commands.split("# mend", maxsplit=1)
    assert looking.strip().startswith("# look")
    for part in (looking, mending.partition("```")[0]):
        assert [line for line in part.splitlines()[1:] if line and not line.startswith("#")]


def test_every_make_target_exists() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = {name for line in re.findall(r"^([a-z -]+):.*##", makefile, flags=re.M) for name in line.split()}
    named = set(re.findall(r"\bmake (?:-s )?([a-z-]+)", RUNBOOK))
    assert named - targets == set()
    assert {"rollback", "deploy", "rotate", "restart", "sync", "smoke"} <= named


def test_every_job_function_and_log_line_exists() -> None:
    functions = declared_functions()
    jobs = {scheduled.deployed_name for scheduled in schedules(functions)}
    named = set(re.findall(r"scheduler jobs (?:run|resume|describe) ([a-z-]+)", RUNBOOK))
    assert named - jobs == set()
    code = [path for folder in ("shared", "functions") for path in (REPOSITORY / folder).rglob("*.py")]
    sources = "\n".join(path.read_text(encoding="utf-8") for path in code)
    calls = re.findall(r"^lines '?([a-z_\" OR]+?)'?(?: \d|$|;)", RUNBOOK, flags=re.M)
    lines = {word for call in calls for word in re.findall(r"[a-z_]{5,}", call)}
    assert {word for word in lines if f'"{word}"' not in sources} == set()
    assert len(lines) > 20


def test_links_resolve() -> None:
    anchors = {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in SECTIONS}
    for link in re.findall(r"\]\(#([^)]+)\)", RUNBOOK):
        assert link in anchors, link
    for name, anchor in re.findall(r"\]\(([a-z0-9/-]+\.md)#([^)]+)\)", RUNBOOK):
        headings = re.findall(r"^#+ (.+)$", (REPOSITORY / "docs" / name).read_text(encoding="utf-8"), flags=re.M)
        assert anchor in {re.sub(r"[^a-z0-9 _-]", "", found.lower()).replace(" ", "-") for found in headings}
