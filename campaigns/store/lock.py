"""One worker a store, by a lock of the operating system that dies with its process, kill -9 included.

The lock lives on its own file beside the database: SQLite takes and drops POSIX locks on the database itself. The file
stays when the worker ends, because whoever unlinks a lock file may unlink it under the next holder.
"""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from campaigns.errors import StoreError, WorkerRunningError


@contextmanager
def worker_lock(path: Path) -> Iterator[None]:
    """Hold the lock of the database at `path`; WorkerRunningError if another process has it.

    The descriptor is closed on exec (Python's default), so a spawned child does not keep the lock of a dead worker.
    """
    lock_file = path.with_name(path.name + ".lock")
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
            raise _held(os.pread(descriptor, 1000, 0)) from None
        _sign(descriptor)
        yield
    finally:
        os.close(descriptor)  # frees the lock


def _sign(descriptor: int) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    text = json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "since": since})
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)


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
