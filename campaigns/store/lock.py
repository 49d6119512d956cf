"""One worker a store, by a lock of the operating system that dies with its process, kill -9 included.

The lock lives on its own file beside the database: SQLite takes and drops POSIX locks on the database itself. The file
stays when the worker ends, because whoever unlinks a lock file may unlink it under the next holder. It also keeps the
last turn of the worker (`campaigns/store/origin.py`), so that an older database in this one's place is known.
"""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from campaigns.errors import StoreError, WorkerRunningError

_MOST = 1_000  # bytes of a lock file


@dataclass(frozen=True, slots=True)
class Turn:
    """How far a worker had come with a store."""

    store: str  # its uuid
    number: int


class WorkerLock:
    """The lock file, while this process holds it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._since = datetime.now(UTC).isoformat(timespec="seconds")
        self.sign(_turn(_read(descriptor)))

    def sign(self, turn: Turn | None) -> None:
        """Say who holds it, and how far the store has come, which must be on the disk there by now."""
        holder = {"host": socket.gethostname(), "pid": os.getpid(), "since": self._since}
        left = {"store": turn.store, "turn": turn.number} if turn else {}
        text = json.dumps(holder | left).encode()
        os.pwrite(self._descriptor, text.ljust(len(_read(self._descriptor))), 0)  # never empty, for who reads it now
        os.ftruncate(self._descriptor, len(text))


def last_turn(path: Path) -> Turn | None:
    """What the last worker on the database at `path` left in the lock file; None if there is no such thing."""
    try:
        with _lock_file(path).open("rb") as file:
            return _turn(file.read(_MOST))
    except OSError:
        return None


@contextmanager
def worker_lock(path: Path) -> Iterator[WorkerLock]:
    """Hold the lock of the database at `path`; WorkerRunningError if another process has it.

    The descriptor is closed on exec (Python's default), so a spawned child does not keep the lock of a dead worker.
    """
    lock_file = _lock_file(path)
    try:
        descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            f"The lock file {lock_file} cannot be opened: {error.strerror}.",
            remedy="Look at the permissions of its folder.",
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _held(_read(descriptor)) from None
        yield WorkerLock(descriptor)
    finally:
        os.close(descriptor)  # frees the lock


def _lock_file(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _read(descriptor: int) -> bytes:
    return os.pread(descriptor, _MOST, 0)


def _turn(signed: bytes) -> Turn | None:
    try:
        told = json.loads(signed)
        return Turn(str(told["store"]), int(told["turn"]))
    except (ValueError, KeyError, TypeError):
        return None


def _held(signed: bytes) -> WorkerRunningError:
    try:
        holder = json.loads(signed)
        since = datetime.fromisoformat(holder["since"])
        by = f"process {holder['pid']} on {holder['host']}, since {since.astimezone():%A %d %B %Y, %H:%M:%S %Z}"
    except (ValueError, KeyError, TypeError):
        by = "another process"
    return WorkerRunningError(
        f"A worker already runs on this database: {by}.",
        remedy="Let it run, or stop it first (Ctrl-C in its terminal); one worker sends for all campaigns.",
    )
