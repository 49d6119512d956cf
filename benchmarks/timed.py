"""On real time, through `mergecast run` as a process: a campaign starts when it is due, a throttle holds."""

import contextlib
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks import ground, servers
from benchmarks.figures import Figure
from tests.doubles.command_line import CommandLine
from tests.doubles.serving import serving
from tests.doubles.smtp_server import SmtpServer

_AHEAD = 5  # seconds
_RATE, _SECONDS = 50, 20
_PEOPLE = 1_200  # more than can leave in the time
_A_RUN = 5  # seconds between two restarts
_OFFSETS = range(-11, 13)  # hours; one zone for each
_APART, _IN_A_ZONE = 2, 10  # seconds between two zones' starts, people in each
_UNTIL_QUEUED = 15  # seconds that importing and checking may take before the first of them
_FIRST_OF_EACH_ZONE = """
    SELECT lanes.zone, min(leased_at) FROM messages JOIN lanes ON lanes.id = messages.lane
    WHERE leased_at IS NOT NULL GROUP BY lanes.zone"""
_ENOUGH = 32  # connections: more than 50/s times half a second, and what a message needs besides


def starts(repeat: int, *, quick: bool) -> list[Figure]:
    """A campaign scheduled five seconds ahead."""
    with _workspace(100, at=_AHEAD) as (line, _arrived), line.running("run", "--until-idle") as worker:
        worker.process.wait(_AHEAD + 30)
        leased = _leased(line.folder)
        (starts_at,) = _asked(line.folder, "SELECT starts_at FROM campaigns")[0]
    late = (leased[0] - starts_at) / 1_000_000
    assert late >= 0, f"It began {-late} s before its time."
    return [Figure("first lease after a start 5 s ahead", late, "s", target=0.5, at_most=True)]


def zones(repeat: int, *, quick: bool) -> list[Figure]:
    """A campaign on the clocks of 24 zones, each with a start of its own two seconds after the one before."""
    with _settled() as (root, _arrived):
        line = CommandLine(root, ground.environment(), cold=True)
        first = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=_UNTIL_QUEUED)
        meant = _write_world(root / "world.csv", first)
        line.run("import", "world.csv", "--list", "world", status=None)
        named = ("--template", "letter", "--list", "world", "--transport", "relay")
        line.run("create", "world", *named, "--zone", "recipient", "--at-column", "leaves")
        line.run("send", "world", "--yes")
        assert datetime.now(UTC) < first, "To import and to check took too long."
        with line.running("run", "--until-idle") as worker:
            worker.process.wait(_UNTIL_QUEUED + _APART * len(_OFFSETS) + 30)
        began = dict(_asked(root, _FIRST_OF_EACH_ZONE))
    assert began.keys() == meant.keys(), "Some zones got nothing."
    late = [(began[zone] - round(at.timestamp() * 1_000_000)) / 1_000_000 for zone, at in meant.items()]
    assert min(late) >= 0, f"A zone began {-min(late)} s before its time."
    what = f"first lease of each of {len(late)} zones, {_APART} s apart"
    return [
        Figure(f"{what}: the latest", max(late), "s", target=0.5, at_most=True),
        Figure(f"{what}: on average", sum(late) / len(late), "s"),
    ]


