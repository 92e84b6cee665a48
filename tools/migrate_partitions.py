"""Move an unpartitioned table into the partitioned one that infra/schemas declares: `make migrate-partitions TABLE=`.

The rows are copied into `<table>__partitioned` and compared, the table is copied to `<table>__backup_<time>` and
compared, then the table is deleted and the partitioned copy takes its name. What has been done is read off the tables
that are there, so a run that was stopped anywhere is completed by the next, and the rows are at every moment whole in
one table at least. See docs/migrating-tables.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

import requests
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from shared.platform.bigquery import connect
from shared.platform.tables import declared
from tools.cloud import Refused, project
from tools.migration import Migration, Wishes
from tools.migration_rows import Shape


def main(arguments: Sequence[str]) -> int:
    """0: migrated, or nothing to do; 1: refused; 2: BigQuery cannot be asked."""
    wanted = _parsed(arguments)
    wishes = Wishes(dollars=wanted.amount_in_dollars, deduplicate=wanted.deduplicate, dry_run=wanted.dry_run)
    try:
        shape = _shape(wanted.table)
        Migration(_client(os.environ), shape, wishes).run()
    except Refused as refused:
        print(f"migrate_partitions: {refused}", file=sys.stderr)
        return 1
    except (GoogleAPIError, GoogleAuthError, requests.RequestException, TimeoutError) as error:
        print(f"migrate_partitions: BigQuery: {error}\nRun this again: it goes on where it was.", file=sys.stderr)
        return 2
    return 0


def _client(environ: Mapping[str, str]) -> bigquery.Client:
    """Of the project PROJECT, else of the local stack that `local.with_stack` has put into the environment."""
    emulator = environ.get("BIGQUERY_EMULATOR_HOST", "")
    if environ.get("PROJECT"):
        if emulator:
            raise Refused("PROJECT is set, and BIGQUERY_EMULATOR_HOST too. Unset the one that is not meant.")
        return connect(project(environ), environ.get("REGION", ""))
    if not emulator:
        raise Refused("Where? Start the local stack (make run), or give PROJECT=.")
    return connect(environ["GOOGLE_CLOUD_PROJECT"], emulator=emulator)


def _shape(name: str) -> Shape:
    tables = {table: schema for table, schema in declared().items() if "partitioning" in schema}
    if name not in tables:
        raise Refused(f"'{name}' is no table that infra/schemas declares partitioned. These are: {', '.join(tables)}.")
    return Shape(tables[name])


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.migrate_partitions",
        description=__doc__,
        epilog="Exit status: 0 migrated or nothing to do, 1 refused, 2 BigQuery cannot be asked.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("table", help="for example analytics.square_payments")
    parser.add_argument("--dry-run", action="store_true", help="check the rows, say what would be done, change nothing")
    parser.add_argument("--deduplicate", action="store_true", help="of rows with one key keep the newest only")
    dollars = "columns of money that are no INT64 hold dollars: make them cents, half up"
    parser.add_argument("--amount-in-dollars", action="store_true", help=dollars)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
