"""One person in several rows: the first only, a mail for each, or one mail with all of them; chosen at import."""

import sqlite3
from contextlib import closing
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from tests.doubles import documents
from tests.doubles.command_line import CommandLine
from tests.doubles.documents import mistakes
from tests.doubles.prepared import SENDER

ORDERS = (
    ("email", "first_name", "city", "item", "amount"),
    ("ann@example.com", "Ann", "Paris", "Chair", 12.5),
    ("bob@example.com", "Bob", "Rome", "Table", 100),
    ("ann@example.com", "Ann", "Lyon", "Lamp <new>", 7.25),
    ("nonsense", "Cy", "Rome", "Table", 100),
    ("Ann@example.com", "Ann", "Paris", "Rug", None),
)
LETTER = """---
subject: {{ rows|length }} {{ rows|plural("item", "items") }} for {{ first_name }}
kind: transactional
---
Hello {{ first_name }},

{% for one in rows %}
- {{ one.item }}: {{ one.amount|default("free") }}
{% endfor %}

Together {{ rows|sum(attribute="amount")|money("EUR") }},
to {{ rows|map(attribute="city")|unique|join(" and ") }}.
"""


@pytest.fixture
def here(tmp_path: Path) -> CommandLine:
    shop = CommandLine(tmp_path / "shop")
    CommandLine(tmp_path).run("init", "shop")
    settings = shop.folder / "mergecast.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("Your Name <you@example.com>", SENDER))
    (shop.folder / "templates" / "orders.md").write_text(LETTER, encoding="utf-8")
    with xlsxwriter.Workbook(str(shop.folder / "orders.xlsx")) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(ORDERS):
            sheet.write_row(number, 0, row)
    return shop


def imported(here: CommandLine, *options: str, sheet: str = "orders.xlsx") -> dict[str, Any]:
    told = here.json("import", sheet, "--list", "orders", *options, status=1)
    assert mistakes(told, documents.IMPORT) == []
    return told


def sent(here: CommandLine, name: str = "spring") -> list[EmailMessage]:
    """The mails of a campaign, in the order of their rows."""
    here.run("create", name, "--template", "orders", "--list", "orders")
    here.run("send", name, "--yes")
    here.run("run", "--until-idle")
    made = [message_from_bytes(path.read_bytes(), policy=default) for path in (here.folder / "mail/new").iterdir()]
    return sorted((mail for mail in made if isinstance(mail, EmailMessage)), key=lambda mail: mail["Message-ID"])


