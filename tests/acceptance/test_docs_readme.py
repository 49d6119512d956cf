"""The README, typed word for word into a terminal by somebody who reads nothing else."""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from campaigns.settings import Settings
from tests.doubles import pages
from tests.doubles.command_line import CommandLine, Ran
from tests.doubles.serving import serving
from tests.doubles.smtp_server import SmtpServer

README = pages.page("README.md")
ANSWERS = {"[y/N]": "y", "Your time zone": "Europe/Berlin"}
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A new folder with the sheet that the README shows, as a workbook."""
    root = tmp_path / "mine"
    root.mkdir()
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in pages.tables(README)[0]:
        book.active.append([cell or None for cell in row])
    book.save(root / "people.xlsx")
    book.close()
    return root


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with serving(SmtpServer()) as double:
        yield double


def test_every_command_works_in_the_order_in_which_it_is_read(folder: Path, server: SmtpServer) -> None:
    env: dict[str, str] = {}
    for block in pages.blocks(README):
        if block.language == "markdown" and block.name:
            (folder / block.name).write_text(block.text, encoding="utf-8")
        elif block.language == "toml":
            env = a_person_edits(block.text, server.port)
        elif block.language == "console":
            for command in pages.typed(block):
                ran = CommandLine(folder, env).at_terminal(*command.args, answers=ANSWERS)
                assert ran.status == 0, (command, ran)
                assert_quoted(command, ran)
    assert sorted(to for mail in server.mails for to in mail.rcpt_to) == [
        "ada@example.org",
        "ada@your-company.com",  # the proof
        "bao@example.org",
        "chloe@example.org",
    ]


def a_person_edits(shown: str, port: int) -> dict[str, str]:
    """The settings that the README shows, but for the server, which is one on this machine."""
    settings = tomllib.loads(shown)
    return {
        "MERGECAST_SENDER__FROM": settings["sender"]["from"],
        "MERGECAST_TRANSPORTS__RELAY__HOST": "127.0.0.1",
        "MERGECAST_TRANSPORTS__RELAY__PORT": str(port),
        "MERGECAST_TRANSPORTS__RELAY__TLS": "none",
        "MERGECAST_TRANSPORTS__RELAY__USER": "",
    }


def assert_quoted(command: pages.Typed, ran: Ran) -> None:
    """Each quoted line stands in the answer, in this order; `...` is anything, and blanks do not count."""
    said, place = " ".join(_COLOURS.sub("", ran.out).split()), 0
    for line in command.quoted:
        pattern = ".*?".join(re.escape(" ".join(part.split())) for part in line.split("..."))
        found = re.compile(pattern).search(said, place)
        assert found, f"{line!r} does not stand in the answer to {command.args}: {said}"
        place = found.end()


def test_the_settings_that_it_shows_are_settings() -> None:
    for block in pages.blocks(README, "toml"):
        Settings.model_validate(tomllib.loads(block.text))


def test_the_first_screen_ends_in_a_first_merge() -> None:
    merged = README.index("mergecast merge people.xlsx welcome.md")
    assert README.count("\n", 0, merged) < 60


def test_every_file_that_it_links_to_is_there() -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (pages.ROOT / link).is_file(), link


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make on this machine")
def test_every_other_command_is_make_s_or_the_installation() -> None:
    for block in pages.blocks(README, "sh"):
        for line in block.text.splitlines():
            if line.startswith("make "):
                dry = ["make", "-n", *line.split()[1:]]
                subprocess.run(dry, cwd=pages.ROOT, check=True, capture_output=True, timeout=30)
            else:
                assert line == "pipx install ."
