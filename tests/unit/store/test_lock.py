import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from campaigns.errors import WorkerRunningError
from campaigns.store.lock import worker_lock

HOLDER = """
import sys, time
from pathlib import Path
from campaigns.store.lock import worker_lock
with worker_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""
PARENT = """
import subprocess, sys
from pathlib import Path
from campaigns.store.lock import worker_lock
with worker_lock(Path(sys.argv[1])):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
    print(child.pid, flush=True)
    import time; time.sleep(60)
"""


def started(script: str, database: Path) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen([sys.executable, "-c", script, str(database)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, process.stdout.readline().strip()


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout
    process.stdout.close()


def test_a_second_worker_is_told_which_process_runs_where_and_since_when(tmp_path: Path) -> None:
    with (
        worker_lock(tmp_path / "m.db"),
        pytest.raises(WorkerRunningError) as refused,
        worker_lock(tmp_path / "m.db"),
    ):
        pass
    assert f"process {os.getpid()} on {os.uname().nodename}, since " in refused.value.sentence
    assert refused.value.remedy


def test_the_lock_is_free_again_after_its_block(tmp_path: Path) -> None:
    for _ in range(2):
        with worker_lock(tmp_path / "m.db"):
            pass


def test_kill_9_frees_the_lock(tmp_path: Path) -> None:
    process, said = started(HOLDER, tmp_path / "m.db")
    try:
        assert said == "held"
        with pytest.raises(WorkerRunningError, match=f"process {process.pid} "), worker_lock(tmp_path / "m.db"):
            pass
    finally:
        killed(process)
    with worker_lock(tmp_path / "m.db"):
        pass


def test_a_spawned_child_that_outlives_the_worker_does_not_keep_the_lock(tmp_path: Path) -> None:
    process, child = started(PARENT, tmp_path / "m.db")
    try:
        killed(process)
        with worker_lock(tmp_path / "m.db"):
            pass
    finally:
        os.kill(int(child), signal.SIGKILL)


def test_only_its_owner_may_read_the_lock_file(tmp_path: Path) -> None:
    with worker_lock(tmp_path / "m.db"):
        assert (tmp_path / "m.db.lock").stat().st_mode & 0o777 == 0o600


def test_a_lock_file_with_nothing_legible_in_it_still_refuses(tmp_path: Path) -> None:
    with worker_lock(tmp_path / "m.db"):
        (tmp_path / "m.db.lock").write_text("?")
        with pytest.raises(WorkerRunningError, match="another process"), worker_lock(tmp_path / "m.db"):
            pass
