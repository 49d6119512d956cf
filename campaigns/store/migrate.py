"""Making a store, opening one, and bringing an older one up to date.

Alembic is imported only where tables are made: every other command reads the schema's number with plain SQL.
A schema's number is its last migration's revision, four digits, counted up.
"""

import re
import uuid
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from sqlalchemy import Connection, insert, inspect, text

from campaigns import __version__
from campaigns.clock import Clock
from campaigns.errors import StoreError, Where
from campaigns.store import copying, history
from campaigns.store.engine import APPLICATION_ID, Store, create_file
from campaigns.store.lock import worker_lock
from campaigns.store.machine import machine_id
from campaigns.store.tables import workspace

SCHEMA = "0014"


def create_store(url: str, *, made_by: str, clock: Clock) -> None:
    """A new store with all tables and its workspace row; StoreError if there is one already."""
    store = Store(url)
    if store.path:
        _create_file(store.path)
    try:
        with store.write() as conn:
            _migrate(conn)
            conn.execute(
                insert(workspace).values(
                    uuid=str(uuid.uuid4()), machine_id=machine_id(), made_by=made_by, made_at=clock.micros()
                )
            )
    except BaseException:
        store.close()
        if store.path:
            _remove_file(store.path)
        raise
    store.close()


def open_store(url: str) -> Store:
    """The store at `url`, if this Mergecast can work with it as it is; StoreError says why not."""
    store = _existing(url)
    found = _known_schema(store)
    if found < SCHEMA:
        raise StoreError(
            f"The database has schema {found}; this Mergecast, {__version__}, needs schema {SCHEMA}.",
            where=_where(store),
            remedy="Run `mergecast upgrade`: it makes a copy first.",
        )
    return store


def schema_of(url: str) -> str:
    """The schema of a store that this Mergecast can work with, if need be after an upgrade; StoreError."""
    store = _existing(url)
    try:
        return _known_schema(store)
    finally:
        store.close()


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What an upgrade did; `copy` is the database as it was, None where nothing was to do or a server keeps it."""

    before: str
    after: str
    copy: Path | None


def upgrade_store(url: str, *, who: str, clock: Clock) -> Upgrade:
    """Bring an older store up to date, under the worker's lock, after a copy: wholly, or it is as it was."""
    store = _existing(url)
    try:
        found = _known_schema(store)
        if found == SCHEMA:
            return Upgrade(found, found, None)
        with worker_lock(store.path) if store.path else nullcontext():
            copy = _copy(store.path, found, clock) if store.path else None
            with store.write() as conn:
                _migrate(conn)
                detail = {"before": found, "after": SCHEMA}
                history.record(conn, at=clock.now(), who=who, verb="upgrade", thing="workspace", detail=detail)
        return Upgrade(found, SCHEMA, copy)
    finally:
        store.close()


def _create_file(path: Path) -> None:
    try:
        create_file(path)
    except FileExistsError:
        raise StoreError(
            f"There is a database already: {path.name}.",
            where=Where(file=str(path)),
            remedy="Use it, or choose another folder.",
        ) from None
    except OSError as error:
        raise StoreError(
            f"The database cannot be made: {error.strerror}.",
            where=Where(file=str(path)),
            remedy="Look at the permissions of its folder, and whether the disk is full.",
        ) from error


def _remove_file(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _migrate(conn: Connection) -> None:
    """All missing migrations, in the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": conn})
    config.set_main_option("script_location", "campaigns.store:migrations")
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")


def _existing(url: str) -> Store:
    """The store's engines, once its file is known to be one of ours."""
    store = Store(url)
    if store.path is None:
        return store
    try:
        with store.path.open("rb") as file:
            header = file.read(_HEADER)
    except FileNotFoundError:
        raise StoreError("No workspace database here.", where=_where(store), remedy="Run `mergecast init`.") from None
    except OSError as error:
        raise StoreError(
            f"The database cannot be opened: {error.strerror}.",
            where=_where(store),
            remedy="Look at the permissions of the file and its folder.",
        ) from error
    if not header.startswith(_MAGIC) or int.from_bytes(header[68:72]) != APPLICATION_ID:
        raise StoreError(
            f"{store.path.name} is not a Mergecast database.",
            where=_where(store),
            remedy="Set `database` in mergecast.toml to the right file, or move this one away and run `mergecast init`.",
        )
    return store


def _known_schema(store: Store) -> str:
    """The store's schema; StoreError if it is newer than ours."""
    found = _schema(store)
    if found > SCHEMA:
        raise StoreError(
            f"The database has schema {found}; this Mergecast, {__version__}, knows schemas up to {SCHEMA}.",
            where=_where(store),
            remedy="Install the newer Mergecast that last worked here.",
        )
    return found


def _schema(store: Store) -> str:
    with store.read() as conn:
        if inspect(conn).has_table("alembic_version"):
            found: str | None = conn.scalar(text("SELECT max(version_num) FROM alembic_version"))
            if found is not None:
                return found
    raise StoreError(
        "The database was never finished: whatever made it was stopped half-way.",
        where=_where(store),
        remedy="Remove the file and run `mergecast init` again; nothing is in it.",
    )


def _copy(path: Path, schema: str, clock: Clock) -> Path:
    """The whole database, write-ahead log included, beside the original; only its owner may read it."""
    copy = path.with_name(f"{path.name}.{schema}-{clock.now().astimezone(UTC):%Y%m%dT%H%M%SZ}")
    copying.refuse_without_room(path.parent, copying.size_of(path), "the copy that comes before an upgrade")
    try:
        copying.copy_database(path, copy, at=clock.micros())
    except (OSError, StoreError) as error:
        said = error.sentence if isinstance(error, StoreError) else f"{error}."
        raise StoreError(
            f"The copy that comes before an upgrade cannot be made: {said} Nothing was changed.",
            where=Where(file=str(copy)),
            remedy="Make room for a second database of this size, then run `mergecast upgrade` again.",
        ) from error
    return copy


def old_copies(path: Path) -> list[Path]:
    """The copies that upgrades have left beside the database, the oldest first."""
    copy = re.compile(re.escape(path.name) + r"\.\d{4}-\d{8}T\d{6}Z")
    return sorted(found for found in path.parent.iterdir() if copy.fullmatch(found.name))


def _where(store: Store) -> Where:
    return Where(file=str(store.path) if store.path else None)


_MAGIC = b"SQLite format 3\0"
_HEADER = 100  # bytes; the application id stands at 68 (https://www.sqlite.org/fileformat.html#the_database_header)
