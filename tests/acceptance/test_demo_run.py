"""`mergecast demo`: the whole job on messy sheets, with every row accounted for."""

import csv
import re
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import openpyxl
import pytest

from tests.doubles.command_line import CommandLine, Ran
from tests.doubles.documents import REPORT, mistakes
from tests.doubles.folders import asked, files_of

DEMO = "mergecast-demo"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Ran:
    """The first demo in the folder, as a person sees it."""
    return CommandLine(folder).run("demo")


@pytest.fixture(scope="module")
def reports(folder: Path, plain: Ran) -> dict[str, dict[str, object]]:
    here = CommandLine(folder / DEMO)
    return {name: here.json("report", name) for name in ("winter-newsletter", "invoice-reminders")}


def sheets_rows(folder: Path) -> dict[str, int]:
    """How many rows with anything in them the sheets have below their headers, counted without Mergecast."""
    with (folder / DEMO / "sample_data" / "webshop_export.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = [row for row in csv.reader(file, delimiter=";") if any(cell.strip() for cell in row)]
    workbook = openpyxl.load_workbook(folder / DEMO / "sample_data" / "invoices.xlsx", read_only=True, data_only=True)
    sheet = max(workbook.worksheets, key=lambda one: sum("@" in str(c) for r in one.values for c in r if c))
    filled = [row for row in sheet.values if sum(cell is not None for cell in row) > 1]
    header = next(place for place, row in enumerate(filled) if any("mail" in str(cell).lower() for cell in row))
    workbook.close()
    return {"winter-newsletter": len(lines) - 1, "invoice-reminders": len(filled) - header - 1}


def test_every_row_of_the_sheets_is_accounted_for(folder: Path, reports: dict[str, dict[str, object]]) -> None:
    expected = sheets_rows(folder)
    for name, report in reports.items():
        assert mistakes(report, REPORT) == []
        left_out, messages = report["left_out"], report["messages"]
        assert isinstance(left_out, dict)
        assert isinstance(messages, dict)
        assert report["rows"] == expected[name]
        assert report["rows"] == sum(left_out.values()) + sum(messages.values())
        assert messages["accepted"] == sum(messages.values())
        assert sum(left_out.values()) > 0
        assert report["adds_up"] is True


def test_each_message_is_a_mail_in_the_mailbox(folder: Path, reports: dict[str, dict[str, object]]) -> None:
    mails = [
        message_from_bytes(path.read_bytes(), policy=default)
        for path in (folder / DEMO / "mail" / "new").iterdir()
    ]  # fmt: skip
    accepted = sum(report["messages"]["accepted"] for report in reports.values())  # type: ignore[index]
    assert len(mails) == accepted
    assert len({str(mail["Message-ID"]) for mail in mails}) == accepted
    for mail in mails:
        assert str(mail["Subject"]).strip()
        assert "@" in str(mail["To"])
        assert not re.search(r"{{|{%|\bNone\b", str(mail.get_body(("plain",)).get_content()))  # type: ignore[union-attr]


def test_a_person_is_told_what_happened_and_what_to_try_next(folder: Path, plain: Ran) -> None:
    said = " ".join(plain.out.split())
    assert "What became of every row" in said
    assert len(re.findall(r"\d+ rows = \d+ left out \+ \d+ mails\.", said)) == 2
    assert f"mails written to {folder / DEMO / 'mail'}. Nobody has received anything." in said
    assert "What to try next" in said
    assert "does not add up" not in said
    assert "leaves out" in said  # the findings
    assert re.search(r"\d+ mails (written )?in [\d.]+ s", said)  # the rate
    assert plain.err == ""


def test_what_to_try_next_works(folder: Path, plain: Ran) -> None:
    here = CommandLine(folder / DEMO)
    tried = [line.split("mergecast ", 1)[1] for line in plain.out.splitlines() if re.match(r"  \S*mergecast ", line)]
    assert tried
    for line in tried:
        words = re.split(r"\s{3,}", line)[0].split()
        if not any(word.startswith(("your-", "people")) for word in words):
            here.run(*words, status=None if "doctor" in words else 0)


def test_a_second_demo_begins_anew(folder: Path, reports: dict[str, dict[str, object]]) -> None:
    (folder / DEMO / "left.txt").write_text("from the first", encoding="utf-8")
    (folder / "mine.txt").write_text("mine", encoding="utf-8")
    told = CommandLine(folder).json("demo")
    assert set(told) == {"workspace", "mail", "reports"}
    assert (told["workspace"], told["mail"]) == (str(folder / DEMO), str(folder / DEMO / "mail"))
    assert {report["campaign"]: report for report in told["reports"]} == reports
    assert not (folder / DEMO / "left.txt").exists()
    assert (folder / "mine.txt").read_text(encoding="utf-8") == "mine"
    assert asked(folder / DEMO / "mergecast.db", "SELECT count(*) FROM campaigns") == [(2,)]


@pytest.mark.parametrize("what", ["a folder of mine", "a link"])
def test_a_folder_that_no_demo_made_is_not_touched(tmp_path: Path, what: str) -> None:
    mine = tmp_path / "elsewhere"
    mine.mkdir()
    (mine / "diary.txt").write_text("dear diary", encoding="utf-8")
    if what == "a link":
        (mine / ".mergecast-demo").touch()
        (tmp_path / DEMO).symlink_to(mine)
    else:
        mine.rename(tmp_path / DEMO)
    before = files_of(tmp_path)
    ran = CommandLine(tmp_path).run("demo", status=2)
    assert "not made by `mergecast demo`" in ran.err
    assert files_of(tmp_path) == before
