"""The inbox: a folder that is watched. A file that is whole is claimed, by renaming it out of everybody's reach.

    inbox/customers.xlsx -> inbox/.taken/customers.xlsx -> inbox/done/2026-11-30 09.00.00 customers.xlsx, and a page

Whole is what nobody has written to for a while: a file that was renamed into the folder is old enough at once, one that
is being copied grows. What a kill leaves claimed is taken up at the next look.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from campaigns.clock import Clock
from campaigns.errors import Where, WorkspaceError
from campaigns.workspace import Workspace

DONE, FAILED = "done", "failed"
_TAKEN = ".taken"
_LOCKS = ("~$", ".", "~")  # how the names of files begin that programs put beside an open one
_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".tmp", "~", "#")  # how those of half copies end
_LONGEST_ENDING = 16  # bytes
_LONGEST_NAME = 255  # bytes, on nearly every file system

Signature = tuple[int, int, int]  # inode, bytes, and when it was written to last


@dataclass(frozen=True, slots=True)
class Claimed:
    """A file that only the clerk reaches; `since` is when it was claimed."""

    path: Path
    since: datetime
    signature: Signature

    @property
    def name(self) -> str:
        return self.path.name

    def has_changed(self) -> bool:
        """Whether somebody who had it open has gone on writing."""
        return _signature(self.path.lstat()) != self.signature

    def is_file(self) -> bool:
        """No link, pipe or device: those lead elsewhere, or never end."""
        return stat.S_ISREG(self.path.lstat().st_mode)


@dataclass(slots=True)
class Inbox:
    """Looks into the folder; without `[inbox]` in the settings there is none, and never a file."""

    workspace: Workspace
    clock: Clock
    trouble: str = ""  # why the folder cannot be read
    _seen: dict[str, tuple[Signature, float]] = field(default_factory=dict)  # since when it is as it is, monotonic

    @property
    def folder(self) -> Path | None:
        named = self.workspace.settings.inbox.folder
        return self.workspace.root / named if named else None

    def ready(self) -> list[str]:
        """The names of the files that are whole, in the order in which they were written."""
        found = self._files()
        now, wall = self.clock.monotonic(), self.clock.now().timestamp()
        quiet = self.workspace.settings.inbox.quiet.total_seconds()
        whole: list[tuple[int, str]] = []
        seen: dict[str, tuple[Signature, float]] = {}
        for name, status in found.items():
            signature = _signature(status)
            before = self._seen.get(name)
            since = before[1] if before and before[0] == signature else now
            seen[name] = (signature, since)
            if now - since >= quiet or wall - status.st_mtime >= quiet:
                whole.append((status.st_mtime_ns, name))
        self._seen = seen
        return [name for _, name in sorted(whole)]

    def has_files(self) -> bool:
        return bool(self._files()) or self.has_claimed()

    def has_claimed(self) -> bool:
        """Whether a kill left something."""
        with suppress(OSError):
            return self.folder is not None and any(os.scandir(self.folder / _TAKEN))
        return False

    def claim(self, names: Iterable[str]) -> Iterator[Claimed]:
        """What a kill left, then these files, one by one as they are asked for; one that is gone is passed over."""
        if self.folder is None:
            return
        taken = _own_folder(self.folder / _TAKEN, 0o700)
        left = sorted(taken.iterdir(), key=lambda path: path.lstat().st_mtime_ns)
        yield from (_claimed(path) for path in left)
        for name in names:
            path = taken / name
            if not os.path.lexists(path):
                with suppress(FileNotFoundError):
                    (self.folder / name).rename(path)
                    yield _claimed(path)

    def put_back(self, file: Claimed) -> None:
        """Where it came from, unless another file of that name lies there by now, which is newer."""
        assert self.folder is not None
        if not os.path.lexists(self.folder / file.name):
            file.path.rename(self.folder / file.name)
        else:
            file.path.unlink()

    def put(self, file: Claimed, into: str, page: str) -> Path:
        """Move a file to `done` or `failed`, with a page beside it; where the file lies now."""
        assert self.folder is not None
        folder = _own_folder(self.folder / into, stat.S_IMODE(self.folder.stat().st_mode) & 0o777)
        target = self._target(folder, file)
        half = folder / f".{os.getpid()}"
        half.write_text(page, encoding="utf-8", errors="replace")
        half.replace(target.with_name(f"{target.name}.html"))
        file.path.rename(target)
        return target

    def _target(self, folder: Path, file: Claimed) -> Path:
        """`2026-11-30 09.00.00 customers.xlsx`: the same after a kill, so that no second page is written."""
        stamp = file.since.astimezone(ZoneInfo(self.workspace.settings.zone)).strftime("%Y-%m-%d %H.%M.%S")
        for n in range(1, 10_000):
            lead = f"{stamp} " if n == 1 else f"{stamp} ({n}) "
            target = folder / _shortened(lead, file.name)
            if not os.path.lexists(target):
                return target
        raise WorkspaceError(f"{folder} is full of files of one name.", remedy="Move some of them elsewhere.")

    def _files(self) -> dict[str, os.stat_result]:
        if self.folder is None:
            return {}
        if self.workspace.root.is_relative_to(self.folder.resolve()):
            self.trouble = f"{self.folder} holds the workspace itself: give the inbox a folder of its own."
            return {}
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            with os.scandir(self.folder) as entries:
                found = {entry.name: _status(entry) for entry in entries if _is_meant(entry)}
        except OSError as error:
            self.trouble = f"{self.folder}: {error.strerror}."
            return {}
        self.trouble = ""
        return {name: status for name, status in found.items() if status is not None}


def _is_meant(entry: "os.DirEntry[str]") -> bool:
    is_aside = entry.name.startswith(_LOCKS) or entry.name.lower().endswith(_UNFINISHED)
    return not is_aside and not entry.is_dir(follow_symlinks=False)


def _status(entry: "os.DirEntry[str]") -> os.stat_result | None:
    """None for what has vanished."""
    with suppress(FileNotFoundError):
        return entry.stat(follow_symlinks=False)
    return None


def _signature(status: os.stat_result) -> Signature:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _claimed(path: Path) -> Claimed:
    status = path.lstat()  # renaming it has set when its entry was changed
    return Claimed(path, datetime.fromtimestamp(status.st_ctime, UTC), _signature(status))


def _own_folder(folder: Path, mode: int) -> Path:
    """A folder that is ours, made if need be; WorkspaceError where somebody else has put something in its place."""
    with suppress(FileExistsError):
        folder.mkdir(mode=mode)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise WorkspaceError(
            "This must be a folder of the worker's own, and is not.",
            where=Where(file=str(folder)),
            remedy="Move it away; the worker makes its own.",
        )
    return folder


def _shortened(lead: str, name: str) -> str:
    """A name with a lead and room for `.html`; a long one loses letters before its ending."""
    ending = Path(name).suffix if len(os.fsencode(Path(name).suffix)) < _LONGEST_ENDING else ""
    stem = name.removesuffix(ending)
    room = _LONGEST_NAME - len(os.fsencode(f"{lead}{ending}.html"))
    return f"{lead}{os.fsdecode(os.fsencode(stem)[: max(room, 8)])}{ending}"
