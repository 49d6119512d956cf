"""Each verb once in an interpreter of its own: nothing that it needs was there because something else had loaded it.

Other tests start commands warm (`tests/doubles/warm.py`). What is typed at a terminal starts cold anyway: the commands of
the README, `import` and `merge` with questions. So do the service of `docs/operating.md`, and the workers that end between
two steps (`tests/crash/`).
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.doubles.command_line import CommandLine
from tests.doubles.prepared import prepared

COMMANDS = {
    "--help": 0,
    "import people.csv --list more": 1,
    "preview letter --list people": 0,
    "check spring": 1,
    "approve spring": 0,
    "send spring --yes": 0,
    "run --until-idle": 0,
    "resend spring --failed": 2,
    "uncertain confirm spring --yes": 2,
    "suppress import people.csv": 1,
    "suppress export never.csv": 0,
    "versions restore letter 1": 0,
    "upgrade": 0,
}


def test_every_verb_works_in_an_interpreter_of_its_own(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    here = CommandLine(prepared(tmp_path_factory, tmp_path / "shop").folder, cold=True)
    ended = {command: here.run(*command.split(), status=None) for command in COMMANDS}
    assert {command: ran.status for command, ran in ended.items()} == COMMANDS, ended
    assert not [ran for ran in ended.values() if "made a mistake" in ran.err]


def test_a_look_at_the_status_loads_what_it_needs_and_no_more(tmp_path: Path) -> None:
    """People wait for each import at each command."""
    code = "import sys, scheduler.cli, campaigns.actions.status; print(*sys.modules)"
    environment = CommandLine(tmp_path).environment()
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    loaded = set(ran.stdout.split())
    assert "sqlalchemy.dialects.sqlite" in loaded
    for module in ("sqlalchemy.dialects.postgresql", "alembic", "babel", "httpx", "jinja2", "openpyxl", "structlog"):
        assert module not in loaded
