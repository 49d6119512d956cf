"""What stands in a folder and in its database, to compare before and after."""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

_PASSING = ("-wal", "-shm")  # SQLite's own, written back when it likes


def files_of(folder: Path) -> dict[str, str]:
    """Every path below the folder, with the hash of what is in it; databases by their tables."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            found[name] = "folder"
        elif not name.endswith(_PASSING):
            found[name] = _tables(path) if path.suffix == ".db" else hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def rows_of(database: Path) -> dict[str, int]:
    """How many rows each table has."""
    with closing(sqlite3.connect(database)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


def asked(database: Path, sql: str, *values: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql, values).fetchall()


def _tables(database: Path) -> str:
    digest = hashlib.sha256()
    with closing(sqlite3.connect(database)) as connection:
        for line in connection.iterdump():
            digest.update(line.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
