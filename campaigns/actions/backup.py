"""`mergecast backup`: everything that a workspace needs to go on elsewhere, in one file, while a worker sends.

The database is copied first, in one look; then the files that the copy names, each of which was there before its row.
Secrets are no part of it. What else is left out is said.
"""

import io
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import IO, Any

from campaigns import __version__
from campaigns.actions.archive import FOLDERS, Manifest, Writing, opened
from campaigns.actions.backup_files import Found, look_around, named
from campaigns.actions.desk import Desk
from campaigns.actions.progress import Progress, silent
from campaigns.errors import StoreError, UsageError
from campaigns.settings_file import SETTINGS_FILE, line_of
from campaigns.store import copying, history, origin
from campaigns.store.engine import Store
from campaigns.store.migrate import SCHEMA

DATABASE = "mergecast.db"  # its name in the archive where the workspace's own lies elsewhere
_TRIES = 3  # a check or a prune may take files away between the two looks
_STALE = 86_400  # seconds after which what a backup was building up is a crash's
_PART = ".mergecast-part"


@dataclass(frozen=True, slots=True)
class Backup:
    file: Path
    size: int  # bytes
    manifest: Manifest
    missing: tuple[str, ...]  # what the database names, and the workspace had not
    found: Found  # of what else lies in the workspace

    def as_json(self) -> dict[str, Any]:
        return {
            "file": str(self.file),
            "bytes": self.size,
            "bytes_unpacked": self.manifest.size,
            "files": len(self.manifest.files),
            "schema": self.manifest.schema,
            "made_at": self.manifest.made_at,
            "missing": list(self.missing),
            "secrets": list(self.found.secrets),
            "left_out": list(self.found.left_out),
        }


def backup(desk: Desk, file: Path, progress: Progress = silent) -> Backup:
    """Write a backup to `file`, or to one named after the instant if that is a folder: verified, or there is none.

    `progress` is told bytes. UsageError if there is a file already, StoreError, WorkspaceError.
    """
    target = _target(desk, file)
    with _beside(target) as folder:
        archive = folder / "archive"
        manifest, missing, found = _made(desk, folder, archive, progress)
        with opened(archive) as written:
            written.verify(_Counter(progress, manifest.size))
        _publish(archive, target)
    _remember(desk, target, manifest)
    return Backup(target, target.stat().st_size, manifest, missing, found)


def _target(desk: Desk, file: Path) -> Path:
    target = file.expanduser().absolute()
    if target.is_dir():
        target /= f"{desk.workspace.root.name or 'mergecast'}-{desk.clock.now().astimezone(UTC):%Y-%m-%dT%H%M%SZ}.zip"
    if target.exists():
        raise UsageError(f"There is a file {target} already.", remedy="Name another one, or a folder.")
    if not target.parent.is_dir():
        raise UsageError(f"There is no folder {target.parent}.", remedy="Name a file in a folder that is there.")
    if any(target.parent.resolve().is_relative_to(desk.workspace.root / name) for name in FOLDERS):
        raise UsageError(f"{target} would be part of the next backup.", remedy="Name a place outside of the workspace.")
    return target


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A folder beside the target for what is not whole yet; those that killed backups left there are removed."""
    for left in target.parent.glob(f".*{_PART}"):
        if time.time() - left.stat().st_mtime > _STALE:
            shutil.rmtree(left, ignore_errors=True)
    folder = target.with_name(f".{target.name}.{os.getpid()}{_PART}")
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_Made = tuple[Manifest, tuple[str, ...], Found]


def _made(desk: Desk, folder: Path, archive: Path, progress: Progress) -> _Made:
    """Write the archive; begun anew where files that the copied store names went away together with their rows."""
    assert desk.store.path is not None
    copy = folder / DATABASE
    for _ in range(_TRIES):
        copying.refuse_without_room(folder, 2 * copying.size_of(desk.store.path), "the backup")
        copying.copy_database(desk.store.path, copy, at=desk.clock.micros(), progress=progress)
        made = _written(desk, copy, archive, progress)
        with desk.store.read() as conn:
            gone = set(made[1]) - named(desk.workspace, conn).keys()
        if not gone:
            return made
        copy.unlink()
        archive.unlink()
    raise StoreError(
        "Files of the workspace went away while they were backed up.",
        remedy="Back up again when no check and no prune runs.",
    )


def _written(desk: Desk, copy: Path, archive: Path, progress: Progress) -> _Made:
    assert desk.store.path is not None
    root, now = desk.workspace.root, desk.clock.now()
    database = _name_of(desk.store.path, root)
    copied = Store(f"sqlite:///{copy}")
    with copied.read() as conn:
        files, uuid = named(desk.workspace, conn), origin.uuid(conn)
    copied.close()
    found = look_around(desk.workspace, desk.store.path)
    settings = root / SETTINGS_FILE
    told = _Counter(progress, _size([copy, settings, *found.files.values(), *files.values()]))
    missing = []
    with os.fdopen(os.open(archive, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b") as file:
        writing = Writing(file, now.astimezone(UTC).timetuple()[:6])
        for name, path in {**files, **found.files, database: copy}.items():
            try:
                source = path.open("rb")
            except FileNotFoundError:  # a template may be taken away at any time; what the store names may not
                missing += [name] if name in files else []
                continue
            with source:
                writing.add(name, source, told)
        writing.add(SETTINGS_FILE, _settings(settings, database, root, desk.store.path), told)
        manifest = Manifest(f"mergecast {__version__}", now.isoformat(), SCHEMA, uuid, database, writing.files)
        writing.close(manifest)
        os.fsync(file.fileno())
    return manifest, tuple(missing), found


def _name_of(database: Path, root: Path) -> str:
    return database.relative_to(root).as_posix() if database.is_relative_to(root) else DATABASE


def _settings(path: Path, database: str, root: Path, now_at: Path) -> IO[bytes]:
    """The settings, which name the database in the archive: restored elsewhere, they must not lead to the original."""
    text = path.read_text(encoding="utf-8-sig")
    line = line_of(text, ("database",))
    if line and now_at != root / database:
        lines = text.splitlines(keepends=True)
        lines[line - 1] = f'database = "sqlite:///{database}"\n'
        text = "".join(lines)
    return io.BytesIO(text.encode())


def _publish(archive: Path, target: Path) -> None:
    """Whole under its own name, or not there."""
    archive.rename(target)
    opened_folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(opened_folder)
    finally:
        os.close(opened_folder)


def _remember(desk: Desk, target: Path, manifest: Manifest) -> None:
    """For `doctor`. The backup is there, whether this can be written or not."""
    detail = {"file": target.name, "files": len(manifest.files)}
    with suppress(StoreError), desk.store.write() as conn:
        history.record(conn, at=desk.clock.now(), who=desk.who, verb="backup", thing="workspace", detail=detail)


def _size(paths: list[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.exists())


class _Counter:
    """Adds up what is told piece by piece."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, more: int) -> None:
        self._done += more
        self._progress(min(self._done, self._total), self._total)