def _write_world(path: Path, first: datetime) -> dict[str, datetime]:
    """A sheet of people in 24 zones, with each one's start on a clock there; when that is in each zone."""
    meant = {_zone(hours): first + timedelta(seconds=_APART * n) for n, hours in enumerate(_OFFSETS)}
    rows = ["email,first_name,last_name,orders,revenue,last_order,city,zone,leaves"]
    for n, (zone, at) in enumerate(meant.items()):
        wall = f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M:%S}"
        rows += [
            f"z{n}p{i}@mergecast-fair.org,Ada,Lovelace,3,12,2026-01-01,Ulm,{zone},{wall}" for i in range(_IN_A_ZONE)
        ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return meant


def _zone(hours: int) -> str:
    return f"Etc/GMT{-hours:+d}"  # POSIX: in Etc/GMT-2 clocks are two hours ahead


def throttled(repeat: int, *, quick: bool) -> list[Figure]:
    """`--throttle 50/s` for 20 seconds."""
    with _workspace(_PEOPLE, "--throttle", f"{_RATE}/s") as (line, arrived), line.running("run") as worker:
        until = time.monotonic() + 30
        while not arrived and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(_SECONDS + 0.5)
        worker.process.terminate()
        worker.process.wait(40)
        leased = _leased(line.folder)
    micros = [round(at * 1_000_000) for at in sorted(arrived)]
    within = sum(at - leased[0] < _SECONDS * 1_000_000 for at in leased)
    what = f"--throttle {_RATE}/s"
    return [
        Figure(f"{what}: most leases in any second", most_in_a_second(leased), "", target=_RATE, at_most=True),
        Figure(f"{what}: most mails at the sink in any second", most_in_a_second(micros), "", target=52, at_most=True),
        Figure(f"{what}: leases in the first {_SECONDS} s", within, "", target=990),
    ]


def paced(repeat: int, *, quick: bool) -> list[Figure]:
    """`--throttle 50/s` at 0, 100 and 500 ms of delay, with connections enough, over three restarts."""
    figures = []
    for delay in (0.0, 0.1, 0.5):
        with _workspace(_PEOPLE, "--throttle", f"{_RATE}/s", delay=delay, connections=_ENOUGH) as (line, arrived):
            shares = [_share_of_rate(line, arrived) for _ in range(2 if quick else 4)]
            most = most_in_a_second(_leased(line.folder))
        what = f"--throttle {_RATE}/s, {round(delay * 1000)} ms, {len(shares) - 1} restarts"
        figures += [
            Figure(f"{what}: the slowest run's share of the rate", min(shares), "", target=0.99),
            Figure(f"{what}: most leases in any second", most, "", target=_RATE, at_most=True),
        ]
    return figures


def _share_of_rate(line: CommandLine, arrived: list[float]) -> float:
    """One run of the worker, from its first lease to its last: how much of the set rate it reached."""
    before, there = len(_leased(line.folder)), len(arrived)
    with line.running("run") as worker:
        until = time.monotonic() + 30
        while len(arrived) == there and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(_A_RUN)
        worker.process.terminate()
        worker.process.wait(40)
    mine = _leased(line.folder)[before:]
    return (len(mine) - 1) / ((mine[-1] - mine[0]) / 1_000_000) / _RATE


def most_in_a_second(micros: Sequence[int]) -> int:
    """The most instants, sorted, that any half-open second holds."""
    most = first = 0
    for place, at in enumerate(micros):
        while micros[first] <= at - 1_000_000:
            first += 1
        most = max(most, place - first + 1)
    return most


@contextlib.contextmanager
def _settled(delay: float = 0.0, connections: int = 4) -> Iterator[tuple[Path, list[float]]]:
    """A workspace whose relay is a sink on this machine, and the instants at which its mails arrive."""
    arrived: list[float] = []
    server = SmtpServer(on_mail=lambda _mail: arrived.append(time.time()))
    with contextlib.ExitStack() as open_now:
        folder = open_now.enter_context(tempfile.TemporaryDirectory())
        open_now.enter_context(serving(server))
        port = open_now.enter_context(servers.delaying(server.port, delay / 2)) if delay else server.port
        root = Path(folder) / "workspace"
        ground.new_workspace(root)
        ground.settle(root, port, connections)
        yield root, arrived


@contextlib.contextmanager
def _workspace(
    people: int, *options: str, at: int = 0, delay: float = 0.0, connections: int = 4
) -> Iterator[tuple[CommandLine, list[float]]]:
    """A queued campaign, made on the command line, and the instants at which its mails arrive."""
    with _settled(delay, connections) as (root, arrived):
        ground.write_sheet(root / "people.csv", people)
        line = CommandLine(root, ground.environment(), cold=True)
        line.run("import", "people.csv", "--list", ground.LIST, status=None)
        named = ("--template", ground.TEMPLATE, "--list", ground.LIST, "--transport", "relay")
        line.run("create", ground.CAMPAIGN, *named, *options)
        line.run("check", ground.CAMPAIGN, status=None)
        start = datetime.now(UTC) + timedelta(seconds=at + 2)  # asking takes a moment, too
        line.run("send", ground.CAMPAIGN, "--yes", *(("--at", f"{start:%Y-%m-%dT%H:%M:%S}") if at else ()))
        yield line, arrived


def _leased(root: Path) -> list[int]:
    rows = _asked(root, "SELECT leased_at FROM messages WHERE leased_at IS NOT NULL ORDER BY leased_at")
    return [leased_at for (leased_at,) in rows]


def _asked(root: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(root / "mergecast.db")) as store:
        return store.execute(query).fetchall()
