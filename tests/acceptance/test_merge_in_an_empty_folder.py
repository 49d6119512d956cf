"""`mergecast merge people.xlsx welcome.md` by a person who has read nothing: two files in a folder, and no more."""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from tests.doubles.command_line import MODULE, CommandLine
from tests.doubles.documents import QUEUED, mistakes
from tests.doubles.folders import asked, files_of, rows_of

WELCOME = """---
subject: Welcome, {{ first_name|default("friend") }}
---
Dear {{ first_name|default("friend") }},

you joined on {{ joined }} and owe us {{ amount }}. Your number is {{ number }}.
{% if amount > 100 %}
That is a lot.
{% endif %}

[No more of these]({{ unsubscribe_url }})
"""
HEADER = ("E-Mail", "First Name", "Joined", "Amount", "Number")
ROWS: list[tuple[Any, ...]] = [
    ("ada@example.org", "Ada", dt.date(2024, 2, 3), 1234.5, 42),
    ("zoe@example.net", "Zoë O'Neill", dt.date(2023, 12, 31), 99.0, 7),
    ("li@example.com", "李小龍", dt.date(2025, 1, 1), 100.25, 123),
    ("noname@example.com", "", dt.date(2025, 1, 1), 0.5, 1),
    ("broken@example", "Bob", dt.date(2025, 1, 1), 1.0, 2),
    ("ADA@example.org", "Ada again", dt.date(2025, 1, 1), 1.0, 3),
]
FORMATS = ("General", "General", "yyyy-mm-dd", "#,##0.00", "00000")


def by_xlsxwriter(path: Path) -> None:
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet("People")
        sheet.write_row(0, 0, HEADER)
        formats = [workbook.add_format({"num_format": code}) for code in FORMATS]
        for place, row in enumerate(ROWS, start=1):
            for column, value in enumerate(row):
                write = sheet.write_datetime if isinstance(value, dt.date) else sheet.write
                write(place, column, value, formats[column])


