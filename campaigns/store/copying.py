"""Copies of the database: made online, whole, and marked as copies.

VACUUM INTO reads one snapshot on a connection of its own, so that a worker goes on writing meanwhile, and what was
deleted is no part of it. A copy says in `workspace.copied_since` when it was made: put in the place of the original, it would
send once more what has left since, so a worker holds until a person says that it may go on.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from campaigns.errors import StoreError, Where
from campaigns.model.size import size_in_words

_EVERY = 200_000  # steps of SQLite's virtual machine between two looks at how far a copy is: some ms


def size_of(path: Path) -> int:
    """Bytes of the database with its log."""
    return sum(part.stat().st_size for part in _parts(path)[:2] if part.exists())


def refuse_without_room(folder: Path, needed: int, what: str) -> None:
    """StoreError if `folder`'s disk has not `needed` bytes for `what`, like "the copy"."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StoreError(
            f"There is no room for {what}: it takes {size_in_words(needed)}, and {size_in_words(free)} are free. Nothing was changed.",
            where=Where(file=str(folder)),
            remedy="Make room on this disk.",
        )


def copy_database(
    path: Path, to: Path, *, at: int, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> None:
    """Copy the database at `path`, log included, to the new file `to`, whose owner alone may read it.

    `at` (microseconds UTC) is written into it as the instant of the copy. The copy is checked to be whole; StoreError,
    OSError, and then there is none. `progress` is told bytes, now and then.
    """
    os.close(os.open(to, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # VACUUM INTO fills an empty file
    try:
        with closing(sqlite3.connect(path)) as connection:
            _watch(connection, to, path.stat().st_size, progress)
            connection.execute("VACUUM INTO ?", (str(to),))
        finish_copy(to, at=at)
    except BaseException as error:
        for part in _parts(to):
            part.unlink(missing_ok=True)
        if isinstance(error, sqlite3.Error):
            raise StoreError(
                f"The database cannot be copied: {error}.",
                where=Where(file=str(path)),
                remedy="Make room on the disk if it is full. A damaged database is restored from an older backup.",
            ) from error
        raise


def finish_copy(copy: Path, *, at: int) -> None:
    """Check that a copy is whole, and mark it as one; StoreError."""
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.execute("PRAGMA trusted_schema=OFF")
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            connection.execute("PRAGMA journal_mode=WAL")  # which VACUUM INTO does not keep
            if "copied_since" in {column[1] for column in connection.execute("PRAGMA table_info(workspace)")}:
                connection.execute("UPDATE workspace SET copied_since = ?", (at,))
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise StoreError(
            f"The database is damaged: {found}.", where=Where(file=str(copy)), remedy="Take an older backup."
        )


def _watch(connection: sqlite3.Connection, copy: Path, total: int, progress: Callable[[int, int], None]) -> None:
    def look() -> int:
        progress(min(copy.stat().st_size, total), total)
        return 0

    connection.set_progress_handler(look, _EVERY)


def _parts(path: Path) -> tuple[Path, ...]:
    return path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")
