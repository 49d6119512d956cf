"""The file that a backup is: a .zip with the database, the files that belong to it, and a manifest of their hashes.

A .zip, because its table of contents stands at the end: one that was cut off is seen at once, the manifest is read
before anything else although it is written last, any system opens it, and a single template is taken out of it without
reading the rest. It knows no owners, links or devices that somebody else's archive could plant.
"""

import hashlib
import json
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from campaigns.errors import Where, WorkspaceError
from campaigns.settings_file import SETTINGS_FILE

FORMAT = 1
MANIFEST = "manifest.json"
FILES = (SETTINGS_FILE, "columns.toml", ".gitignore")  # at the top of a workspace
FOLDERS = ("templates", "attachments", "sheets")
_CHUNK = 1_000_000  # bytes
_MOST_MANIFEST = 256_000_000  # bytes: about a million files
_QUICKLY = 1  # zlib's level: a worker sends beside it, and most of it is one database
_UNFIT = re.compile(r"[\x00-\x1f\x7f\\]|[\ud800-\udfff]")
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError, KeyError)

Told = Callable[[int], None]  # how many bytes more are done


@dataclass(frozen=True, slots=True)
class Entry:
    size: int  # bytes
    sha256: str  # hexadecimal


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in an archive: each file by its name in the workspace, `database` among them."""

    made_by: str
    made_at: str  # ISO 8601
    schema: str
    workspace: str  # its uuid
    database: str
    files: Mapping[str, Entry]

    @property
    def size(self) -> int:
        """Bytes of all files, unpacked."""
        return sum(entry.size for entry in self.files.values())


class Writing:
    """An archive as it comes to be; `files` are those that are in it so far."""

    def __init__(self, file: IO[bytes], at: tuple[int, int, int, int, int, int]) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_QUICKLY)
        self._at = at
        self.files: dict[str, Entry] = {}

    def add(self, name: str, source: IO[bytes], told: Told) -> None:
        """One file, as it is read just now."""
        digest, size = hashlib.sha256(), 0
        with self._zip.open(self._info(name), "w", force_zip64=True) as into:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                into.write(chunk)
                told(len(chunk))
        self.files[name] = Entry(size, digest.hexdigest())

    def close(self, manifest: Manifest) -> None:
        document = {"format": FORMAT, **asdict(manifest)}
        self._zip.writestr(self._info(MANIFEST), json.dumps(document, ensure_ascii=False, indent=1))
        self._zip.close()

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name, self._at)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o100600 << 16  # a file that its owner alone may read, also when it is unpacked by hand
        return info


class Archive:
    """An archive that is there, whoever made it: nothing in it is trusted before it was looked at."""

    def __init__(self, zipped: zipfile.ZipFile, path: Path) -> None:
        self._zip = zipped
        self._path = path
        self.manifest = self._read_manifest()
        self._refuse_others()

    def read(self, name: str, told: Told) -> Iterator[bytes]:
        """A file's bytes, piece by piece; WorkspaceError at the end, or before it, if they are not those of the manifest."""
        entry = self.manifest.files[name]
        digest, size = hashlib.sha256(), 0
        with _said(self._path), self._zip.open(name) as source:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                if size > entry.size:
                    break
                yield chunk
                told(len(chunk))
        if size != entry.size or digest.hexdigest() != entry.sha256:
            raise damaged(self._path, f"{name} is not what was backed up")

    def verify(self, told: Told) -> None:
        """Read everything once; WorkspaceError if anything is not what the manifest says."""
        for name in self.manifest.files:
            for _ in self.read(name, told):
                pass

    def _read_manifest(self) -> Manifest:
        with _said(self._path):
            if self._zip.getinfo(MANIFEST).file_size > _MOST_MANIFEST:
                raise ValueError("it is too long")
            with self._zip.open(MANIFEST) as file:
                said = json.loads(file.read(_MOST_MANIFEST))
            if said["format"] != FORMAT:
                raise WorkspaceError(
                    "This backup was made by another Mergecast, in a form that this one does not know.",
                    where=Where(file=str(self._path)),
                    remedy="Restore it with the version that made it, or a newer one.",
                )
            return _manifest(said)

    def _refuse_others(self) -> None:
        """What is in the archive is what the manifest says, each name once, and each belongs into a workspace."""
        names = self._zip.namelist()
        if sorted(names) != sorted([MANIFEST, *self.manifest.files]):
            raise damaged(self._path, "its files are not those of its manifest")
        for name in self.manifest.files:
            if not (is_safe(name) and (name == self.manifest.database or belongs(name))):
                raise damaged(self._path, f"{name!r} has no place in a workspace")


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """The archive at `path`; WorkspaceError if it is none of ours, or damaged."""
    with path.open("rb") as file, _said(path), zipfile.ZipFile(file) as zipped:
        yield Archive(zipped, path)


def is_safe(name: str) -> bool:
    """Whether a name leads to a file below the folder that it is put into, on any system."""
    parts = PurePosixPath(name).parts
    plain = str(PurePosixPath(name)) == name and not PurePosixPath(name).is_absolute()
    return plain and bool(parts) and ".." not in parts and ":" not in parts[0] and not _UNFIT.search(name)


def belongs(name: str) -> bool:
    """Whether a backup has a file of that name, the database aside."""
    return name in FILES or PurePosixPath(name).parts[0] in FOLDERS


def unpacked(folder: Path, name: str) -> IO[bytes]:
    """A new file of that name below `folder`, its folders too, which nobody else may read."""
    path = folder / name
    for parent in reversed(PurePosixPath(name).parents):
        (folder / parent).mkdir(mode=0o700, exist_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb")


def damaged(path: Path, why: str) -> WorkspaceError:
    return WorkspaceError(
        f"This is no whole backup of Mergecast: {why}.", where=Where(file=str(path)), remedy="Take another one."
    )


def _manifest(said: Any) -> Manifest:
    files = {str(name): Entry(int(one["size"]), str(one["sha256"])) for name, one in said["files"].items()}
    words = {name: str(said[name]) for name in ("made_by", "made_at", "schema", "workspace", "database")}
    if words["database"] not in files or any(entry.size < 0 for entry in files.values()):
        raise ValueError("its manifest names no database")
    return Manifest(**words, files=files)


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """What the reading of a broken archive raises, in one sentence."""
    try:
        yield
    except WorkspaceError:
        raise
    except RecursionError:
        raise damaged(path, "its manifest cannot be read") from None
    except (*_BROKEN, TypeError, AttributeError) as error:
        raise damaged(path, str(error).strip("'\".") or type(error).__name__) from error
