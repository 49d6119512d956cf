"""Which files of a workspace belong into a backup, which never do, and which are left out."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from campaigns.actions.archive import FILES, FOLDERS, is_safe
from campaigns.actions.import_list import kept_file
from campaigns.settings_file import SECRETS_FILE, SETTINGS_FILE
from campaigns.store import files, sheets
from campaigns.store.engine import Connection
from campaigns.workspace import Workspace

_KEPT = "attachments/.kept"


def named(workspace: Workspace, conn: Connection) -> dict[str, Path]:
    """The files that a store names: imported sheets and frozen attachments, by their names in the archive."""
    kept = [kept_file(workspace.sheets, *sheet).name for sheet in sheets.kept_files(conn)]
    names = [f"sheets/{name}" for name in kept] + [f"{_KEPT}/{sha256}" for sha256 in files.hashes(conn)]
    return {name: workspace.root / name for name in names}


@dataclass(frozen=True, slots=True)
class Found:
    """What lies in a workspace besides the store and the files that it names; names as they stand in the archive."""

    files: dict[str, Path]
    secrets: tuple[str, ...]
    left_out: tuple[str, ...]


def look_around(workspace: Workspace, database: Path) -> Found:
    """Templates, attachments and small files as they are now, the settings aside; and what is no part of a backup."""
    secret = secret_files(workspace)
    taken: dict[str, Path] = {}
    secrets: list[str] = []
    left_out: list[str] = []
    for name, path in _walk(workspace.root, database):
        if _is_secret(path, secret):
            secrets.append(name)
        elif _is_ours(name) and is_safe(name) and _is_file_within(path, workspace.root):
            taken[name] = path
        else:
            left_out.append(name)
    return Found(taken, tuple(secrets), tuple(left_out))


def _walk(root: Path, database: Path) -> Iterator[tuple[str, Path]]:
    """Every file below the folders of a backup, and every other entry of the root once."""
    beside = tuple(f"{database.name}{ending}" for ending in ("", "-wal", "-shm", ".lock"))
    for entry in sorted(os.scandir(root), key=lambda entry: entry.name):
        path = root / entry.name
        if entry.name in ("sheets", SETTINGS_FILE) or (path.parent == database.parent and entry.name in beside):
            continue
        if entry.name not in FOLDERS or entry.is_symlink():
            yield entry.name, path
            continue
        for here, folders, names in os.walk(path):
            inner = Path(here)
            links = [name for name in folders if (inner / name).is_symlink()]
            folders[:] = sorted(name for name in folders if (inner / name).relative_to(root) != Path(_KEPT))
            for name in sorted((*names, *links)):
                yield (inner / name).relative_to(root).as_posix(), inner / name


def secret_files(workspace: Workspace) -> set[Path]:
    """Where the settings say that passwords and keys are."""
    found = {workspace.root / SECRETS_FILE}
    for table in workspace.settings.transports.values():
        for name, value in table:
            if name.endswith("_file") and name != "ca_file" and value:
                found.add(workspace.root / value)
    return {path.resolve() for path in found}


def _is_secret(path: Path, secret: set[Path]) -> bool:
    """A link to a secret is one, too; so is a file of environment variables."""
    names = (path.name, path.resolve().name)
    return path.resolve() in secret or any(
        name == SECRETS_FILE or name.startswith(".env") or name.endswith(".env") for name in names
    )


def _is_ours(name: str) -> bool:
    return name in FILES or name.partition("/")[0] in FOLDERS


def _is_file_within(path: Path, root: Path) -> bool:
    """What is sent may lie nowhere else; folders, devices and links to nowhere are no files."""
    try:
        return path.is_file() and path.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):
        return False
