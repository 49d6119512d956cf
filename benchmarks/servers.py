"""Servers beside the measured process: each a process of its own on loopback, ended with its block."""

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from benchmarks.fresh import HOUSE
from benchmarks.ground import free_port, is_root

SINK = shutil.which("smtp-sink", path="/usr/sbin:/usr/lib/postfix/sbin:/usr/libexec/postfix:/usr/local/sbin:/usr/bin")
SOURCE = SINK and SINK.replace("smtp-sink", "smtp-source")
NO_SINK = "Postfix's smtp-sink is not installed"
_STARTS = 10.0  # seconds


@contextlib.contextmanager
def smtp_sink() -> Iterator[int]:
    """Postfix's own, which takes every mail and keeps none; its port."""
    port = free_port()
    assert SINK
    user = ["-u", "nobody"] if is_root() else []
    with _process([SINK, *user, f"127.0.0.1:{port}", "1000"]):
        _wait_for(port)
        yield port


@contextlib.contextmanager
def sendgrid_sink() -> Iterator[int]:
    """The SendGrid double that counts and keeps nothing; its port."""
    port = free_port()
    with _process([sys.executable, "-m", "tests.doubles.sendgrid_double", "--fast", "--port", str(port)]):
        _wait_for(port)
        yield port


@contextlib.contextmanager
def delaying(port: int, seconds: float) -> Iterator[int]:
    """A way to `port` on which all bytes take so long, there and back; its own port."""
    own = free_port()
    with _process([sys.executable, "-m", "benchmarks.delaying", str(own), str(port), str(seconds)]):
        _wait_for(own)
        yield own


@contextlib.contextmanager
def _process(command: Sequence[str]) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=HOUSE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int) -> None:
    until = time.monotonic() + _STARTS
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"Nothing listens on port {port}.")
