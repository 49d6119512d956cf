"""The worker as a process among others: its lock, its end, and what another terminal tells it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from campaigns.model.states import MessageState
from campaigns.store import tables
from campaigns.store.lock import worker_lock
from tests.crash.ground import Ground, Taken, kill, relay
from tests.doubles.command_line import until
from tests.doubles.serving import serving
from tests.doubles.smtp_server import SmtpServer

SLOW = 2.0  # seconds

HOLDER = """
import subprocess, sys
from pathlib import Path
from campaigns.store.lock import worker_lock

with worker_lock(Path(sys.argv[1])):
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=sys.stdin)
    print(child.pid, flush=True)
    child.wait()
"""


def test_a_second_worker_is_refused_until_kill_9_ends_the_first(ground: Ground, taken: Taken) -> None:
    with serving(SmtpServer(on_mail=taken.mail)) as server:
        ground.settle(relay(server.port, 4))
        ground.fill(300, throttles="20/s")
        with ground.worker() as first:
            taken.reaches(5)
            refused = ground.line.run("run", status=2)
            assert f"A worker already runs on this database: process {first.process.pid} on " in refused.err
            kill(first)
        with ground.worker() as second:
            until(lambda: second.has_said("worker.started"))
            taken.reaches(taken.count + 5)
            kill(second)


def test_a_child_of_a_dead_process_does_not_keep_its_lock(tmp_path: Path) -> None:
    database = tmp_path / "mergecast.db"
    child_reads, child_waits_for = os.pipe()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(database)], stdin=child_reads, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        child = int(holder.stdout.readline())
        holder.kill()
        holder.wait()
        os.kill(child, 0)  # it lives
        with worker_lock(database):
            pass
    finally:
        os.close(child_waits_for)  # which ends the child
        os.close(child_reads)
        holder.kill()
        holder.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_leases_nothing_more_and_waits_for_the_replies(
    ground: Ground, taken: Taken, number: signal.Signals
) -> None:
    with serving(SmtpServer(delay=SLOW, on_mail=taken.mail)) as server:
        ground.settle(relay(server.port, 4))
        ground.fill(100)
        with ground.line.running("run") as running:
            taken.reaches(4)
            running.process.send_signal(number)
            ended = running.ends(SLOW + 10)
    assert ended.status == 0
    assert "4 accepted" in ended.out
    states = list(ground.states().values())
    assert states.count(MessageState.ACCEPTED) == taken.count == 4
    assert states.count(MessageState.QUEUED) == 96
    assert ground.rows(tables.workers)[0].stopped_at is not None


def test_a_pause_in_another_terminal_is_felt_within_a_second(ground: Ground, taken: Taken) -> None:
    with serving(SmtpServer(delay=0.02, on_mail=taken.mail)) as server:
        ground.settle(relay(server.port, 8))
        ground.fill(5_000)
        with ground.line.running("run") as running:
            taken.reaches(100)
            ground.line.run("pause", "fair")
            until(lambda: not ground.count(MessageState.LEASED))
            standing = taken.count
            ground.line.run("status", status=None)
            assert taken.count == standing < 5_000
            paused = next(row.at for row in ground.rows(tables.history) if row.verb == "pause")
            felt = taken.at[-1] - paused / 1_000_000
            assert felt < 1.0
            print(f"the last mail came {felt:.3f} s after the pause")
            ground.line.run("resume", "fair")
            taken.reaches(standing + 100)
            kill(running)
