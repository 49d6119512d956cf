"""A warm start is a process of its own, with what it was given and nothing else."""

import subprocess
from pathlib import Path

import pytest

from tests.doubles.command_line import CommandLine, until
from tests.doubles.prepared import prepared


def test_it_says_what_a_cold_start_says(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    here = prepared(tmp_path_factory, tmp_path / "shop")
    cold = CommandLine(here.folder, cold=True)
    for command in ("status --json", "report sprong", "nonsense", "check spring --as"):
        assert here.run(*command.split(), status=None) == cold.run(*command.split(), status=None)


def test_one_command_leaves_nothing_to_the_next(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = prepared(tmp_path_factory, tmp_path / "shop").folder
    assert CommandLine(tmp_path, {"MERGECAST_WORKSPACE": str(folder)}).json("status")["campaigns"]
    assert CommandLine(tmp_path).run("status", status=2).err.startswith("No workspace here.")


def test_what_takes_too_long_is_killed_and_the_next_command_runs(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    here = prepared(tmp_path_factory, tmp_path / "shop")
    with pytest.raises(TimeoutError):
        here.run("run", timeout=0.01)
    assert here.json("status")["worker"] is None


def test_what_goes_on_is_a_process_of_its_own_beside_other_commands(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    here = prepared(tmp_path_factory, tmp_path / "shop")
    with here.running("run") as worker, CommandLine(here.folder, cold=True).running("status", "--json") as cold:
        until(lambda: worker.has_said("worker.started"))
        assert worker.process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            worker.ends(timeout=0.01)
        assert here.json("status")["worker"]["pid"] == worker.process.pid
        assert worker.terminate()[0].status == 0
        assert cold.ends().document.keys() == here.json("status").keys()
    with here.running("run") as worker:
        until(lambda: worker.has_said("worker.started"))
        worker.process.kill()
        assert worker.process.wait(10) == -9
