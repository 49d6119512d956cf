"""What others reach with the same mails into the same servers; each is installed for the run, into a folder of its own."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import ground, plain, servers
from benchmarks.dispatching import SENDGRID_CONNECTIONS, best_run, queued, speed
from benchmarks.figures import Figure, rate, skipped
from benchmarks.fresh import HOUSE, measured

_NODEMAILER = "nodemailer@10.6.1"
_WAITING = "nodemailer@9.1.1"  # it waits for each reply before the next command
_PACKAGES = {"mailmerge": "mailmerge==2.3.0", "sendgrid": "sendgrid==6.12.5"}
_ROWS, _FAR_ROWS = 10_000, 4_000
_FAR_MAILS = 1_000  # for nodemailer, which is slower there
_FEW, _MORE = 10, 510  # mails for mailmerge: the difference leaves its start out
_ONE_BY_ONE = 2_000
_WAY = 0.02  # seconds each way: 40 ms there and back
_LONGEST = 300  # seconds


class _Missing(Exception):  # noqa: N818 - it never leaves this file
    """Why a peer cannot be measured here."""


def smtp_peers(repeat: int, *, quick: bool) -> list[Figure]:
    """SMTP beside nodemailer's pool of as many connections and mailmerge, near and 40 ms away."""
    if not servers.SINK:
        return [skipped("SMTP and its peers", servers.NO_SINK)]
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder, queued(_ROWS, "relay") as original, servers.smtp_sink() as near:
        mails = _contents(original, _ROWS, folder)
        for connections in (16, 32):
            sent = speed(f"SMTP, {connections} connections, {_ROWS:,}", best_run(original, near, connections, repeat))
            pool = _tried(_nodemailer, folder, mails, near, connections, repeat)
            figures += [sent, pool, _times(sent, pool, target=8)]
        merged = _tried(_mailmerge, folder, mails, near)
        figures += [merged, _times(sent, merged, target=20)]
    with (
        tempfile.TemporaryDirectory() as folder,
        queued(_FAR_ROWS, "relay") as original,
        servers.smtp_sink() as sink,
        servers.delaying(sink, _WAY) as port,
    ):
        mails = _contents(original, _FAR_MAILS, folder)
        what = f"SMTP, 32 connections, {2_000 * _WAY:.0f} ms there and back, {_FAR_ROWS:,}"
        sent = speed(what, best_run(original, port, 32, min(repeat, 2)))
        figures.append(sent)
        for version in (_WAITING, _NODEMAILER):
            pool = _tried(_nodemailer, folder, mails, port, 32, 1, version)
            figures += [pool, _times(sent, pool, target=3.5)]
    return figures


def sendgrid_peer(repeat: int, *, quick: bool) -> list[Figure]:
    """SendGrid beside its own library, one mail after the other."""
    rows = _ROWS if quick else 10 * _ROWS
    with tempfile.TemporaryDirectory() as folder, queued(rows, "cloud") as original, servers.sendgrid_sink() as port:
        best = best_run(original, port, SENDGRID_CONNECTIONS, repeat)
        sent = speed(f"SendGrid, 1,000 a request, {rows:,}", best, target=80_000)
        library = _tried(_official_library, folder, _contents(original, _ONE_BY_ONE, folder), port)
    return [sent, library, _times(sent, library, target=36)]


def _times(one: Figure, other: Figure, *, target: float) -> Figure:
    what = f"{one.what} : {other.what}"
    if other.skipped:
        return skipped(what, other.skipped)
    return Figure(what, one.value / other.value, "times", target=target)


def _tried(measure: Callable[..., Figure], *given: Any) -> Figure:
    try:
        return measure(*given)
    except _Missing as missing:
        return skipped(measure.__name__.strip("_").replace("_", " "), str(missing))


def _contents(original: str, count: int, folder: str) -> Path:
    path = Path(folder) / "mails.jsonl"
    measured(plain.write_contents, folder=original, count=count, path=str(path))
    return path


def _nodemailer(
    folder: str, mails: Path, port: int, connections: int, repeat: int, version: str = _NODEMAILER
) -> Figure:
    where = Path(folder) / version
    modules = where / "node_modules"
    if not modules.exists():
        if not shutil.which("npm") or not shutil.which("node"):
            raise _Missing("npm is not installed")
        _installed(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(where), version])
    command = ["node", str(HOUSE / "benchmarks/pool.cjs"), str(modules), str(mails), str(port), str(connections)]
    count = _lines(mails)
    seconds = min(float(_told(command)) for _ in range(repeat))
    return rate(f"{version}, a pool of {connections}, {count:,}", count, seconds, "mails/s")


def _mailmerge(folder: str, mails: Path, port: int) -> Figure:
    """Its command, with two fields of the recipient: it guesses how its table is written, and commas mislead it."""
    command = _venv(folder, "mailmerge") / "mailmerge"
    took = []
    for count in (_FEW, _MORE):
        where = Path(folder) / f"merge-{count}"
        _write_merge(where, mails, port, count)
        began = time.perf_counter()
        _told([str(command), "--no-dry-run", "--no-limit"], where)
        took.append(time.perf_counter() - began)
    return rate(f"mailmerge, {_MORE - _FEW:,}", _MORE - _FEW, took[1] - took[0], "mails/s")


def _write_merge(where: Path, mails: Path, port: int, count: int) -> None:
    where.mkdir()
    with mails.open(encoding="utf-8") as lines:
        people = [json.loads(line) for line in islice(lines, count)]
    head = f"TO: {{{{to}}}}\nSUBJECT: Number {{{{number}}}}\nFROM: {plain.FROM}\nCONTENT-TYPE: text/html\n\n"
    body = people[0]["text"] + people[0]["html"]
    (where / "mailmerge_template.txt").write_text(f"{head}{body}\n{{{{to}}}}, {{{{number}}}}\n", encoding="utf-8")
    server = f"[smtp_server]\nhost = 127.0.0.1\nport = {port}\nsecurity = Never\n"
    (where / "mailmerge_server.conf").write_text(server, encoding="utf-8")
    rows = [f"{one['to']},{number}" for number, one in enumerate(people, 1)]
    (where / "mailmerge_database.csv").write_text("\n".join(["to,number", *rows, ""]), encoding="utf-8")


def _official_library(folder: str, mails: Path, port: int) -> Figure:
    command = [str(_venv(folder, "sendgrid") / "python"), str(HOUSE / "benchmarks/sdk.py"), str(mails), str(port)]
    seconds = float(_told([*command, ground.KEY]))
    return rate(f"SendGrid's own library, one by one, {_ONE_BY_ONE:,}", _ONE_BY_ONE, seconds)


def _venv(folder: str, package: str) -> Path:
    """The folder of a new venv's commands, with the package in it."""
    where = Path(folder) / f"venv-{package}"
    _installed([sys.executable, "-m", "venv", str(where)])
    _installed([str(where / "bin/pip"), "install", "-q", _PACKAGES[package]])
    return where / "bin"


def _installed(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
        raise _Missing(f"could not be installed: {last}")


def _told(command: Sequence[str], where: Path = HOUSE) -> str:
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, timeout=_LONGEST, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)
