"""Runs as `functions-framework` does, and watches the Firestore client's commits, which are patched in this process.

Each commit is printed as one JSON line: {"message": "firestore_commit", "collections": [...], "outcome": "ok"}.
With DIE_BEFORE=<collection> the whole process group is killed before the first commit that writes to that collection.
Only the standard library and what a function has: it runs in the lean environment.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

sys.path.insert(0, os.getcwd())

from functions_framework._cli import _cli
from google.cloud.firestore_v1.batch import WriteBatch

real_commit = WriteBatch.commit
die_before = os.environ.get("DIE_BEFORE", "")


def collections_of(batch: WriteBatch) -> list[str]:
    names = [pb.update.name or pb.delete for pb in batch._write_pbs]
    return sorted({name.split("/documents/", 1)[1].split("/", 1)[0] for name in names})


def commit(batch: WriteBatch, *args: Any, **kwargs: Any) -> Any:
    collections = collections_of(batch)
    if collections == ["metrics"]:  # figures go when their timer says
        return real_commit(batch, *args, **kwargs)
    if die_before in collections:
        os.killpg(0, signal.SIGKILL)
    outcome = "ok"
    try:
        return real_commit(batch, *args, **kwargs)
    except Exception as error:
        outcome = type(error).__name__
        raise
    finally:
        line = {"message": "firestore_commit", "collections": collections, "outcome": outcome}
        os.write(1, f"{json.dumps(line)}\n".encode())


WriteBatch.commit = commit

if __name__ == "__main__":
    _cli()
