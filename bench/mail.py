"""`make bench-mail`: reminders for many customers, two mails in a hundred refused for now, kills in the middle.

Real emulators, Pub/Sub's pushes to functions-framework processes (three for the senders), a mail server of ours over
SMTP with STARTTLS. `SIZES`: how many customers, comma-separated. Back-off is 1-10 s in place of what is declared, and
after each kill the clock is moved by five minutes, so that no lease is waited for.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from local.emulators import Emulators
from tests.factories.environment import environment
from tests.factories.mails import MailServer
from tests.factories.reminding import JOB, SENDER, Reminding

RESULTS = Path(__file__).parent / "results-mail.json"
SIZES = [int(size) for size in (os.environ.get("SIZES") or "2500,5000,10000").split(",")]
# Every so many messages one is answered 451.
ONE_FAILS_OF = 50
PATIENCE_SECONDS = 3600.0


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="livhana-bench-mail-"))
    with Emulators(folder / "emulators") as addresses:
        os.environ.update(addresses.environment())
        found = [one(folder / str(size), size) for size in SIZES]
    RESULTS.write_text(json.dumps({"runs": found}, indent=2) + "\n")
    return report(found)


def one(folder: Path, customers: int) -> dict[str, Any]:
    project = f"bench-{uuid.uuid4().hex[:8]}"
    os.environ.update(environment(project))
    with MailServer(folder / "smtp") as server:
        shop = Reminding(folder, project, server)
        shop.verify(customers)
        with shop.running():
            server.trap(not_now=ONE_FAILS_OF)
            started = time.monotonic()
            shop.start_job()
            shop.await_taken(customers // 10, PATIENCE_SECONDS)
            shop.kill(JOB)
            for share in (3, 5, 7):
                shop.await_taken(customers * share // 10, PATIENCE_SECONDS)
                shop.kill(SENDER)
            days = shop.until_all(customers, PATIENCE_SECONDS)
            sent = time.monotonic() - started
            shop.await_marked(customers, PATIENCE_SECONDS)
            marked = time.monotonic() - started
            # What would come twice has come by then.
            time.sleep(15)
            counts, peaks = server.counts(), shop.peaks()
    recipients = counts["recipients"]
    return {
        "customers": customers,
        "secondsUntilSent": round(sent, 1),
        "secondsUntilMarked": round(marked, 1),
        "mailsASecond": round(customers / sent, 1),
        "customersWithExactlyOneMail": sum(mails == 1 for mails, _ in recipients.values()),
        "customersMissed": customers - len(recipients),
        "daysOfTheJob": days,
        "copies": counts["copies"] - counts["mails"],
        "transmissions": counts["transmissions"],
        "peakMiB": {name: round(peak, 1) for name, peak in sorted(peaks.items())},
    }


def report(found: list[dict[str, Any]]) -> int:
    for run in found:
        print(json.dumps(run))
    exact = all(run["customersWithExactlyOneMail"] == run["customers"] for run in found)
    print("each customer got exactly one mail" if exact else "NOT each customer got exactly one mail")
    return 0 if exact else 1


if __name__ == "__main__":
    sys.exit(main())
