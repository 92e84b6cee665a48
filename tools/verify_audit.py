"""Recompute the hash chains of the audit trail and name the first row that was altered, removed, doubled or added.

It reads the rows from BigQuery and the chains' heads from Firestore, and writes nothing. The settings are those of the
functions (GOOGLE_CLOUD_PROJECT, and the emulators' addresses on a local stack); no secret is needed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date, timedelta

from shared.audit.models import Break
from shared.audit.service import AuditService
from shared.platform.context import Platform
from shared.platform.errors import Misconfigured, Unavailable
from shared.platform.settings import Settings

DAYS = 7


def main(arguments: Sequence[str]) -> int:
    """0: every chain is whole; 1: at least one is broken; 2: it could not be checked."""
    wanted = _parsed(arguments)
    try:
        platform = Platform.start(Settings.load())
        today = platform.clock.now().date()
        last = wanted.last or max(today, wanted.first or today)
        return _check(AuditService.on(platform), wanted.first or last - timedelta(days=DAYS - 1), last)
    except (Misconfigured, Unavailable) as error:
        print(f"verify_audit: {error}", file=sys.stderr)
        return 2


def _check(audit: AuditService, first: date, last: date) -> int:
    found: list[Break] = []
    chains = total = 0
    for table, day, rows, broken in audit.verify(first, last):
        if rows or broken:
            print(f"{day}  {table:<36} {counted(rows):>13}  {'BROKEN' if broken else 'whole'}", flush=True)
            chains, total = chains + 1, total + rows
        if broken:
            print(f"    {sentence(broken)}", flush=True)
            found.append(broken)
    if found:
        place = f"{found[0].table}, {found[0].day}"
        print(f"{len(found)} of {chains} chains broken. The first break: {place}: {sentence(found[0])}")
        return 1
    print(f"All {chains} chains from {first} to {last} (UTC) are whole: {counted(total)}.")
    return 0


def counted(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows} rows"


def sentence(broken: Break) -> str:
    """`row 3 (evt_01...) altered: its content does not give its hash`."""
    event = f" ({broken.event_id})" if broken.event_id else ""
    return f"row {broken.sequence}{event} {broken.kind}: {broken.explanation}"


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.verify_audit",
        description=__doc__,
        epilog="Exit status: 0 every chain is whole, 1 at least one is broken, 2 it could not be checked.\n"
        "Rows that are still on their way into BigQuery are no break.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    start = f"first day (UTC, YYYY-MM-DD), by default {DAYS - 1} days before the last"
    parser.add_argument("--from", dest="first", type=_day, metavar="DAY", help=start)
    parser.add_argument("--to", dest="last", type=_day, metavar="DAY", help="last day, by default today")
    wanted = parser.parse_args(arguments)
    if wanted.first and wanted.last and wanted.first > wanted.last:
        parser.error(f"--from {wanted.first} lies after --to {wanted.last}.")
    return wanted


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no day. Write YYYY-MM-DD.") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
