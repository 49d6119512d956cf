"""What `doctor` says of disks: where the workspace lies, what takes room in it, and what is left."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campaigns.actions.doctor_check import Check, CheckState, good
from campaigns.actions.filesystem import filesystem_of, is_network
from campaigns.actions.old_rehearsals import mailboxes
from campaigns.model.size import size_in_words
from campaigns.store.copying import size_of
from campaigns.store.engine import Store
from campaigns.store.migrate import old_copies
from campaigns.store.space import space
from campaigns.workspace import Workspace

LITTLE_DISK = 2**30  # bytes: a campaign of a million people needs about half of it
NO_DISK = 100 * 2**20  # the worker leases nothing below this
_MUCH = 10**9  # bytes from which on pruning is worth a word
_FEW = 4  # tables that are named


@dataclass(slots=True)
class Sizes:
    """Bytes, by the names of folders and tables."""

    folders: dict[str, int] = field(default_factory=dict)
    tables: dict[str, int] = field(default_factory=dict)
    free_in_database: int = 0

    def as_json(self) -> dict[str, Any]:
        return {"folders": self.folders, "tables": self.tables, "free_in_database": self.free_in_database}


def look(workspace: Workspace, sizes: Sizes) -> Iterator[Check]:
    """Folders, copies, file systems and free room; the folders' sizes are put into `sizes`."""
    database = workspace.database
    yield _folders(workspace, database, sizes)
    yield _copies(database)
    for name, path in _places(workspace.root, database):
        yield _share(name, path)
    for name, path in _places(workspace.root, database):
        yield _disk(name, path)


def tables(store: Store, sizes: Sizes) -> Check:
    """The largest tables, with their indexes; all of them are put into `sizes`."""
    with store.read() as conn:
        found = space(conn)
    sizes.tables, sizes.free_in_database = found.tables, found.free
    if not found.tables:
        return good(
            "tables", f"This SQLite does not tell its tables' sizes; {size_in_words(found.free)} of pages are free."
        )
    largest = ", ".join(f"{name} {size_in_words(number)}" for name, number in list(found.tables.items())[:_FEW])
    return good("tables", f"The largest tables: {largest}; {size_in_words(found.free)} of pages are free.")


def _folders(workspace: Workspace, database: Path, sizes: Sizes) -> Check:
    sizes.folders |= {"database": size_of(database) if database.exists() else 0}
    for name in ("templates", "attachments", "sheets", "previews"):
        sizes.folders[name] = _size_below(workspace.root / name)
    sizes.folders["mail"] = sum(_size_below(folder) for folder in mailboxes(workspace))
    said = ", ".join(f"{name} {size_in_words(number)}" for name, number in sizes.folders.items())
    remedy = "`mergecast prune --older 180d` drops what old mails said, and old rehearsals."
    much = any(sizes.folders[name] > _MUCH for name in ("database", "mail", "sheets"))
    return Check(
        "sizes", CheckState.GOOD, f"{size_in_words(sum(sizes.folders.values()))}: {said}.", remedy if much else ""
    )


def _size_below(folder: Path) -> int:
    """Links are not followed; what goes away meanwhile counts nothing."""
    total = 0
    for here, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(here, name).lstat().st_size
    return total


def _copies(database: Path) -> Check:
    found = old_copies(database) if database.parent.is_dir() else []
    if not found:
        return good("copies", "No upgrade has left a copy of the database here.")
    total = sum(path.stat().st_size for path in found)
    sentence = (
        f"Upgrades have left copies of the database, {size_in_words(total)}: {', '.join(path.name for path in found)}."
    )
    return Check("copies", CheckState.WARN, sentence, f"Remove them when all is well: `rm {database}.*Z`.")


def _places(root: Path, database: Path) -> list[tuple[str, Path]]:
    """The workspace, and the database's folder where that lies on another disk."""
    folder = database.parent
    apart = folder.is_dir() and folder.stat().st_dev != root.stat().st_dev
    return [("", root), ("database's ", folder)] if apart else [("", root)]


def _share(name: str, path: Path) -> Check:
    kind = filesystem_of(path)
    what = f"The {name}folder" if name else "The workspace"
    if is_network(kind):
        sentence = f"{what} lies on a network share ({kind}): its locks cannot be relied on."
        return Check("share", CheckState.BAD, sentence, "Move it to a disk of the computer that sends.")
    return good("share", f"{what} lies on a disk of this computer{f' ({kind})' if kind else ''}.")


def _disk(name: str, path: Path) -> Check:
    free = shutil.disk_usage(path).free
    said = f"{free / 1e9:,.1f} GB are free{' for the database' if name else ''}."
    if free < NO_DISK:
        return Check(
            "disk", CheckState.BAD, f"The disk is nearly full: {said}", "Make room: nothing is sent until then."
        )
    if free < LITTLE_DISK:
        return Check("disk", CheckState.WARN, f"The disk fills up: {said}", "Make room before a large campaign.")
    return good("disk", said)
