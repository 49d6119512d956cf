"""What `--help` says, as somebody reads it who has never seen Python."""

import io
import re

import pytest
from rich.cells import cell_len

from campaigns.cli.app import app
from campaigns.cli.face import main
from campaigns.cli.help import ORDER
from campaigns.cli.reference import cli_reference
from campaigns.cli.show import Screen

SENTENCE = "Unsubscribing is by mail to the sender: there is no one-click, and nobody reads that mailbox yet."


def test_no_help_names_a_type_of_python() -> None:
    assert not re.search(r"<(str|int|path|bool|list)|\{\w|\[x>=", cli_reference(app))


def test_commands_stand_in_the_order_in_which_people_meet_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(app, []) == 2
    listed = re.findall(r"^  (\w+)  ", capsys.readouterr().out.partition("Commands:")[2], re.MULTILINE)
    assert "import" in listed
    assert listed == [name for names in ORDER for name in names if name in listed]


@pytest.mark.parametrize("group", ["suppress", "uncertain"])
def test_a_group_alone_shows_its_commands(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(app, [group]) == 2
    shown = capsys.readouterr()
    assert "Commands:" in shown.out
    assert shown.err == ""


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> tuple[io.StringIO, Screen]:
    """A terminal of sixty columns."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")  # rich takes a dumb one for 80 columns wide
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    stream = Terminal()
    return stream, Screen(stream)


def test_a_sentence_is_wrapped_between_words(terminal: tuple[io.StringIO, Screen]) -> None:
    stream, screen = terminal
    screen.say(SENTENCE, lead="  warns      ")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).splitlines()
    assert " ".join(line.strip() for line in lines).replace("warns      ", "warns ") == f"warns {SENTENCE}"
    assert len(lines) > 1
    assert all(cell_len(line) <= 60 for line in lines)
    assert all(line.startswith(" " * 13) for line in lines[1:])


def test_a_path_stays_whole(terminal: tuple[io.StringIO, Screen]) -> None:
    stream, screen = terminal
    path = "/a/very/long/path" * 8
    screen.say(f"It is written to {path}")
    assert path in stream.getvalue()
