"""The steps of a migration (tools/migrate_partitions.py). Nothing is remembered: what there is says what has been done.

table          copy   backup    then
unpartitioned                   copy and backup are made, or kept when they hold the same; the table is deleted
none           there  there     the copy takes the name, when it holds what the backup holds
partitioned    there            the table has the copy's rows, or gets them; the copy is deleted
partitioned                     nothing
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from google.cloud import bigquery

from tools.cloud import Refused, step
from tools.migration_rows import Reading, Shape
from tools.migration_tables import Tables, count_keys

# As often as rows may arrive in between before a person is asked to stop what writes them.
ATTEMPTS = 3


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the person who runs it has allowed."""

    dollars: bool = False
    deduplicate: bool = False
    dry_run: bool = False


class Migration:
    """Of one table. Every method raises `Refused`, and the errors of Google's client."""

    def __init__(self, client: bigquery.Client, shape: Shape, wishes: Wishes) -> None:
        self._tables = Tables(client, shape)
        self._shape = shape
        self._wishes = wishes
        self._name = self._tables.name
        self._copy = self._tables.copy_name
        self._made = ""  # the backup of this run

    def run(self) -> None:
        """Do what is left to do."""
        table, copy = self._tables.find(self._name), self._tables.find(self._copy)
        if table is None and copy is None:
            raise Refused(_not_there(self._name, self._tables.backups()))
        if table is None:
            self._complete()
        elif not _is_partitioned(table):
            self._migrate(table)
        else:
            self._check_partitioning(table)
            if copy is None:
                step("nothing", f"to do: {self._name} is partitioned already")
            elif not self._only_planned(
                f"complete an earlier run: compare {self._name} with {self._copy}, delete the copy"
            ):
                self._finish()

    def _migrate(self, table: bigquery.Table) -> None:
        reading = self._reading(table)
        self._refuse_what_is_wrong(reading, self._name)
        if table.streaming_buffer:
            raise Refused(
                f"About {table.streaming_buffer.estimated_rows:,} rows of {self._name} are still in its streaming "
                "buffer, which cannot be copied. Stop what streams into it, wait up to 90 minutes, and run this again."
            )
        step("source", f"{self._name}, not partitioned")
        if reading.left_behind:
            step("", f"not declared, they stay in the backup only: {', '.join(reading.left_behind)}")
        if reading.converted:
            step("", f"dollars become cents, half up: {', '.join(reading.converted)}")
        if self._only_planned(
            f"copy the rows into {self._copy} and compare",
            f"copy the table to {self._tables.next_backup()} and compare",
            f"delete {self._name}, copy {self._copy} to its name, compare, delete {self._copy}",
        ):
            return
        self._copy_until_equal(reading)
        self._tables.delete(self._name)
        self._take_the_name()

    def _copy_until_equal(self, reading: Reading) -> None:
        """Until both copy and backup are whole, and nothing has come to the table meanwhile."""
        for attempt in range(1, ATTEMPTS + 1):
            before = self._tables.find(self._name)
            if before is None or _is_partitioned(before):
                raise Refused(f"Somebody else is migrating {self._name}. Wait for it, and run this again.")
            self._make_copy(reading)
            backup = self._make_backup(reading)
            copied = self._tables.compare(self._rows(reading, backup), self._shape.select(self._copy))
            kept = self._tables.compare(reading.select(self._name), reading.select(backup))
            if copied.equal and kept.equal and _unchanged(before, self._tables.find(self._name)):
                step("copy", f"{self._copy}: {copied}")
                step("backup", f"{backup}: {kept}")
                return
            wrong = f"backup: {kept}" if not kept.equal else f"copy: {copied}" if not copied.equal else "new rows"
            step("changed", f"while it was copied, {attempt} of {ATTEMPTS}: {wrong}")
        raise Refused(
            f"{self._name} keeps changing. Nothing was taken away from it. Pause the sync and whatever else writes "
            "to it (docs/migrating-tables.md), and run this again."
        )

    def _make_copy(self, reading: Reading) -> None:
        rows = self._rows(reading, self._name)
        if self._tables.find(self._copy):
            if self._tables.compare(rows, self._shape.select(self._copy)).equal:
                return
            self._tables.delete(self._copy)
        self._tables.create_copy()
        self._tables.fill_copy(rows)

    def _make_backup(self, reading: Reading) -> str:
        """Its name: an earlier run's when that holds the same."""
        for backup in self._tables.backups()[-1:]:
            if self._tables.compare(reading.select(self._name), reading.select(backup)).equal:
                return backup
        backup = self._tables.next_backup()
        self._tables.duplicate(self._name, backup)
        if self._made:
            self._tables.delete(self._made)
        self._made = backup
        return backup

    def _complete(self) -> None:
        """A run was stopped between the deletion of the table and the copy to its name."""
        backups = self._tables.backups()
        backup = self._tables.find(backups[-1]) if backups else None
        if backup is None:
            raise Refused(
                f"There is neither {self._name} nor a backup of it, only {self._copy}, which nothing vouches for. "
                f"If its rows are good, copy it to the name {self._name}."
            )
        reading = self._reading(backup)
        self._refuse_what_is_wrong(reading, backups[-1])
        copied = self._tables.compare(self._rows(reading, backups[-1]), self._shape.select(self._copy))
        if not copied.equal:
            raise Refused(
                f"{self._name} is gone, and its copy is not what its backup holds: {copied}. Copy {backups[-1]} to "
                f"the name {self._name}, and run this again."
            )
        step("copy", f"{self._copy}: {copied} (an earlier run was stopped)")
        if not self._only_planned(f"copy {self._copy} to the name {self._name}, compare, delete {self._copy}"):
            self._take_the_name()

    def _take_the_name(self) -> None:
        self._tables.duplicate(self._copy, self._name)
        self._finish()

    def _finish(self) -> None:
        """The copy goes when the table has its rows.

        The table may have newer ones by now, and may even have been made anew, empty, while the name was free.
        """
        lacking = self._shape.lacking(self._copy, self._name)
        if self._tables.count(lacking):
            self._tables.run(self._shape.merge(self._copy, self._name))
            if left := self._tables.count(lacking):
                raise Refused(f"{self._name} lacks {left:,} rows of {self._copy}. Both were left as they are.")
        self._tables.finish()
        compared = self._tables.compare(self._shape.select(self._copy), self._shape.select(self._name))
        step("table", f"{self._name}: {compared if compared.equal else f'{compared.second}: newer rows besides'}")
        self._tables.delete(self._copy)
        self._tell_of_backups()

    def _tell_of_backups(self) -> None:
        partitioning, clustering = self._shape.schema["partitioning"], self._shape.schema.get("clustering", [])
        order = f", clustered by {', '.join(clustering)}" if clustering else ""
        step("done", f"{self._name} is partitioned by {partitioning['type']} of {partitioning['field']}{order}")
        for backup in self._tables.backups():
            print(f"The rows as they were are in {backup}. When nobody needs them: DROP TABLE `{backup}`")
        print("Permissions that were given on the table itself are gone: make deploy gives the functions theirs.")

    def _reading(self, table: bigquery.Table) -> Reading:
        return Reading.of(self._shape, table.schema, self._wishes.dollars)

    def _rows(self, reading: Reading, table: str) -> str:
        return reading.select(table, self._wishes.deduplicate)

    def _refuse_what_is_wrong(self, reading: Reading, table: str) -> None:
        (counted,) = self._tables.run(reading.check(table))
        wrong = [*reading.obstacles(), *reading.findings(counted)]
        if not wrong and not self._wishes.deduplicate:
            wrong = self._duplicates(reading, table, counted["n"])
        if wrong:
            raise Refused("\n  ".join([f"{table} cannot be migrated as it is; nothing was changed.", *wrong]))

    def _duplicates(self, reading: Reading, table: str, rows: int) -> list[str]:
        surplus = rows - self._tables.count(count_keys(self._shape, reading.select(table)))
        if not surplus:
            return []
        sentence = (
            f"{surplus:,} of {rows:,} rows have the {' and '.join(self._shape.key)} of another one. To keep of each "
            f"the one with the newest {self._shape.newest}, run this again with --deduplicate."
        )
        return [sentence]

    def _check_partitioning(self, table: bigquery.Table) -> None:
        wanted, found = self._shape.schema["partitioning"], table.time_partitioning
        if found is None or (found.type_, found.field) != (wanted["type"], wanted["field"]):
            raise Refused(
                f"{self._name} is partitioned, but not by {wanted['type']} of {wanted['field']} as declared. Only a "
                "table without partitions can be migrated."
            )

    def _only_planned(self, *steps: str) -> bool:
        for number, text in enumerate(steps if self._wishes.dry_run else (), start=1):
            step("would" if number == 1 else "", text)
        return self._wishes.dry_run


def _is_partitioned(table: bigquery.Table) -> bool:
    if table.table_type != "TABLE":
        raise Refused(f"{table.full_table_id} is a {table.table_type.lower()}, not a table.")
    return bool(table.time_partitioning or table.range_partitioning)


def _unchanged(before: bigquery.Table | None, after: bigquery.Table | None) -> bool:
    """Nothing came while the rows were compared, and nobody else has migrated the table."""
    return before is not None and after is not None and (before.etag, before.modified) == (after.etag, after.modified)


def _not_there(name: str, backups: Sequence[str]) -> str:
    if backups:
        return f"There is no table {name}. To go back to its last backup, copy {backups[-1]} to that name."
    return f"There is no table {name}: nothing to migrate. make run and make deploy create it partitioned."
