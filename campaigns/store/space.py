"""How much room the store takes, table by table, and giving back what is free inside.

Dropping values leaves holes in pages, which no later row fills. VACUUM writes the file anew, which holds up every other
writer: so only while no worker runs, under the worker's lock. Beside a worker, whole pages that are free are given back,
some at a time.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text

from campaigns.errors import WorkerRunningError
from campaigns.store.copying import size_of
from campaigns.store.engine import BUSY_SECONDS, Store
from campaigns.store.lock import worker_lock

_AT_ONCE = 500  # pages of one transaction: 2 MB, some ms
_LITTLE = 1_000_000  # bytes that are not worth a new file
_SHARE = 10  # nor is less than a tenth of it


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes: of each table with its indexes, and of pages that nothing uses. No tables where SQLite cannot tell."""

    tables: dict[str, int]
    free: int


@dataclass(frozen=True, slots=True)
class Compacted:
    before: int  # bytes of the database with its log
    after: int
    why_not: str  # why it could not be written anew; empty where it was, or need not be


def space(conn: Connection) -> Space:
    """Reads every page once."""
    page = int(conn.exec_driver_sql("PRAGMA page_size").scalar() or 0)
    free = page * int(conn.exec_driver_sql("PRAGMA freelist_count").scalar() or 0)
    if not _tells_pages(conn):
        return Space({}, free)
    rows = conn.execute(
        text(
            "SELECT coalesce(m.tbl_name, d.name) AS name, sum(d.pgsize) AS size FROM dbstat AS d"
            " LEFT JOIN sqlite_master AS m ON m.name = d.name WHERE d.aggregate = TRUE GROUP BY 1 ORDER BY 2 DESC"
        )
    )
    return Space({row.name: row.size for row in rows}, free)


def compact(store: Store) -> Compacted:
    """Give back what is free in the file, if it is worth it: all of it where no worker runs."""
    assert store.path is not None
    before = size_of(store.path)
    with store.read() as conn:
        unused = _unused(conn)
    why_not = ""
    if unused > _LITTLE and unused * _SHARE > before:
        why_not = _write_anew(store.path, before)
    with _raw(store.path) as connection:
        _give_back_pages(connection)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return Compacted(before, size_of(store.path), why_not)


def _unused(conn: Connection) -> int:
    """Bytes on pages that nothing stands on, as far as SQLite can tell; half-empty pages too where it has dbstat."""
    page = int(conn.exec_driver_sql("PRAGMA page_size").scalar() or 0)
    free = page * int(conn.exec_driver_sql("PRAGMA freelist_count").scalar() or 0)
    if not _tells_pages(conn):
        return free
    return free + int(conn.scalar(text("SELECT sum(unused) FROM dbstat WHERE aggregate = TRUE")) or 0)


def _tells_pages(conn: Connection) -> bool:
    return bool(conn.scalar(text("SELECT sqlite_compileoption_used('ENABLE_DBSTAT_VTAB')")))


def _write_anew(path: Path, size: int) -> str:
    """VACUUM under the worker's lock; why not, in a sentence, or nothing."""
    if shutil.disk_usage(path.parent).free < 2 * size:
        return "There is too little room on the disk to write the database anew."
    try:
        with worker_lock(path), _raw(path) as connection:
            connection.execute("VACUUM")
    except WorkerRunningError:
        return "A worker runs, and the database can be written anew only while none does."
    except sqlite3.OperationalError as error:
        return f"The database could not be written anew: {error}."
    return ""


def _give_back_pages(connection: sqlite3.Connection) -> None:
    """Cut free pages off the file's end, some at a time."""
    left = connection.execute("PRAGMA freelist_count").fetchone()[0]
    while left:
        connection.execute(f"PRAGMA incremental_vacuum({_AT_ONCE})").fetchall()
        now = connection.execute("PRAGMA freelist_count").fetchone()[0]
        if now >= left:
            return
        left = now


@contextmanager
def _raw(path: Path) -> Iterator[sqlite3.Connection]:
    """VACUUM and its like run in no transaction of ours."""
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
        yield connection
