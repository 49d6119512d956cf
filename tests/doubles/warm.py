"""A start of `mergecast` that finds the libraries loaded: their import is most of what a cold start costs.

`python -P warm.py`, its standard input a socket, imports what is not ours and waits. Each command is a process of its
own, forked from there, with its own folder, environment and standard streams; it imports `scheduler.cli`, and all else
that is Mergecast's, anew. The upper half of this file asks for a command, and waits for it; the lower half is asked.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

LIBRARIES = (
    "alembic.command", "alembic.op", "apscheduler.schedulers.asyncio", "babel.dates", "babel.numbers", "email_validator",
    "httpx", "openpyxl", "pydantic", "rich.progress", "sqlalchemy.dialects.sqlite", "structlog", "typer", "uvloop",
)  # fmt: skip
OURS = ("campaigns", "scheduler")


def run(line: Sequence[str], folder: Path, env: Mapping[str, str], typed: str, timeout: float) -> tuple[int, str, str]:
    """A command's exit status, output and errors; TimeoutError, after it was killed. `typed` is its input."""
    request = json.dumps([list(line), str(folder), dict(env)])
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(4)]
        for file, text in zip(files, (request, typed), strict=False):
            file.write(text.encode())
            file.seek(0)
        status = _status(_waiting(), [file.fileno() for file in files], timeout)
        for file in files:
            file.seek(0)
        out, err = (file.read().decode() for file in files[2:])
        return status, out, err


@functools.cache
def _waiting() -> socket.socket:
    """The one process that this one's commands are forked from, by its socket; it ends with this one."""
    ours, its = socket.socketpair()
    with its:
        process = subprocess.Popen([sys.executable, "-P", __file__], stdin=its, env=_environment(), cwd="/")

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _environment() -> dict[str, str]:
    """What is read while libraries are imported: nothing of the person's who runs the tests."""
    return {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": str(Path(__file__).parents[2])}


def _status(waiting: socket.socket, files: list[int], timeout: float) -> int:
    """How the command ends; if it does not, or the test is stopped meanwhile, it is killed, and the next starts afresh."""
    child = 0
    try:
        socket.send_fds(waiting, [b"?"], files)
        child = int(waiting.recv(16))
        waiting.settimeout(timeout)
        status = int(waiting.recv(16))
        waiting.settimeout(None)
    except BaseException:
        if child:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        waiting.close()
        _waiting.cache_clear()
        raise
    return status


def load_libraries() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    assert not [name for name in sys.modules if name.split(".")[0] in OURS], "Each command imports what is ours."
    gc.freeze()  # the collector of a child need not look at them


def fork_for_each(asked: socket.socket) -> bool:
    """Start what is asked for, one command after the other; true in such a command, false at the end."""
    while True:
        _, files, _, _ = socket.recv_fds(asked, 1, 4)
        if not files:
            return False
        child = os.fork()
        if child == 0:
            asked.close()
            become(*files)
            return True
        for file in files:
            os.close(file)
        with suppress(BrokenPipeError):  # nobody waits any more
            asked.sendall(f"{child:<16}".encode())
            _, status = os.waitpid(child, 0)
            asked.sendall(f"{os.waitstatus_to_exitcode(status):<16}".encode())


def become(request: int, *streams: int) -> None:
    """Take on the command's words, its folder, its environment and its standard streams."""
    with os.fdopen(request, "rb") as file:
        sys.argv, folder, env = json.load(file)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)


if __name__ == "__main__":
    load_libraries()
    if fork_for_each(socket.socket(fileno=os.dup(0))):
        from scheduler.cli import main

        main()
