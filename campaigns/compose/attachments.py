"""The files that a template attaches: how its front matter names them, and finding them without leaving their folder.

A path counts from the workspace's `attachments/`. Names match whatever their case and Unicode form, because macOS and
other systems write `é` in different ways; the file that has the very name goes first.
"""

import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

FOLDER = "attachments"
_LONGEST = 1_000  # characters of a path
_MERGE = re.compile(r"\{\{|\{%|\{#")
_TOKENS = re.compile(r"(\{\{.*?\}\}|\{#.*?#\}|\{%-?\s*(\w+).*?%\})|,")
_ABSOLUTE = re.compile(r"[/\\~]|[A-Za-z]:|\w+://")
# Controls, surrogates, and marks that turn text around: a name could read as another one.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class NoFileError(Exception):
    """Why a path is no file that can be sent: a Finding's code, and words for a person, as the end of a sentence."""

    def __init__(self, code: str, words: str, remedy: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Named:
    """A file that a template or a cell names."""

    path: str
    personal: bool  # a value of the row stands in the name, so that no other person may get it


@dataclass(frozen=True, slots=True)
class Found:
    path: Path  # resolved
    name: str  # as the recipient sees it
    size: int


def split(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The items of `attachments:`: paths that are the same for all, and patterns with merge fields."""
    items = [item.strip() for item in _items(text)]
    fixed = [path for item in items if not _MERGE.search(item) for path in paths(item)]
    return tuple(dict.fromkeys(fixed)), tuple(item for item in items if _MERGE.search(item))


def paths(text: str) -> list[str]:
    """The paths that stand between semicolons."""
    return [path for part in text.split(";") if (path := part.strip())]


def _items(text: str) -> Iterator[str]:
    """What stands between commas; none within {{ }}, nor between {% if %} and its {% endif %}, divides."""
    start = depth = 0
    for token in _TOKENS.finditer(text):
        word = token.group(2) or ""
        if token.group(1) is None and depth == 0:
            yield text[start : token.start()]
            start = token.end()
        elif word in ("if", "for"):
            depth += 1
        elif word in ("endif", "endfor"):
            depth -= 1
    yield text[start:]


@dataclass
class AttachmentFolder:
    """`attachments/` of a workspace, as it is while one check looks at it."""

    workspace: Path
    _listed: dict[Path, dict[str, list[str]]] = field(default_factory=dict, repr=False)

    def find(self, path: str) -> Found:
        """The file that a path means; NoFileError."""
        folder = self._folder()
        place = folder
        for part in self._parts(path):
            place /= self._named(place, part)
        try:
            file = place.resolve(strict=True)
            status = file.stat()
        except (OSError, RuntimeError):  # a link to nowhere, or in a circle
            raise _missing() from None
        if not file.is_relative_to(folder) or any(p.startswith(".") for p in file.relative_to(folder).parts):
            raise NoFileError("file_outside", "leads out of attachments/", _INSIDE)
        if not stat.S_ISREG(status.st_mode):
            raise NoFileError("file_missing", "is no file", "Name a file; folders and devices cannot be sent.")
        return Found(file, _nfc(place.name).strip(), status.st_size)

    def signature(self) -> str:
        """Changes when any file of the folder comes, goes or changes; ".kept" and other hidden ones aside."""
        seen = []
        root = self.workspace / FOLDER
        for here, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                file = Path(here, name)
                try:
                    status = file.stat()
                except OSError:
                    continue
                seen.append(f"{file.relative_to(root)}\0{status.st_size}\0{status.st_mtime_ns}")
        return "\n".join(seen)

    def _folder(self) -> Path:
        workspace = self.workspace.resolve()
        folder = (workspace / FOLDER).resolve()
        if not folder.is_relative_to(workspace):
            raise NoFileError("file_outside", "leads out of the workspace: attachments/ is a link", _INSIDE)
        return folder

    def _parts(self, path: str) -> list[str]:
        if _UNFIT.search(path) or len(path) > _LONGEST:
            raise NoFileError("file_name", "is no name that a file may have here", "Type the cell again.")
        if _ABSOLUTE.match(path):
            raise NoFileError("file_outside", "does not begin in attachments/", _INSIDE)
        parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
        if ".." in parts:
            raise NoFileError("file_outside", "leads out of attachments/", _INSIDE)
        if any(part.startswith(".") for part in parts):
            raise NoFileError("file_missing", "is hidden", "Give the file a name that does not begin with a dot.")
        if len(parts) > 1 and parts[0] == FOLDER and not (self.workspace / FOLDER / FOLDER).exists():
            del parts[0]
        if not parts:
            raise NoFileError("file_missing", "names no file", "Name a file in attachments/.")
        return parts

    def _named(self, folder: Path, wanted: str) -> str:
        """The entry of a folder that a name means."""
        known = self._listed.get(folder)
        if known is None:
            known = self._listed[folder] = _entries(folder)
        alike = known.get(_folded(wanted), [])
        for same in (lambda name: name == wanted, lambda name: _nfc(name) == _nfc(wanted)):
            if exact := [name for name in alike if same(name)]:
                return exact[0]
        if len(alike) > 1:
            raise NoFileError(
                "file_missing",
                f"could be {' or '.join(f'“{name}”' for name in sorted(alike))}",
                "Write the name just as the file's.",
            )
        if not alike:
            raise _missing()
        return alike[0]


def opened(found: Found) -> BinaryIO:
    """The file to read; NoFileError if it is no longer what was found. A pipe in its place is not waited for."""
    try:
        number = os.open(found.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        raise NoFileError("file_missing", f"cannot be read ({error.strerror})", "Check who may read it.") from None
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise NoFileError("file_missing", "is no file", "Name a file; folders and devices cannot be sent.")
    return os.fdopen(number, "rb")


def _entries(folder: Path) -> dict[str, list[str]]:
    """A folder's names by their folded form."""
    entries: dict[str, list[str]] = {}
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        return entries
    for name in names:
        entries.setdefault(_folded(name), []).append(name)
    return entries


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _folded(name: str) -> str:
    return _nfc(_nfc(name).casefold())


def _missing() -> NoFileError:
    return NoFileError(
        "file_missing", "is not there", f"Put the file into {FOLDER}/ of the workspace, or correct its name."
    )


_INSIDE = f"Copy the file into {FOLDER}/ of the workspace, and write its path from there."
