"""Whether a long queue costs: the worker at a million queued messages, beside itself at ten thousand."""

import shutil
import time
from pathlib import Path
from typing import Any

from benchmarks import ground, servers
from benchmarks.dispatching import SENDGRID_CONNECTIONS, dispatch, queued
from benchmarks.figures import Figure, beside
from benchmarks.fresh import measured

_FEW, _MANY = 10_000, 1_000_000
_BATCHES = (250, 1_000)  # as it is unless set, and as the other benchmarks have it


def long_queue(repeat: int, *, quick: bool) -> list[Figure]:
    """SendGrid: CPU a message and peak memory at a million queued, and at ten thousand."""
    number = _MANY // 10 if quick else _MANY
    with queued(_FEW, "cloud") as few, queued(number, "cloud") as many, servers.sendgrid_sink() as port:
        # by turns: a busy machine makes the same work dearer
        pairs = [(_cost(few, few, port), _cost(many, few, port)) for _ in range(min(repeat, 2))]
        here, there = map(min, zip(*pairs, strict=True))
        peaks = {batch: _peak(many, port, batch) for batch in _BATCHES}
    a_few = Figure(f"worker's CPU, {_FEW:,} queued, start and end left out", here, "µs a message")
    most = Figure(f"worker's CPU, {number:,} queued, start and end left out", there, "µs a message")
    return [
        a_few,
        beside(most, a_few, f"{_FEW:,} queued"),
        Figure(
            f"worker's CPU a message, {number:,} : {_FEW:,} queued", there / here, "times", target=1.1, at_most=True
        ),
        *(
            Figure(f"worker's peak memory, {number:,} queued, {batch:,} a request", peak, "MB", target=80, at_most=True)
            for batch, peak in peaks.items()
        ),
    ]


def send_all(folder: str, warm: str, port: int) -> dict[str, Any]:
    """CPU seconds a message, in a process that has sent all of `warm` before, without what a run with nothing to do takes."""
    _send(warm, port)
    seconds, sent = _send(folder, port)
    nothing, _ = _send(folder, port)
    return {"seconds": (seconds - nothing) / sent}


def _cost(original: str, warm: str, port: int) -> float:
    """Microseconds a message, on fresh copies."""
    copies = [f"{original}-sent", f"{original}-warm"]
    for one, copy in zip((original, warm), copies, strict=True):
        shutil.copytree(one, copy)
    told = measured(send_all, folder=copies[0], warm=copies[1], port=port).told
    for copy in copies:
        shutil.rmtree(copy)
    return float(told["seconds"]) * 1_000_000


def _peak(original: str, port: int, batch: int) -> float:
    """MB of a worker that sends all, on a fresh copy."""
    copy = f"{original}-{batch}"
    shutil.copytree(original, copy)
    peak = measured(dispatch, folder=copy, port=port, connections=SENDGRID_CONNECTIONS, batch=batch).peak
    shutil.rmtree(copy)
    return peak / 2**20


def _send(folder: str, port: int) -> tuple[float, int]:
    """CPU seconds of one run until idle, and how many messages were accepted."""
    from campaigns.actions.desk import open_desk
    from scheduler.sending import log_to, run

    log_to(quiet=True)
    with open_desk(ground.settle(Path(folder), port, SENDGRID_CONNECTIONS), "benchmark") as desk:
        began = time.process_time()
        settled = run(desk, until_idle=True, accept_restored=True).messages
        return time.process_time() - began, settled.get("accepted", 0)