def words(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_further_rows_are_left_out_unless_something_else_is_chosen(here: CommandLine) -> None:
    told = imported(here)
    assert (told["good"], told["left_out"], told["repeated"], told["joined"]) == (2, 3, "first", 0)
    [duplicate] = [one for one in told["findings"] if one["code"] == "duplicate"]
    assert duplicate["first_rows"] == [4, 6]
    assert "--repeated together" in duplicate["remedy"]


def test_together_makes_one_mail_with_all_rows(here: CommandLine) -> None:
    told = imported(here, "--repeated", "together")
    assert (told["good"], told["left_out"], told["repeated"], told["joined"]) == (4, 1, "together", 2)
    ann, bob = sent(here)
    assert (ann["To"], ann["Subject"]) == ("ann@example.com", "3 items for Ann")
    text = words(ann)
    assert "Chair: 12.5" in text
    assert "Lamp <new>: 7.25" in text
    assert "Rug: free" in text
    assert "Together €19.75, to Paris and Lyon." in " ".join(text.split())
    assert bob["Subject"] == "1 item for Bob"
    assert "Chair" not in words(bob)
    html = ann.get_body(("html",))
    assert html is not None
    assert "Lamp &lt;new&gt;" in html.get_content()


def test_joined_rows_are_accounted_for_with_the_message_they_stand_in(here: CommandLine) -> None:
    imported(here, "--repeated", "together")
    sent(here)
    told = here.json("report", "spring")
    assert told["adds_up"]
    assert told["left_out"] == {"rejected": 1, "joined": 2}
    with closing(sqlite3.connect(here.folder / "mergecast.db")) as store:
        query = "SELECT note, message_id FROM left_out WHERE code = 6"
        assert store.execute(query).fetchall() == [("stands in the mail of row 2", 1)] * 2


def test_joined_rows_alone_need_nobody(here: CommandLine) -> None:
    """A sheet without a fault ends with status 0, though not every row has a mail of its own."""
    (here.folder / "clean.csv").write_text(
        "email,first_name,city,item,amount\na@example.com,A,Rome,Cup,1\na@example.com,A,Rome,Cup,2\n", encoding="utf-8"
    )
    here.run("import", "clean.csv", "--list", "orders", "--repeated", "together")
    here.run("create", "spring", "--template", "orders", "--list", "orders")
    told = here.json("check", "spring")
    assert mistakes(told, documents.CHECK) == []
    assert (told["rows"], told["ready"], told["left_out"], told["joined"]) == (2, 1, 1, 1)


def test_each_makes_a_mail_for_every_row(here: CommandLine) -> None:
    told = imported(here, "--repeated", "each")
    assert (told["good"], told["left_out"], told["joined"]) == (4, 1, 0)
    mails = sent(here)
    assert [mail["To"] for mail in mails] == [
        "ann@example.com",
        "bob@example.com",
        "ann@example.com",
        "Ann@example.com",
    ]
    assert [mail["Subject"] for mail in mails] == ["1 item for Ann", "1 item for Bob", *["1 item for Ann"] * 2]
    assert here.json("report", "spring")["adds_up"]


def test_the_choice_holds_for_the_list_s_next_sheet(here: CommandLine) -> None:
    imported(here, "--repeated", "together")
    assert imported(here)["repeated"] == "together"
    assert imported(here, "--repeated", "first")["repeated"] == "first"


def test_rows_that_disagree_in_what_is_printed_once_are_a_finding(here: CommandLine) -> None:
    (here.folder / "templates" / "orders.md").write_text(LETTER + "\nSent to {{ city }}.\n", encoding="utf-8")
    imported(here, "--repeated", "together")
    here.run("create", "spring", "--template", "orders", "--list", "orders")
    found = {one["code"]: one for one in here.json("check", "spring", status=1)["findings"]}
    assert "city" in found["rows_disagree"]["sentence"]
    assert found["rows_disagree"]["first_rows"] == [2]
    assert found["rows_disagree"]["where"] == "orders.md, line 14, column 12"


def test_a_template_that_prints_only_the_first_row_is_a_finding(here: CommandLine) -> None:
    plain = "---\nsubject: Hello {{ first_name }}\nkind: transactional\n---\nYour {{ item }} is ready.\n"
    (here.folder / "templates" / "orders.md").write_text(plain, encoding="utf-8")
    imported(here, "--repeated", "together")
    here.run("create", "spring", "--template", "orders", "--list", "orders")
    found = {one["code"]: one for one in here.json("check", "spring", status=1)["findings"]}
    assert found["rows_not_printed"]["rows"] == 1
    assert "--repeated each" in found["rows_not_printed"]["remedy"]


def test_preview_and_proof_show_all_rows(here: CommandLine) -> None:
    imported(here, "--repeated", "together")
    [shown] = here.json("preview", "orders", "--list", "orders", "--row", "2")["previews"]
    assert shown["subject"] == "3 items for Ann"
    here.run("create", "spring", "--template", "orders", "--list", "orders")
    here.run("proof", "spring", "--to", "me@example.com")
    here.run("run", "--until-idle")
    [path] = (here.folder / "mail/new").iterdir()
    assert "3 items for Ann" in path.read_text(encoding="utf-8")
    refused = here.run("proof", "spring", "--to", "me@example.com", "--row", "4", status=2)
    assert "stands in the mail of row 2" in refused.err


def test_a_suppressed_person_s_rows_are_all_suppressed(here: CommandLine) -> None:
    imported(here, "--repeated", "together")
    here.run("suppress", "add", "ann@example.com")
    here.run("create", "spring", "--template", "orders", "--list", "orders")
    here.run("check", "spring", status=1)
    assert here.json("report", "spring")["left_out"] == {"rejected": 1, "suppressed": 3}


def test_the_first_row_decides_whether_a_person_is_in_the_audience(here: CommandLine) -> None:
    imported(here, "--repeated", "together")
    here.run("create", "spring", "--template", "orders", "--list", "orders", "--where", "city = 'Rome'")
    assert here.json("check", "spring", status=1)["ready"] == 1
    assert here.json("report", "spring")["left_out"] == {"rejected": 1, "filtered": 3}


def test_a_word_that_is_no_choice_is_refused(here: CommandLine) -> None:
    refused = here.run("import", "orders.xlsx", "--list", "orders", "--repeated", "some", status=2)
    assert "first, each, together" in refused.err


def test_each_mail_of_a_person_has_the_files_of_its_own_row(here: CommandLine) -> None:
    (here.folder / "attachments").mkdir(exist_ok=True)
    for item in ("Chair", "Table", "Lamp <new>", "Rug"):
        (here.folder / "attachments" / f"{item}.txt").write_text(f"All about {item}", encoding="utf-8")
    letter = LETTER.replace("kind: transactional", "kind: transactional\nattachments: {{ item }}.txt")
    (here.folder / "templates" / "orders.md").write_text(letter, encoding="utf-8")
    imported(here, "--repeated", "each")
    mails = sent(here)
    got = [[part.get_content().strip() for part in mail.iter_attachments()] for mail in mails]
    assert got == [[f"All about {item}"] for item in ("Chair", "Table", "Lamp <new>", "Rug")]
    shown = here.run("show", "--campaign", "spring", "--row", "4", "--eml")
    assert "Lamp" in shown.out
