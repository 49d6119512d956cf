"""A start of `mergecast` that finds everything imported: that is most of what a cold start costs.

`python -P warm.py`, its standard input a socket, imports the libraries and all that is ours, and waits. Each command is
a process of its own, forked from there, with its own folder, environment and standard streams. Nothing of ours looks at
any of these while it is imported. The upper half of this file asks for a command, and waits for it; the lower half is
asked.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
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
RENDERS = "campaigns.compose.child"  # instead of a command
COMMAND, ANOTHER = b"?", b"&"  # what is asked for: a command, or another process that waits for commands
ALEMBICS = "campaigns.store.migrations"  # which it imports by itself, where there is something to migrate


def run(line: Sequence[str], folder: Path, env: Mapping[str, str], typed: str, timeout: float) -> tuple[int, str, str]:
    """A command's exit status, output and errors; TimeoutError, after it was killed. `typed` is its input."""
    with ExitStack() as stack:
        given, out, err = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(3))
        given.write(typed.encode())
        given.seek(0)
        status = _status(_waiting(), line, folder, env, [one.fileno() for one in (given, out, err)], timeout)
        for file in (out, err):
            file.seek(0)
        return status, out.read().decode(), err.read().decode()


class Process:
    """One that goes on; of `subprocess.Popen`, what is asked of one."""

    def __init__(self, line: Sequence[str], folder: Path, env: Mapping[str, str], streams: Sequence[int]) -> None:
        self.args = line
        self.returncode: int | None = None
        self._waiting, its = socket.socketpair()
        with its:
            socket.send_fds(_waiting(), [ANOTHER], [its.fileno()])
            self.pid = _begin(self._waiting, line, folder, env, streams)

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self._waiting.settimeout(timeout)
            try:
                self.returncode = int(self._waiting.recv(16))
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(list(self.args), timeout or 0.0) from None
            self._waiting.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Worker(Process):
    """A command that goes on beside a test; its standard error is the file `err`."""

    def __init__(self, line: Sequence[str], folder: Path, env: Mapping[str, str], err: int) -> None:
        self._out = tempfile.TemporaryFile()  # noqa: SIM115 - `communicate` closes it
        with Path(os.devnull).open("rb") as nothing:
            super().__init__(line, folder, env, [nothing.fileno(), self._out.fileno(), err])

    def communicate(self, timeout: float | None = None) -> tuple[bytes, None]:
        """What it wrote to its standard output, after its end."""
        self.wait(timeout)
        if not self._out.closed:
            self._out.seek(0)
            self._said = self._out.read()
            self._out.close()
        return self._said, None


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


def _status(
    waiting: socket.socket,
    line: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    streams: list[int],
    timeout: float,
) -> int:
    """How the command ends; if it does not, or the test is stopped meanwhile, it is killed, and the next starts afresh."""
    child = 0
    try:
        child = _begin(waiting, line, folder, env, streams)
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


def _begin(
    waiting: socket.socket, line: Sequence[str], folder: Path, env: Mapping[str, str], streams: Sequence[int]
) -> int:
    """The number of the command's process."""
    with tempfile.TemporaryFile() as request:
        request.write(json.dumps([list(line), str(folder), dict(env)]).encode())
        request.seek(0)
        socket.send_fds(waiting, [COMMAND], [request.fileno(), *streams])
        return int(waiting.recv(16))


def load_all() -> None:
    for name in (*LIBRARIES, *ours()):
        importlib.import_module(name)
    gc.freeze()  # the collector of a child need not look at them


def ours() -> list[str]:
    """Every module of Mergecast's."""
    packages = [importlib.import_module(name) for name in OURS]
    found = (
        one.name for package in packages for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    )
    return [name for name in found if not name.startswith(f"{ALEMBICS}.")]


def fork_for_each(asked: socket.socket) -> bool:
    """Start what is asked for, one command after the other; true in such a command, false at the end."""
    while True:
        what, files, _, _ = socket.recv_fds(asked, 1, 4)
        if not files:
            return False
        child = os.fork()
        if child == 0:
            asked.close()
            if what == COMMAND:
                become(*files)
                return True
            if os.fork():
                os._exit(0)  # so that nobody has to wait for the other
            asked = socket.socket(fileno=files[0])
            continue
        for file in files:
            os.close(file)
        if what == ANOTHER:
            os.waitpid(child, 0)
            continue
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
    load_all()
    if fork_for_each(socket.socket(fileno=os.dup(0))):
        importlib.import_module(RENDERS if sys.argv[0] == RENDERS else "scheduler.cli").main()
