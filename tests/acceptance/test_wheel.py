"""The wheel carries everything that `demo` and `init` need, wherever it is installed."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked as pip would."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_runs_the_demo_without_the_checkout(installed: Path, tmp_path: Path) -> None:
    answer = _mergecast(installed, tmp_path, "demo")
    assert answer.returncode == 0, answer.stderr
    assert "70 rows = 11 left out + 59 mails." in answer.stdout
    assert len(list((tmp_path / "mergecast-demo" / "mail" / "new").iterdir())) == 97


def test_the_wheel_makes_a_workspace_that_works_at_once(installed: Path, tmp_path: Path) -> None:
    assert _mergecast(installed, tmp_path, "init", "office").returncode == 0
    office = tmp_path / "office"
    answer = _mergecast(installed, office, "merge", "people.csv", "invitation", "--yes")
    assert answer.returncode == 0, answer.stderr
    assert "Nobody has received anything." in answer.stdout


def _mergecast(site: Path, cwd: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [
        sys.executable,
        "-P",
        "-c",
        "import sys; from scheduler.cli import main; sys.argv[0] = 'mergecast'; main()",
    ]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(
        [*command, *words], cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
