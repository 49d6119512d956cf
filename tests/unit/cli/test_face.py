import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from campaigns.cli.face import NEEDS_A_PERSON, Face, main, verb
from campaigns.cli.house import zone_of_machine
from campaigns.errors import CampaignError, TemplateError, Where
from campaigns.workspace import Workspace

seen: list[Face] = []


class Told:
    def __init__(self, **document: Any) -> None:
        self.document = document

    def as_json(self) -> dict[str, Any]:
        return self.document


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


def an_app() -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

    @verb(app, "greet")
    def greet(face: Face, name: str, *, loud: Annotated[bool, typer.Option("--loud")] = False) -> None:
        """Say hello."""
        seen.append(face)
        face.show(Told(name=name, loud=loud), lambda screen, told: screen.say(f"Hello {told['name']}"))

    @verb(app, "fail")
    def fail(face: Face, how: str) -> None:
        """Fail in the way that is asked for."""
        match how:
            case "campaign":
                raise CampaignError("It [bold]stops[/bold].", where=Where(file="a.md", line=3), remedy="Mend it.")
            case "template":
                where = Where(file="a.md", line=3, column="9")
                raise TemplateError("No such field.", where=where, source_line="    Hi {{ nmae }}")
            case "system":
                raise FileNotFoundError(2, "No such file or directory", "people.csv")
            case "keyboard":
                raise KeyboardInterrupt
            case "person":
                raise typer.Exit(NEEDS_A_PERSON)
            case "ask":
                face.confirm("Send 3 mails?")
        msg = "what nobody foresaw: hunter2"
        raise ZeroDivisionError(msg)

    return app


def run(*args: str) -> int:
    return main(an_app(), list(args))


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The one document on standard output."""
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_every_command_has_the_shared_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("greet", "--help") == 0
    said = capsys.readouterr().out
    assert all(option in said for option in ("--workspace", "--json", "--as", "--loud"))


def test_a_verb_gets_the_shared_options_as_its_face() -> None:
    assert run("greet", "Ada", "--as", "grace", "--workspace", "/srv/shop") == 0
    assert (seen[-1].who, seen[-1].folder, seen[-1].json) == ("grace", Path("/srv/shop"), False)


def test_a_person_gets_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("greet", "Ada") == 0
    assert capsys.readouterr().out == "Hello Ada\n"


def test_a_program_gets_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("greet", "Ada", "--json", "--loud") == 0
    assert document(capsys) == {"name": "Ada", "loud": True}


def test_foreign_markup_and_control_characters_are_printed_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("greet", "[red]Ada[/red] :smile: \x1b[31m\x9b1m\u202e\x07") == 0
    said = capsys.readouterr().out
    assert "[red]Ada[/red] :smile:" in said
    assert not any(harmful in said for harmful in "\x1b\x9b\u202e\x07")


def test_an_error_is_its_sentence_its_place_and_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fail", "campaign") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "It [bold]stops[/bold].\n  a.md, line 3\nMend it.\n"


def test_a_template_s_mistake_is_shown_in_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fail", "template") == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[2].strip() == "Hi {{ nmae }}"
    assert lines[2][lines[3].index("^")] == "{{ nmae }}"[1]  # column 9 of the source line


def test_an_error_is_a_document_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fail", "campaign", "--json") == 2
    assert document(capsys) == {
        "error": {
            "kind": "campaign",
            "sentence": "It [bold]stops[/bold].",
            "where": {"file": "a.md", "sheet": None, "row": None, "column": None, "line": 3},
            "remedy": "Mend it.",
        }
    }


@pytest.mark.parametrize(
    "args", [["greet"], ["greet", "a", "--nope"], ["nope"], ["greet", "a", "b"], ["greet", "a", "--as"]]
)
def test_called_wrongly_is_2_with_a_document(capsys: pytest.CaptureFixture[str], args: list[str]) -> None:
    assert run(*args, "--json") == 2 if args[-1] != "--as" else run("greet", "--json", "a", "--as") == 2
    error = document(capsys)["error"]
    assert error["kind"] == "usage"
    assert error["sentence"].endswith(".")
    assert "--help" in error["remedy"]


def test_called_wrongly_is_said_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("greet", "a", "--nope") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "--nope" in err
    assert "mergecast greet --help" in err


def test_what_needs_a_person_is_1() -> None:
    assert run("fail", "person") == 1


def test_the_keyboard_stops_it_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fail", "keyboard") == 130
    assert capsys.readouterr().err.strip() == "Stopped."


def test_the_keyboard_leaves_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fail", "keyboard", "--json") == 130
    assert "error" in document(capsys)


def test_the_system_s_refusal_names_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fail", "system") == 2
    assert capsys.readouterr().err.startswith("people.csv: No such file or directory.")


def test_our_own_mistake_is_one_sentence_and_a_log_for_its_owner(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run("fail", "otherwise") == 2
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert "hunter2" not in err
    [log] = tmp_path.iterdir()
    assert str(log) in err
    assert "ZeroDivisionError" in log.read_text(encoding="utf-8")
    assert log.stat().st_mode & 0o077 == 0


def test_our_own_mistake_is_raised_for_whoever_debugs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERGECAST_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run("fail", "otherwise")


def test_nobody_is_asked_where_nobody_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fail", "ask") == 2
    assert "--yes" in capsys.readouterr().err


@pytest.mark.parametrize(("typed", "meant"), [("y", True), ("YES", True), ("", False), ("n", False), ("yo", False)])
def test_only_a_yes_is_a_yes(monkeypatch: pytest.MonkeyPatch, typed: str, meant: bool) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed + "\n"))
    assert Face().confirm("Send 3 mails?") is meant


def test_the_end_of_the_input_is_no_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(""))
    assert Face().confirm("Send 3 mails?") is False


def test_where_the_clock_is_utc_a_person_is_asked_until_the_zone_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("campaigns.actions.init.machine_zone", lambda: "UTC")
    monkeypatch.setattr("sys.stdin", Terminal("Berlin\nEurope/Berlin\n"))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert zone_of_machine(Face()) == "Europe/Berlin"
    assert "Did you mean Europe/Berlin?" in capsys.readouterr().err


def test_nobody_is_asked_for_a_zone_by_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.actions.init.machine_zone", lambda: "UTC")
    assert zone_of_machine(Face(json=True)) == "UTC"


def test_a_closed_pipe_ends_quietly() -> None:
    code = (
        "import sys, tests.unit.cli.test_face as t\n"
        "from campaigns.cli.face import main\n"
        "sys.exit(main(t.an_app(), ['greet', 'x' * 200_000, '--json']))"
    )
    reading, writing = os.pipe()
    os.close(reading)
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=writing,
        stderr=subprocess.PIPE,
        cwd=root,
        text=True,
        timeout=30,
        check=False,
    )
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 1


def test_help_is_quick_because_it_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from campaigns.cli.app import app\n"
        "from campaigns.cli.face import main\n"
        "main(app, ['--help'])\n"
        "heavy = {'sqlalchemy', 'jinja2', 'openpyxl', 'pydantic', 'alembic', 'babel'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, cwd=root, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_workspace_is_the_option_s(tmp_path: Path) -> None:
    (tmp_path / "mergecast.toml").write_text('user = "ada"', encoding="utf-8")
    (tmp_path / "mergecast.toml").chmod(0o600)
    tmp_path.chmod(0o700)
    workspace = Face(tmp_path).workspace()
    assert isinstance(workspace, Workspace)
    assert workspace.settings.user == "ada"
