"""From queued rows to settled rows, through each transport, beside what else sends as many mails in the same run."""

import contextlib
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import ground, plain, servers
from benchmarks.figures import Figure, beside, rate, skipped
from benchmarks.fresh import Measured, measured
from benchmarks.preparing import prepare

SMTP_CONNECTIONS, SENDGRID_CONNECTIONS = 32, 4
_SMALL, _LARGE = 10_000, 100_000
_BATCH = 1_000
_SLOW = 2_000  # mails for what is slow
_DISTANCES = (0.0, 0.02, 0.1)  # seconds each way
_WAY = 0.04  # seconds that bytes take each way to a far server


def smtp(repeat: int, *, quick: bool) -> list[Figure]:
    """SMTP into Postfix's smtp-sink, 32 connections."""
    if not servers.SINK:
        return [skipped("SMTP into smtp-sink", servers.NO_SINK)]
    figures: list[Figure] = []
    peaks = []
    for rows in (_SMALL,) if quick else (_SMALL, _LARGE):
        with queued(rows, "relay") as original, servers.smtp_sink() as port:
            best = best_run(original, port, SMTP_CONNECTIONS, repeat)
            first = measured(plain.send_by_smtplib, folder=original, port=port, count=_SLOW).told
            octets = round(first["octets"])
            seconds = min(plain.send_by_smtp_source(port, rows, octets) for _ in range(repeat))
        source = rate(f"smtp-source -d -s 16, {rows:,} of {octets:,} octets", rows, seconds, "mails/s")
        one_by_one = rate(f"smtplib, one by one, {_SLOW:,}", _SLOW, first["seconds"], "mails/s")
        what = f"SMTP, {SMTP_CONNECTIONS} connections, {rows:,}"
        sent = speed(what, best, target=8_000, goal=15_000)
        figures += [beside(sent, source, "smtp-source"), beside(replace(sent, target=None), one_by_one, "smtplib")]
        figures += [source, one_by_one, *_weights(best, f"SMTP, {rows:,}")]
        figures.append(
            Figure(f"store, {rows:,} settled", _bytes_each(best), "bytes a person", target=600, at_most=True)
        )
        peaks.append(best.peak)
    return figures + _growth(peaks, "SMTP")


def sendgrid(repeat: int, *, quick: bool) -> list[Figure]:
    """SendGrid into the double that only counts, 1,000 recipients a request."""
    figures: list[Figure] = []
    peaks = []
    for rows in (_SMALL,) if quick else (_SMALL, _LARGE):
        with queued(rows, "cloud") as original, servers.sendgrid_sink() as port:
            best = best_run(original, port, SENDGRID_CONNECTIONS, repeat)
            fixed = _post(original, port, rows, _BATCH)
            alone = _post(original, port, _SLOW, 1)
        sent = speed(f"SendGrid, {_BATCH:,} a request, {rows:,}", best, target=40_000, goal=80_000)
        figures += [beside(sent, fixed, "httpx"), beside(replace(sent, target=None), alone, "httpx, one a request")]
        figures += [fixed, alone, *_weights(best, f"SendGrid, {rows:,}")]
        peaks.append(best.peak)
    return figures + _growth(peaks, "SendGrid")


def maildir(repeat: int, *, quick: bool) -> list[Figure]:
    """A rehearsal: files in a mailbox folder."""
    with queued(_SMALL, "local") as original:
        best = best_run(original, 9, 1, repeat)
        told = measured(plain.add_to_mailbox, folder=original, count=_SLOW).told
    added = rate(f"mailbox.Maildir, {_SLOW:,}", _SLOW, told["seconds"], "mails/s")
    return [beside(speed(f"maildir, {_SMALL:,}", best), added, "mailbox.Maildir"), added]


def far(repeat: int, *, quick: bool) -> list[Figure]:
    """SMTP to a server that is 40 ms away, each way."""
    if not servers.SINK:
        return [skipped("SMTP, 40 ms each way", servers.NO_SINK)]
    rows, each, one_by_one = 4_000, 10, 20
    with (
        queued(rows, "relay") as original,
        servers.smtp_sink() as sink,
        servers.delaying(sink, _WAY) as port,
    ):
        best = best_run(original, port, SMTP_CONNECTIONS, repeat)
        told = measured(plain.send_by_smtplib, folder=original, port=port, count=one_by_one).told
        single = rate("smtplib, one by one, 40 ms each way", one_by_one, told["seconds"], "mails/s")
        count = each * SMTP_CONNECTIONS
        given = {"folder": original, "port": port, "count": count, "connections": SMTP_CONNECTIONS}
        told = measured(plain.send_by_smtplib, **given).told
        threads = rate(f"smtplib in {SMTP_CONNECTIONS} threads, 40 ms each way", count, told["seconds"], "mails/s")
    sent = speed(f"SMTP, {SMTP_CONNECTIONS} connections, 40 ms each way, {rows:,}", best)
    return [beside(sent, single, "smtplib"), beside(sent, threads, "smtplib in threads"), single, threads]


