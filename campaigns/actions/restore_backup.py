"""`mergecast restore`: a workspace from a backup, in a folder of its own; its worker holds until a person lets it go on."""

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaigns.actions.archive import Archive, Manifest, damaged, opened, unpacked
from campaigns.actions.desk import whoever
from campaigns.actions.init import FOLDERS
from campaigns.actions.progress import Progress, silent
from campaigns.clock import Clock, SystemClock
from campaigns.errors import Where, WorkspaceError
from campaigns.settings import load_settings
from campaigns.settings_file import SETTINGS_FILE
from campaigns.store import copying, history
from campaigns.store.engine import Store
from campaigns.store.migrate import SCHEMA, schema_of
from campaigns.workspace import Workspace

_PART = ".mergecast-part"


@dataclass(frozen=True, slots=True)
class RestoredBackup:
    workspace: Workspace
    manifest: Manifest
    elsewhere: str  # where the environment's settings look for the database instead; empty where they do not

    @property
    def upgrade(self) -> bool:
        """Whether the database is older than this Mergecast."""
        return self.manifest.schema < SCHEMA

    def as_json(self) -> dict[str, Any]:
        return {
            "workspace": str(self.workspace.root),
            "made_at": self.manifest.made_at,
            "made_by": self.manifest.made_by,
            "files": len(self.manifest.files),
            "bytes": self.manifest.size,
            "schema": self.manifest.schema,
            "upgrade": self.upgrade,
            "elsewhere": self.elsewhere,
        }


def restore_backup(
    file: Path,
    folder: Path,
    env: Mapping[str, str],
    *,
    who: str = "",
    clock: Clock | None = None,
    progress: Progress = silent,
) -> RestoredBackup:
    """Make `folder`, which is new or empty, the workspace that was backed up: verified and whole, or as it was before.

    `env` is asked for settings only afterwards. WorkspaceError, StoreError, SettingsError.
    """
    clock, root = clock or SystemClock(), folder.expanduser().resolve()
    _refuse_file(file)
    _refuse_folder(root)
    with opened(file.expanduser()) as archive, _inside(root) as part:
        manifest = archive.manifest
        copying.refuse_without_room(root, manifest.size, "what is in the backup")
        _unpack(archive, part, progress)
        _look(file, part, manifest)
        copying.finish_copy(part / manifest.database, at=clock.micros())
        _move(part, root)
    workspace = Workspace(root, load_settings(root, {}))
    if manifest.schema == SCHEMA:
        _remember(workspace, manifest, who, clock)
    return RestoredBackup(workspace, manifest, _elsewhere(workspace, env))


def _refuse_file(file: Path) -> None:
    if not file.expanduser().is_file():
        raise WorkspaceError(
            "There is no such backup.", where=Where(file=str(file)), remedy="Name the file that `backup` wrote."
        )


def _refuse_folder(root: Path) -> None:
    where = Where(file=str(root))
    if root.exists() and not root.is_dir():
        raise WorkspaceError("There is a file of that name.", where=where, remedy="Name another folder.")
    if root.exists() and any(root.iterdir()):
        raise WorkspaceError(
            "This folder is not empty: a backup is never restored over something.",
            where=where,
            remedy="Name a new folder. Move it into this one's place when all is well.",
        )
    if root.exists() and root.stat().st_uid != os.geteuid():
        raise WorkspaceError("This folder belongs to somebody else.", where=where, remedy="Name a folder of your own.")


@contextmanager
def _inside(root: Path) -> Iterator[Path]:
    """A folder within the workspace to be, which may be a disk of its own; taken back, with all that was made, on failure."""
    made = not root.exists()
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = root / _PART
    try:
        part.mkdir(mode=0o700)
        yield part
        part.rmdir()
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        if made:
            with suppress(OSError):
                root.rmdir()
        raise


def _unpack(archive: Archive, part: Path, progress: Progress) -> None:
    done, total = 0, archive.manifest.size
    for name in archive.manifest.files:
        try:
            file = unpacked(part, name)
        except (FileExistsError, NotADirectoryError):  # names that are one on this disk, or a file that is a folder too
            raise WorkspaceError(
                f"{name} cannot stand beside the other files of the backup on this disk.", remedy="Use another disk."
            ) from None
        with file:
            for piece in archive.read(name, lambda _more: None):
                file.write(piece)
                done += len(piece)
                progress(done, total)
            file.flush()
            os.fsync(file.fileno())


def _look(file: Path, part: Path, manifest: Manifest) -> None:
    """Refuse a database that is newer, or that the settings would not lead to."""
    if schema_of(f"sqlite:///{part / manifest.database}") != manifest.schema:
        raise damaged(file, "its database is not of the schema that it names")
    settings = load_settings(part, {})
    if Workspace(part, settings).database != part / manifest.database:
        raise damaged(file, "its settings name another database")


def _move(part: Path, root: Path) -> None:
    """The settings come last: without them no folder is a workspace."""
    for name in FOLDERS:
        (part / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    os.sync()
    entries = sorted(part.iterdir(), key=lambda path: path.name == SETTINGS_FILE)
    for entry in entries:
        entry.rename(root / entry.name)
    root.chmod(stat.S_IMODE(root.stat().st_mode) & ~0o022)


def _remember(workspace: Workspace, manifest: Manifest, who: str, clock: Clock) -> None:
    store = Store(workspace.database_url)
    with store.write() as conn:
        history.record(
            conn,
            at=clock.now(),
            who=who or whoever(workspace),
            verb="restore",
            thing="workspace",
            detail={"made_at": manifest.made_at},
        )
    store.close()


def _elsewhere(workspace: Workspace, env: Mapping[str, str]) -> str:
    """A variable like MERGECAST_DATABASE wins over the settings, and may still mean the original."""
    now = Workspace(workspace.root, load_settings(workspace.root, env)).database
    return "" if now == workspace.database else str(now)
