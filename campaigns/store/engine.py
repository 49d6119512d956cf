"""Opening the store: one SQLite file (or PostgreSQL), with one way to read, one to write, and one for long jobs.

SQLite runs in WAL. Writers say BEGIN IMMEDIATE, because a reader that turns into a writer fails at once with "database is
locked" when another wrote in between. What is written is on the disk when the block ends (synchronous=FULL): a message
that may be on the wire is leased there before the first byte leaves, and what a person was told outlives a power cut.
Only the pages of a long job commit without (NORMAL): the fsync of its last transaction carries them along.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, exc, make_url
from sqlalchemy.dialects import sqlite

from campaigns.errors import StoreError

__all__ = ["APPLICATION_ID", "BUSY_SECONDS", "Connection", "Store", "create_file", "upsert"]

APPLICATION_ID = 0x4D434153  # "MCAS": tells `file` and a curious person what this SQLite file is
BUSY_SECONDS = 10.0
_SQLITE = "sqlite:///"
_LITTLE, _USUAL = 500, 2_000  # KB of pages that a connection keeps; no more made reading in order or leasing any faster


class Store:
    """The engines of one store; cheap to make, opens files only when used."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.path = _file_of(url)
        self._reading = _engine(url, begin="BEGIN", synchronous="NORMAL", cache=_LITTLE)
        self._writing = _engine(url, begin="BEGIN IMMEDIATE", synchronous="FULL", cache=_LITTLE)
        self._paging = _engine(url, begin="BEGIN IMMEDIATE", synchronous="NORMAL", cache=_USUAL)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent look at the tables."""
        with _told(), self._reading.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One short transaction, on disk when the block ends; rolled back if the block raises."""
        with _told(), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def write_page(self) -> Iterator[Connection]:
        """One of many transactions that mean nothing before the last, which is a `write`: a power cut may take it."""
        with _told(), self._paging.begin() as connection:
            yield connection

    def close(self) -> None:
        for engine in (self._reading, self._writing, self._paging):
            engine.dispose()


def create_file(path: Path) -> None:
    """An empty SQLite file that only its owner may read, with what must be set before the first table."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # first: once a page is written, it is ignored
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


def upsert(connection: Connection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT, in the words of the connection's database."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # it takes its time, and only a server needs it

    return postgresql.insert(table)


def _parsed(url: str) -> URL:
    """The URL's parts; a SQLite file's name is taken as it stands, question marks and all."""
    if url.startswith(_SQLITE):
        return URL.create("sqlite", database=url.removeprefix(_SQLITE))
    return make_url(url)


def _file_of(url: str) -> Path | None:
    parts = _parsed(url)
    return Path(parts.database) if parts.get_backend_name() == "sqlite" and parts.database else None


def _engine(url: str, *, begin: str, synchronous: str, cache: int) -> Engine:
    parts = _parsed(url)
    if parts.get_backend_name() != "sqlite":
        return create_engine(parts)
    engine = create_engine(parts, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # transactions are ours, not the driver's guess
        # macOS: fsync alone stops at the drive's cache, https://www.sqlite.org/pragma.html#pragma_fullfsync
        kept = ("fullfsync=ON", "foreign_keys=ON", "temp_store=FILE", f"cache_size=-{cache}")
        for pragma in (f"synchronous={synchronous}", *kept):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


@contextmanager
def _told() -> Iterator[None]:
    """The driver's complaint as a sentence with a remedy."""
    try:
        yield
    except exc.IntegrityError:
        raise
    except exc.DBAPIError as error:
        raise _complaint(error.orig) from error


def _complaint(error: BaseException | None) -> StoreError:
    said = str(error)
    for sign, (sentence, remedy) in _COMPLAINTS.items():
        if sign in said:
            name = getattr(error, "sqlite_errorname", sign)
            return StoreError(sentence.format(name=name), remedy=remedy)
    return StoreError(f"The database says: {said}.")


_ROOM = "Make room on the disk that the database lies on."
_COMPLAINTS = {
    "locked": (
        "The database is busy: another program has held it for ten seconds.",
        "Close the program that has mergecast.db open, then try again.",
    ),
    "disk is full": ("The disk is full: nothing was changed.", _ROOM),
    # SQLite says so of a full disk too, where it fails to lengthen the index of its log (SQLITE_IOERR_SHMSIZE)
    "disk I/O error": ("The disk is full, or it fails ({name}): nothing was changed.", _ROOM),
    "readonly": ("The database is read-only: nothing was changed.", "Look at the permissions of mergecast.db."),
    "read-only": ("The database is read-only: nothing was changed.", "Look at the permissions of mergecast.db."),
    "malformed": ("The database is damaged.", "Restore it from a backup."),
    "not a database": ("mergecast.db is not a Mergecast database.", "Restore it from a backup."),
    "unable to open": (
        "The database cannot be opened.",
        "Look at the permissions of its folder, and whether its disk can be written to.",
    ),
}
