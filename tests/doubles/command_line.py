"""`mergecast` as a person types it: a process of its own, in a folder of its own, with a bare environment.

It starts warm unless told otherwise: see `warm.py`. What is typed at a terminal starts cold, as do the commands of
`test_cold_start.py`, which has each verb once.
"""

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.doubles import warm

COMMAND = Path(sys.executable).with_name("mergecast")
MODULE = (sys.executable, "-P", "-m", "scheduler.cli")
WAITS = 45.0  # seconds that any one command may take on a busy machine


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Standard output as one JSON document; anything else there is an error."""
        told = json.loads(self.out)
        assert isinstance(told, dict)
        return told


@dataclass(frozen=True)
class CommandLine:
    """A terminal in `folder`."""

    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)  # besides what every login has
    cold: bool = False  # whether it starts an interpreter
    as_module: bool = not COMMAND.exists()

    def run(self, *args: object, status: int | None = 0, answer: str = "", timeout: float = WAITS) -> Ran:
        """Run to the end; an AssertionError, with all that was said, if the exit status is not `status`."""
        ran = Ran(*(self._cold if self.cold else self._warm)(args, answer, timeout))
        assert status is None or ran.status == status, f"{' '.join(self._line(args)[1:])}: {ran}"
        assert "Traceback" not in ran.out + ran.err, ran
        return ran

    def json(self, *args: object, status: int | None = 0, timeout: float = WAITS) -> dict[str, Any]:
        """The document that the command answers with `--json`."""
        return self.run(*args, "--json", status=status, timeout=timeout).document

    @contextlib.contextmanager
    def running(self, *args: object) -> Iterator["Running"]:
        """A command that goes on beside the block; what is left of it at the end is killed."""
        with tempfile.NamedTemporaryFile("wb", suffix=".log") as log:
            process = self._begun(args, log.fileno())
            try:
                yield Running(process, Path(log.name))
            finally:
                if process.poll() is None:
                    process.kill()
                process.communicate()

    def at_terminal(self, *args: object, answers: Mapping[str, str], timeout: float = WAITS) -> Ran:
        """Run at a pseudo-terminal; `answers`: what is typed when these words have been said. All output is `out`."""
        process, terminal = pty.fork()
        if process == 0:  # the child: nothing but exec
            os.chdir(self.folder)
            line = self._line(args)
            os.execve(line[0], line, self.environment() | {"TERM": "xterm", "COLUMNS": "200"})
        try:
            said = _talk(terminal, dict(answers), timeout)
        finally:
            os.close(terminal)
            status = _ended(process)
        return Ran(status, said, "")

    def environment(self) -> dict[str, str]:
        bare = {
            "PATH": f"{COMMAND.parent}:/usr/bin:/bin",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        return {**bare, **self.env}

    def _begun(self, args: tuple[object, ...], log: int) -> "subprocess.Popen[bytes] | warm.Worker":
        if not self.cold:
            return warm.Worker(self._words(args), self.folder, self.environment(), log)
        return subprocess.Popen(
            self._line(args),
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
        )

    def _warm(self, args: tuple[object, ...], answer: str, timeout: float) -> tuple[int, str, str]:
        return warm.run(self._words(args), self.folder, self.environment(), answer, timeout)

    def _words(self, args: tuple[object, ...]) -> list[str]:
        assert all(name.startswith("MERGECAST_") for name in self.env), (
            "What the interpreter reads must be there first."
        )
        return [str(COMMAND), *map(str, args)]

    def _cold(self, args: tuple[object, ...], answer: str, timeout: float) -> tuple[int, str, str]:
        done = subprocess.run(
            self._line(args),
            cwd=self.folder,
            env=self.environment(),
            input=answer,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def _line(self, args: tuple[object, ...]) -> list[str]:
        command = MODULE if self.as_module else (str(COMMAND),)
        return [*command, *map(str, args)]


@dataclass(frozen=True)
class Running:
    process: "subprocess.Popen[bytes] | warm.Worker"
    log: Path  # its standard error

    @property
    def events(self) -> list[dict[str, Any]]:
        """The lines of the log so far."""
        lines = self.log.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}\n")]

    def has_said(self, event: str, **more: Any) -> bool:
        return any(one["event"] == event and more.items() <= one.items() for one in self.events)

    def ends(self, timeout: float = WAITS) -> Ran:
        """Wait for its end."""
        out, _ = self.process.communicate(timeout=timeout)
        return Ran(self.process.returncode, out.decode(), self.log.read_text(encoding="utf-8"))

    def terminate(self, timeout: float = WAITS) -> tuple[Ran, float]:
        """SIGTERM; what it came to, and after how many seconds."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.ends(timeout), time.monotonic() - began


def until(condition: Callable[[], object], within: float = WAITS, every: float = 0.02) -> float:
    """Wait until the condition holds; how many seconds that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within, f"not within {within} s"
        time.sleep(every)
    return time.monotonic() - began


def _talk(terminal: int, answers: dict[str, str], timeout: float) -> str:
    said, until_then = b"", time.monotonic() + timeout
    while True:
        left = until_then - time.monotonic()
        assert left > 0, said.decode(errors="replace")
        if not select.select([terminal], [], [], left)[0]:
            continue
        try:
            more = os.read(terminal, 65_536)
        except OSError:  # how Linux says that the other side is gone
            more = b""
        if not more:
            return said.decode()
        said += more
        for words in [words for words in answers if words.encode() in said]:
            os.write(terminal, f"{answers.pop(words)}\n".encode())


def _ended(process: int) -> int:
    for _ in range(500):
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    raise AssertionError("It did not end with its terminal.")
