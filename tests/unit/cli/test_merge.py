"""`merge` and `doctor`, whose last steps belong to the worker's side: here somebody else takes them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from campaigns.actions.desk import Desk
from campaigns.actions.doctor_check import Check, CheckState
from campaigns.actions.init import init
from campaigns.cli.face import Face, main
from campaigns.cli.house import add_doctor
from campaigns.cli.merge import add_merge

SHEET = "First Name;E-Mail\nAda;ada@example.com\nBob;bob@example\nCleo;cleo@example.org\n"
TEMPLATE = "---\nsubject: Hello {{ first_name }}\n---\nHi {{ first_name }}\n\n[leave]({{ unsubscribe_url }})\n"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder but for a sheet and a template, and one stands in it."""
    for name in ("MERGECAST_WORKSPACE", "MERGECAST_USER", "MERGECAST_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "mine"
    root.mkdir(mode=0o775)
    (root / "people.csv").write_text(SHEET, encoding="utf-8")
    (root / "welcome.md").write_text(TEMPLATE, encoding="utf-8")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def sent() -> list[str]:
    """Campaigns that were handed to the worker's side."""
    return []


@pytest.fixture
def run(folder: Path, sent: list[str], capsys: pytest.CaptureFixture[str]) -> Run:
    app = typer.Typer(rich_markup_mode=None)

    def run_until_idle(_face: Face, desk: Desk, name: str) -> None:
        assert desk.workspace.root == folder
        sent.append(name)

    @app.callback()
    def several() -> None:
        """More than one command, or Typer would leave out their names."""

    add_merge(app, run_until_idle)
    add_doctor(
        app, lambda _workspace: [lambda: [Check("relay", CheckState.BAD, "It refuses the password.", "Mend it.")]]
    )

    def run(*args: str) -> tuple[int, str, str]:
        status = main(app, list(args))
        return status, *capsys.readouterr()

    return run


def asked(run: Run, *args: str) -> tuple[int, dict[str, Any]]:
    status, out, _ = run(*args, "--json")
    document = json.loads(out)
    assert isinstance(document, dict)
    return status, document


def test_in_an_empty_folder_a_workspace_is_made_and_the_mail_is_handed_on(
    run: Run, folder: Path, sent: list[str]
) -> None:
    status, out, err = run("merge", "people.csv", "welcome.md", "--yes")
    assert status == 0
    assert "Made a workspace here" in err
    assert "2 mails queued as a rehearsal" in out
    assert "No worker" not in out  # it is about to be one itself
    assert sent == ["welcome-people"]
    assert (folder / "mergecast.db").is_file()


def test_previews_are_there_to_open_before_anybody_is_asked(run: Run, folder: Path) -> None:
    _, _, err = run("merge", "people.csv", "welcome.md", "--yes")
    shown = [Path(line.strip()) for line in err.splitlines() if line.strip().endswith(".eml")]
    assert 1 <= len(shown) <= 3
    assert all(path.is_file() for path in shown)


def test_without_a_yes_nothing_is_queued(run: Run, sent: list[str]) -> None:
    status, told = asked(run, "merge", "people.csv", "welcome.md")
    assert status == 2
    assert "--yes" in told["error"]["remedy"]
    assert sent == []


def test_a_program_gets_one_document(run: Run) -> None:
    status, told = asked(run, "merge", "people.csv", "welcome.md", "--yes")
    assert status == 0
    assert (told["campaign"], told["queued"], told["left_out"], told["leaves"]) == ("welcome-people", 2, 1, False)


def test_a_later_start_is_queued_and_left_to_the_worker(run: Run, sent: list[str]) -> None:
    status, out, _ = run(
        "merge", "people.csv", "welcome.md", "--yes", "--at", "2099-12-01 09:00", "--zone", "Europe/Berlin"
    )
    assert status == 0
    assert "Tuesday 1 December 2099, 09:00 Europe/Berlin" in out
    assert "No worker is running" in out
    assert sent == []


def test_the_next_merge_of_the_same_gets_the_next_name(run: Run, sent: list[str]) -> None:
    assert run("merge", "people.csv", "welcome.md", "--yes")[0] == 0
    assert run("merge", "people.csv", "welcome.md", "--yes")[0] == 0
    assert sent == ["welcome-people", "welcome-people-2"]


@pytest.mark.parametrize(
    "args",
    [
        ("missing.csv", "welcome.md"),
        ("people.csv", "missing.md"),
        ("welcome.md", "welcome.md"),
        ("people.csv", "welcome.md", "--at", "01/02/2099 09:00"),
        ("people.csv", "welcome.md", "--throttle", "fast"),
        ("people.csv", "welcome.md", "--zone", "Europe/Atlantis"),
        ("people.csv", "welcome.md", "--transport", "relay"),
        ("people.csv", "welcome.md", "--type", "a=b"),
        ("people.csv", "welcome.md", "--from", "nobody"),
    ],
)
def test_bad_input_leaves_the_folder_as_it_was(run: Run, folder: Path, args: tuple[str, ...]) -> None:
    before = sorted(folder.rglob("*"))
    status, told = asked(run, "merge", *args)
    assert status == 2
    assert told["error"]["remedy"]
    assert sorted(folder.rglob("*")) == before


def test_doctor_is_1_with_a_fault_and_shows_every_probe(run: Run, tmp_path: Path) -> None:
    init(tmp_path / "shop", zone="UTC", example=False)
    status, told = asked(run, "doctor", "--workspace", str(tmp_path / "shop"))
    assert status == 1
    assert told["checks"][-1] == {
        "name": "relay",
        "state": "bad",
        "sentence": "It refuses the password.",
        "remedy": "Mend it.",
    }
    assert {"workspace", "settings", "database"} <= {check["name"] for check in told["checks"]}


def test_doctor_outside_of_a_workspace_says_so(run: Run) -> None:
    assert "No workspace here." in run("doctor")[2]
