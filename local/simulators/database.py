"""A simulator's state: one SQLite file. Many readers and one writer at a time, none of which waits for the other."""

from __future__ import annotations

import contextlib
import json
import queue
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

SETTINGS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
PRAGMA temp_store = MEMORY;
"""
Row = tuple[Any, ...]


class Database:
    """Connections are kept and lent out, one to a thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._writing = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.write() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        with self._lent() as connection:
            return connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        with self._lent() as connection:
            found: Row | None = connection.execute(sql, parameters).fetchone()
            return found

    def each(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Row]:
        """Row by row, in flat memory."""
        with self._lent() as connection:
            yield from connection.execute(sql, parameters)

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction: kept at the end of the block, undone when it raises."""
        with self._writing, self._lent() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def start_over(self, tables: str) -> None:
        """Drop everything but `meta` and make the tables again, empty."""
        with self._writing, self._lent() as connection:
            found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'meta'")
            for (name,) in found.fetchall():
                connection.execute(f'DROP TABLE "{name}"')
            connection.executescript(tables)

    def keep(self, name: str, value: Any) -> None:
        """A JSON value that survives a restart."""
        with self.write() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(value)))

    def kept(self, name: str, otherwise: Any = None) -> Any:
        found = self.row("SELECT value FROM meta WHERE name = ?", (name,))
        return otherwise if found is None else json.loads(found[0])

    @contextlib.contextmanager
    def _lent(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = sqlite3.connect(self._path, timeout=60, isolation_level=None, check_same_thread=False)
            connection.executescript(SETTINGS)
        try:
            yield connection
        finally:
            self._idle.put(connection)