def by_openpyxl(path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append(HEADER)
    for row in ROWS:
        sheet.append(row)
        for cell, code in zip(sheet[sheet.max_row], FORMATS, strict=True):
            cell.number_format = code
    workbook.save(path)
    workbook.close()


@pytest.fixture
def here(tmp_path: Path) -> CommandLine:
    """An empty folder but for a sheet and a template."""
    folder = tmp_path / "mine"
    folder.mkdir()
    by_xlsxwriter(folder / "people.xlsx")
    (folder / "welcome.md").write_text(WELCOME, encoding="utf-8")
    return CommandLine(folder)


def mails_in(folder: Path) -> dict[str, EmailMessage]:
    """The mailbox's mails, by address."""
    found = {}
    for path in (folder / "mail" / "new").iterdir():
        mail = message_from_bytes(path.read_bytes(), policy=default)
        assert isinstance(mail, EmailMessage)
        assert str(mail["To"]) not in found
        found[str(mail["To"])] = mail
    return found


def said_in(mail: EmailMessage) -> str:
    text = mail.get_body(("plain",))
    assert text is not None
    return " ".join(str(text.get_content()).split())


@pytest.mark.parametrize("write", [by_xlsxwriter, by_openpyxl])
def test_a_workspace_is_made_and_the_mails_lie_in_it(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path / "people.xlsx")
    (tmp_path / "welcome.md").write_text(WELCOME, encoding="utf-8")
    ran = CommandLine(tmp_path).run("merge", "people.xlsx", "welcome.md", "--yes")
    assert f"Made a workspace here, in {tmp_path}" in ran.err
    assert "4 mails queued as a rehearsal" in ran.out
    assert "6 rows = 2 left out + 4 mails." in ran.out
    assert "Rehearsal: 4 mails written to mail/. Nobody has received anything. To send for real:" in ran.out
    assert "No worker is running" not in ran.out

    mails = mails_in(tmp_path)
    assert set(mails) == {"ada@example.org", "zoe@example.net", "li@example.com", "noname@example.com"}
    assert str(mails["zoe@example.net"]["Subject"]) == "Welcome, Zoë O'Neill"
    assert str(mails["noname@example.com"]["Subject"]) == "Welcome, friend"
    assert "joined on 2024-02-03 and owe us 1,234.50. Your number is 00042. That is a lot." in said_in(
        mails["ada@example.org"]
    )
    assert "owe us 100.25. Your number is 00123. That is a lot." in said_in(mails["li@example.com"])
    assert "owe us 99.00. Your number is 00007. [No more" not in said_in(mails["zoe@example.net"])
    assert "That is a lot" not in said_in(mails["zoe@example.net"])


def test_three_previews_are_shown_to_open(here: CommandLine) -> None:
    ran = here.run("merge", "people.xlsx", "welcome.md", "--yes")
    files = [here.folder / line.strip() for line in ran.err.splitlines() if line.strip().endswith((".eml", ".html"))]
    assert [file.suffix for file in files] == [".eml", ".html"] * 3
    for file in files[::2]:
        assert message_from_bytes(file.read_bytes(), policy=default)["Subject"].startswith("Welcome, ")
    for file in files[1::2]:
        assert "Dear " in file.read_text(encoding="utf-8")


def test_with_json_there_is_one_document(here: CommandLine) -> None:
    told = here.json("merge", "people.xlsx", "welcome.md", "--yes")
    assert mistakes(told, QUEUED) == []
    assert (told["campaign"], told["queued"], told["left_out"], told["leaves"]) == ("welcome-people", 4, 2, False)
    assert len(mails_in(here.folder)) == 4


def test_the_module_is_the_command(here: CommandLine) -> None:
    assert MODULE[-1] == "scheduler.cli"
    command = CommandLine(here.folder, cold=True)
    assert command.run("--version").out == replace(command, as_module=True).run("--version").out


def test_where_nobody_can_answer_nothing_is_queued(here: CommandLine) -> None:
    ran = here.run("merge", "people.xlsx", "welcome.md", status=2)
    assert re.search(r"Nobody is there to answer: .*4 mails.*\?", ran.err)
    assert ran.err.splitlines()[-1] == "Say yes beforehand: `--yes`."
    assert_nothing_queued(here)


@pytest.mark.parametrize("answer", ["n", ""])
def test_a_person_who_does_not_say_yes_stops_it(here: CommandLine, answer: str) -> None:
    ran = here.at_terminal("merge", "people.xlsx", "welcome.md", answers={"Your time zone": "", "[y/N]": answer})
    assert ran.status == 2
    assert re.search(r"4 mails.*\? \[y/N\]", ran.out)
    assert "was not queued: nobody said yes." in ran.out
    assert_nothing_queued(here)


def test_a_person_who_says_yes_gets_the_mails(here: CommandLine) -> None:
    answers = {"Your time zone": "Europe/Berlin", "[y/N]": "y"}
    ran = here.at_terminal("merge", "people.xlsx", "welcome.md", answers=answers)
    assert ran.status == 0
    assert "send times are in Europe/Berlin" in ran.out
    assert ran.out.index("6 rows into list people") < ran.out.index(".eml") < ran.out.index("? [y/N]")
    assert "Rehearsal: 4 mails written to mail/." in ran.out
    assert len(mails_in(here.folder)) == 4
    assert 'zone = "Europe/Berlin"' in (here.folder / "mergecast.toml").read_text(encoding="utf-8")


def test_a_second_merge_replaces_nothing_that_was_sent(here: CommandLine) -> None:
    here.run("merge", "people.xlsx", "welcome.md", "--yes")
    first = mails_in(here.folder)
    told = here.json("merge", "people.xlsx", "welcome.md", "--yes")
    assert told["campaign"] == "welcome-people-2"
    assert len(list((here.folder / "mail" / "new").iterdir())) == 8
    report = here.json("report", "welcome-people")
    assert (report["messages"]["accepted"], report["adds_up"]) == (4, True)
    assert len(first) == 4


def test_a_merge_for_later_queues_and_ends(here: CommandLine) -> None:
    ran = here.run("merge", "people.xlsx", "welcome.md", "--yes", "--at", "tomorrow 09:00", "--zone", "Europe/Berlin")
    assert "Europe/Berlin, in " in ran.out
    assert "No worker is running: nothing leaves until `mergecast run` runs on a computer that is awake." in ran.out
    assert not (here.folder / "mail" / "new").exists() or not mails_in(here.folder)
    told = here.json("status", "welcome-people")["campaigns"][0]
    assert (told["state"], told["messages"]["queued"], told["waiting"]["for"]) == ("scheduled", 4, "start")


def test_every_option_of_merge_counts(here: CommandLine) -> None:
    """`--from`, `--transport` and `--again` need settings: see the lives of campaigns."""
    here.run("init")
    (here.folder / "people.csv").write_bytes("Mail;Vorname;Zahl\nzoe@example.net;Zoë;1,5\n".encode("cp1252"))
    (here.folder / "hi.md").write_text("---\nsubject: Hi {{ vorname }}\n---\n{{ zahl }}{{ zahl is number }}\n", "utf-8")
    told = here.json(
        "merge", "people.csv", "hi.md", "--yes", "--list", "others", "--column", "email=Mail", "--type", "zahl=text",
        "--encoding", "cp1252", "--transport", "local", "--at", "now", "--zone", "Europe/Berlin",
        "--throttle", "50/s", "--throttle", "1000/d", "--transactional", "--again", "--as", "Grace",
    )  # fmt: skip
    assert (told["campaign"], told["queued"]) == ("hi-others", 1)
    assert told["starts"]["zone"] == "Europe/Berlin"
    mail = mails_in(here.folder)["zoe@example.net"]
    assert (str(mail["Subject"]), said_in(mail)) == ("Hi Zoë", "1,5False")
    assert mail["List-Unsubscribe"] is None
    who = dict(asked(here.folder / "mergecast.db", "SELECT verb, who FROM history"))
    assert (who["import"], who["create"], who["send"], who["start"]) == ("Grace", "Grace", "Grace", "worker")
    throttles = asked(here.folder / "mergecast.db", "SELECT throttles FROM campaigns")
    assert throttles == [("50/s\n1000/d",)]
    by_title = here.json("merge", "people.xlsx", "welcome.md", "--worksheet", "People", "--yes")
    assert by_title["queued"] == 4


def assert_nothing_queued(here: CommandLine) -> None:
    (told,) = here.json("status")["campaigns"]
    assert told["state"] in ("draft", "checked")
    assert told["messages"] == {**dict.fromkeys(told["messages"], 0), "staged": told["messages"]["staged"]}
    assert here.run("run", "--until-idle", "--json").document["messages"] == {}
    assert not (here.folder / "mail" / "new").exists() or not mails_in(here.folder)
    assert rows_of(here.folder / "mergecast.db")["handovers"] == 0


def test_the_campaign_of_a_refused_merge_can_be_sent_afterwards(here: CommandLine) -> None:
    here.run("merge", "people.xlsx", "welcome.md", status=2)
    sheets = files_of(here.folder / "sheets")
    told = here.json("merge", "people.xlsx", "welcome.md", "--yes")
    assert (told["campaign"], told["queued"]) == ("welcome-people", 4)
    assert files_of(here.folder / "sheets") == sheets
