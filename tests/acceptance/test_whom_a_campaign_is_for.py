"""Whom a campaign is for, as a person types it: conditions, excluded lists, nobody mailed lately; and mistakes."""

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from tests.doubles import documents
from tests.doubles.command_line import CommandLine
from tests.doubles.documents import mistakes
from tests.doubles.folders import files_of
from tests.doubles.prepared import LETTER, prepared, relay
from tests.doubles.serving import serving
from tests.doubles.smtp_server import SmtpServer

HEADER = ("E-Mail", "First name", "City", "Country", "Plan", "Seats", "Member since", "Newsletter")
ROWS = (
    ("ada@example.org", "Ada", "Ulm", "DE", "pro", 3, date(2024, 3, 1), True),
    ("bob@example.net", "Bob", "Bonn", "de ", "Free", 12, date(2026, 5, 1), True),
    ("cy@example.com", "Cy", "Rome", "IT", "pro", None, None, False),
    ("dee@example.com", "Dee", "Köln", "DE", None, 7.5, date(2025, 1, 31), True),
    ("eve@example.org", "Eve", "Kiel", "DE", "pro", 9, date(2025, 2, 1), True),
    ("nobody", "Flo", "Ulm", "DE", "pro", 9, date(2025, 2, 1), True),
    ("ADA@example.org", "Ada again", "Rome", "IT", "free", 1, None, False),
)
GERMAN = "country = 'DE' and plan != 'free' and member_since <= 2025-02-01 and (seats > 3 or newsletter = yes)"


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with serving(SmtpServer()) as server:
        yield server
    assert server.faults == []


@pytest.fixture
def here(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, server: SmtpServer) -> CommandLine:
    """The prepared workspace, a workbook with typed cells, and a list of people to be left alone."""
    here = prepared(tmp_path_factory, tmp_path / "shop", relay(server.port))
    write_club(here.folder / "club.xlsx")
    (here.folder / "partners.csv").write_text("email\nEVE@EXAMPLE.ORG\nzoe@example.org\n", encoding="utf-8")
    return here


def write_club(path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (HEADER, *ROWS):
        book.active.append(row)
    book.save(path)
    book.close()


def reached(server: SmtpServer) -> list[str]:
    found = sorted(address for kept in server.mails for address in kept.rcpt_to)
    server.mails.clear()
    return found


def test_two_campaigns_for_some_of_a_list_and_then_for_the_rest(here: CommandLine, server: SmtpServer) -> None:
    here.run("import", "club.xlsx", "--list", "club", status=1)
    here.run("import", "partners.csv", "--list", "Partners")
    to_club = ("--template", "letter", "--list", "club", "--transport", "relay")
    made = here.json("create", "german", *to_club, "--where", GERMAN, "--exclude", "partners")
    assert mistakes(made, documents.CAMPAIGN) == []
    assert made["campaign"]["audience"] == {"where": GERMAN, "exclude": ["Partners"], "not_mailed_in": ""}
    checked = here.json("check", "german", "--rows", "rows.csv", status=1)
    assert (checked["rows"], checked["ready"], checked["left_out"]) == (7, 2, 5)
    assert reasons(here.folder / "rows.csv") == {
        "3": "The condition of `--where` does not hold: plan != 'free'",
        "4": "The condition of `--where` does not hold: country = 'DE'",
        "6": "The person stands in an excluded list: list Partners",
    }
    assert here.json("send", "german", "--yes")["queued"] == 2
    here.run("run", "--until-idle")
    assert reached(server) == ["ada@example.org", "dee@example.com"]

    here.run("create", "rest", *to_club, "--not-mailed-in", "30d")
    assert here.json("send", "rest", "--yes")["queued"] == 3
    here.run("run", "--until-idle")
    assert reached(server) == ["bob@example.net", "cy@example.com", "eve@example.org"]
    report = here.json("report", "rest", "--rows", "rows.csv")
    assert reasons(here.folder / "rows.csv") == dict.fromkeys(
        "25", "The person was mailed not long ago: in the last 30 days"
    )
    assert report["left_out"] == {"rejected": 1, "duplicate": 1, "filtered": 2}
    assert report["adds_up"] is here.json("report", "german")["adds_up"] is True

    status = here.json("status", "german")
    assert mistakes(status, documents.STATUS) == []
    assert mistakes(status["campaigns"][0]["audience"], documents.AUDIENCE) == []
    said = here.run("status").out
    assert f"german: rows where {GERMAN}; nobody of the list Partners." in said
    assert "rest: nobody mailed in the last 30d." in said


def reasons(path: Path) -> dict[str, str]:
    """Why each filtered row is left out, by its number."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {line["row"]: line["reason"] for line in csv.DictReader(file) if line["state"] == "left out: filtered"}


MISTAKES = {
    "city = 'Ulm' and cuty = 'Rome'": [
        "The sheet has no field “cuty”.", "  column 18", "    city = 'Ulm' and cuty = 'Rome'", " " * 21 + "^", "Did you mean city?",
    ],
    "city = 'Zürich 東京' or city = 5": [  # two of its letters are two columns wide
        "The column city is a text, and 5 is a number.", " " * 35 + "^", "Put it in quotes: '5'. Or import",
    ],
    "city = 'Ulm'\n  and city = Rome": [
        "“Rome” is no value.", "  line 2, column 14", "    and city = Rome", " " * 15 + "^", "Text stands in quotes: 'Rome'.",
    ],
    " ".join(["city = 'Ulm' or"] * 200): ["The condition ends where a field is expected.", "  column 3200", " " * 64 + "^"],
}  # fmt: skip


def test_a_mistake_is_shown_with_a_mark_below_it_and_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    here = prepared(tmp_path_factory, tmp_path / "shop")
    before = files_of(here.folder)
    for condition, said in MISTAKES.items():
        ulm = ("ulm", "--template", "letter", "--list", "people", "--where", condition)
        refused = here.run("create", *ulm, status=2)
        lines = iter(refused.err.splitlines())
        assert all(any(line.startswith(part) for line in lines) for part in said), refused.err
        assert max(map(len, refused.err.splitlines())) < 200
    assert files_of(here.folder) == before


def test_merge_for_some_of_the_rows_shows_and_writes_their_mails_alone(tmp_path: Path) -> None:
    write_club(tmp_path / "club.xlsx")
    (tmp_path / "hello.md").write_text(LETTER, encoding="utf-8")
    here, before = CommandLine(tmp_path), files_of(tmp_path)
    for wrong in (("--where", "cuty = 'Ulm'"), ("--exclude", "nobody")):
        here.run("merge", "club.xlsx", "hello.md", *wrong, "--yes", status=2)
        assert files_of(tmp_path) == before
    said = here.run("merge", "club.xlsx", "hello.md", "--where", "city in ('Bonn', 'Köln')", "--yes")
    shown = [line for line in (said.out + said.err).splitlines() if line.startswith("row ")]
    assert [line.split()[2] for line in shown] == ["bob@example.net", "dee@example.com"]
    assert len(list((tmp_path / "mail" / "new").iterdir())) == 2
    before = files_of(tmp_path)
    refused = here.run("merge", "club.xlsx", "hello.md", "--exclude", "clob", "--yes", status=2)
    assert "Did you mean club?" in refused.err
    assert files_of(tmp_path) == before
    refused = here.run("merge", "club.xlsx", "hello.md", "--where", "city = 'Bern'", "--yes", status=2)
    assert "cannot be sent. The audience is empty: it leaves out 5 rows, and none remains." in refused.err
    assert len(list((tmp_path / "mail" / "new").iterdir())) == 2
