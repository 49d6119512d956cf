"""A workspace with lists, templates and drafts, made once a test run and copied for each test that changes it."""

import shutil
import textwrap
from pathlib import Path

import pytest

from tests.doubles.command_line import CommandLine
from tests.doubles.once import made_once

LETTER = "---\nsubject: Hello {{ first_name }}\n---\nDear {{ first_name }} of {{ city }}.\n\n[leave]({{ unsubscribe_url }})\n"
SENDER = "Ada <ada@mergecast-fair.org>"
SETTINGS = f'zone = "Europe/Berlin"\n[sender]\nfrom = "{SENDER}"\nalso = ["Grace <grace@mergecast-fair.org>"]\n'
MANY = 300
PEOPLE = """email,first_name,city
ada@example.org,Ada,London
bob@example.net,Bob,Ulm
cy@example.com,Cy,
broken@example,Eve,Rome
ADA@EXAMPLE.ORG,Ada twice,London
"""


def prepared(factory: pytest.TempPathFactory, folder: Path, settings: str = "") -> CommandLine:
    """The workspace in `folder`: templates `letter` and `note`, and two drafts of `letter`, both rehearsals.

    `spring` goes to the list `people`, three good rows of five; `crowd` to `many`, MANY rows, all good.
    """
    whole = made_once(factory, "prepared", _make)
    shutil.copytree(whole, folder, dirs_exist_ok=True)
    folder.chmod(0o700)
    if settings:
        with (folder / "mergecast.toml").open("a", encoding="utf-8") as file:
            file.write(textwrap.dedent(settings))
    return CommandLine(folder)


def relay(port: int, more: str = "") -> str:
    """The settings of a transport `relay`: an SMTP server on this machine."""
    return f'[transports.relay]\nkind = "smtp"\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\n{more}'


def _make(folder: Path) -> Path:
    here = CommandLine(folder)
    here.run("init")
    (folder / "mergecast.toml").write_text(SETTINGS, encoding="utf-8")
    (folder / "people.csv").write_text(PEOPLE, encoding="utf-8")
    (folder / "templates" / "letter.md").write_text(LETTER, encoding="utf-8")
    (folder / "templates" / "note.txt").write_text("---\nsubject: A note\nkind: transactional\n---\nHi.\n", "utf-8")
    lines = "".join(f"p{n}@example.org,P{n},Ulm\n" for n in range(MANY))
    (folder / "many.csv").write_text(f"email,first_name,city\n{lines}", encoding="utf-8")
    here.run("import", "people.csv", "--list", "people", status=1)
    here.run("import", "many.csv", "--list", "many")
    here.run("create", "spring", "--template", "letter", "--list", "people")
    here.run("create", "crowd", "--template", "letter", "--list", "many")
    return folder
