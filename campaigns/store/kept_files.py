"""Attachments as they were checked: copies by hash beside the originals, in `attachments/.kept/`.

They lie in files and not in the database, which is copied whole at an upgrade and written back page by page. What a
person does to the original afterwards changes nothing. A copy is written under another name and given its own when it
is whole: a kill leaves no half file under a hash. `sync` brings all of them to the disk at once, before anything counts
on them. Whoever reads one asks the hash again.
"""

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from campaigns.errors import StoreError, Where

_CHUNK = 1_000_000  # bytes
_UNFINISHED = ".part"
_STALE = 3_600  # seconds after which an unfinished copy is a crash's


class KeptFiles:
    def __init__(self, workspace: Path) -> None:
        self._folder = workspace / "attachments" / ".kept"

    def keep(self, file: BinaryIO, most: int) -> tuple[str, int]:
        """Copy an open file of up to `most` bytes; its hash and its size. ValueError if it is longer, OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._folder / f"{secrets.token_hex(8)}{_UNFINISHED}"
        digest, size = hashlib.sha256(), 0
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
                    if size > most:
                        raise ValueError(size)
                    copy.write(chunk)
            if not self._is_whole(digest.hexdigest(), size):
                part.rename(self._path(digest.hexdigest()))
        finally:
            part.unlink(missing_ok=True)
        return digest.hexdigest(), size

    def has(self, sha256: str, size: int) -> bool:
        """Whether a copy of that hash and size lies there; its bytes are not read."""
        try:
            return self._path(sha256).stat().st_size == size
        except OSError:
            return False

    def read(self, sha256: str, size: int) -> bytes:
        """The bytes of a copy; StoreError if it is gone or is not what was checked."""
        path = self._path(sha256)
        try:
            with path.open("rb") as file:
                data = file.read(size + 1)
        except OSError as error:
            raise StoreError(f"cannot be read ({error.strerror})", where=Where(file=str(path))) from error
        if len(data) != size or hashlib.sha256(data).hexdigest() != sha256:
            raise StoreError("is not what was checked", where=Where(file=str(path)))
        return data

    def remove(self, sha256: str) -> None:
        """It need not be there."""
        with suppress(OSError):
            self._path(sha256).unlink(missing_ok=True)

    def sync(self) -> None:
        """Bring what was kept to the disk: all at once, since one by one takes a thousand files as many turns of it."""
        os.sync()

    def old_names(self, now: float) -> list[str]:
        """The copies of over an hour ago, by hash; unfinished ones, which a crash left, are removed. `now` in seconds."""
        names = []
        with suppress(OSError):
            for entry in os.scandir(self._folder):
                if entry.stat().st_mtime >= now - _STALE:
                    continue
                if entry.name.endswith(_UNFINISHED):
                    self.remove(entry.name)
                else:
                    names.append(entry.name)
        return names

    def _is_whole(self, sha256: str, size: int) -> bool:
        try:
            self.read(sha256, size)
        except StoreError:
            return False
        return True

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256