def wires(repeat: int, *, quick: bool) -> list[Figure]:
    """SMTP and the Web API side by side: at no distance, at 40 ms and at 200 ms there and back; octets a mail."""
    if not servers.SINK:
        return [skipped("SMTP and the Web API", servers.NO_SINK)]
    figures: list[Figure] = []
    for what, transport, sink, connections in (
        ("SMTP, 32 connections", "relay", servers.smtp_sink, SMTP_CONNECTIONS),
        (f"Web API, {_BATCH:,} a request, 4 at once", "cloud", servers.sendgrid_sink, SENDGRID_CONNECTIONS),
    ):
        with queued(_SMALL, transport) as original, sink() as here:
            for way in _DISTANCES:
                with servers.delaying(here, way) if way else contextlib.nullcontext(here) as port:
                    best = best_run(original, port, connections, repeat)
                figures.append(speed(f"{what}, {2_000 * way:.0f} ms there and back", best))
            octets = measured(plain.octets_a_mail, folder=original, count=_SLOW, batch=_BATCH).told
        figures.append(Figure(f"{what}", octets["smtp" if transport == "relay" else "web"], "octets a mail"))
    return figures


def dispatch(folder: str, port: int, connections: int, batch: int = _BATCH) -> dict[str, Any]:
    """One worker's run until idle: seconds from the first lease to the last settlement, and what was settled.

    `start` are the seconds from the worker's start to its first lease.
    """
    from campaigns.actions.desk import open_desk
    from scheduler.sending import log_to, run

    log_to(quiet=True)
    root = Path(folder)
    with open_desk(ground.settle(root, port, connections, batch), "benchmark") as desk:
        began = time.time()
        settled = run(desk, until_idle=True, accept_restored=True).messages  # each run is on a copy
    with sqlite3.connect(root / "mergecast.db") as store:
        first, last = store.execute("SELECT min(leased_at), max(settled_at) FROM messages").fetchone()
        (rows,) = store.execute("SELECT count(*) FROM recipients").fetchone()
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = (root / "mergecast.db").stat().st_size
    seconds, start = (last - first) / 1_000_000, first / 1_000_000 - began
    return {"seconds": seconds, "start": start, "settled": settled, "bytes_each": size / rows}


@contextlib.contextmanager
def queued(rows: int, transport: str) -> Iterator[str]:
    """A workspace whose campaign is due at once."""
    with tempfile.TemporaryDirectory() as folder:
        sheet, workspace = Path(folder) / "people.csv", f"{folder}/workspace"
        ground.write_sheet(sheet, rows)
        measured(prepare, folder=workspace, sheet=str(sheet), rows=rows, transport=transport)
        yield workspace


def best_run(original: str, port: int, connections: int, repeat: int) -> Measured:
    """The fastest of some runs, each on a fresh copy."""
    runs = []
    for run in range(repeat):
        copy = f"{original}-{run}"
        shutil.copytree(original, copy)
        runs.append(measured(dispatch, folder=copy, port=port, connections=connections))
        shutil.rmtree(copy)
    for one in runs:
        assert set(one.told["settled"]) == {"accepted"}, one
    return min(runs, key=lambda one: float(one.told["seconds"]))


def speed(what: str, best: Measured, **targets: Any) -> Figure:
    return rate(what, best.told["settled"]["accepted"], best.told["seconds"], "messages/s", **targets)


def _post(folder: str, port: int, count: int, batch: int) -> Figure:
    connections = SENDGRID_CONNECTIONS
    told = measured(plain.post_by_httpx, folder=folder, port=port, count=count, batch=batch, connections=connections)
    return rate(f"httpx, requests made beforehand, {batch:,} each", count, told.told["seconds"])


def _weights(best: Measured, what: str) -> list[Figure]:
    accepted = best.told["settled"]["accepted"]
    return [
        Figure(f"worker's CPU, {what}", best.cpu / accepted * 1_000_000, "µs a message"),
        Figure(f"worker's peak memory, {what}", best.peak / 2**20, "MB"),
        Figure(f"worker's start to its first lease, {what}", best.told["start"], "s"),
    ]


def _growth(peaks: list[int], what: str) -> list[Figure]:
    """Whether the worker's memory grows with the campaign."""
    if len(peaks) < 2:
        return []
    ratio = peaks[1] / peaks[0]
    what = f"worker's peak memory, {what}, {_LARGE:,} : {_SMALL:,}"
    return [Figure(what, ratio, "times", target=1.2, at_most=True)]


def _bytes_each(best: Measured) -> float:
    return float(best.told["bytes_each"])
