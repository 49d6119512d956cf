"""Each person's dates, money, numbers and plurals are written in the language that the sheet says."""

from datetime import date
from pathlib import Path

import openpyxl
import pytest

from tests.doubles.command_line import CommandLine

HEADER = ["E-Mail", "Name", "Sprache", "Betrag", "Fällig", "Karten"]
PEOPLE = [
    ["ada@example.org", "Ada", "en-US", 1234.5, date(2026, 12, 1), 1],
    ["bob@example.org", "Bernd", "Deutsch", 1234.5, date(2026, 12, 1), 2],
    ["cy@example.org", "Claire", "fr_FR", 1234.5, date(2026, 12, 1), 2],
    ["di@example.org", "Danuta", "polnisch", 1234.5, date(2026, 12, 1), 5],
    ["ed@example.org", "عماد", "ar", 1234.5, date(2026, 12, 1), 2],
    ["fi@example.org", "Fi", "Klingon", 1234.5, date(2026, 12, 1), 2],
]
LETTER = """---
subject: {{ name }}, your tickets
preheader: x
kind: transactional
---
{{ betrag|money("EUR") }}; {{ betrag|number(1) }}; {{ fällig|date("long") }}; {{ 0.5|percent }};
{{ karten }} {{ karten|plural("A", "B", "C", "D", "E", "F") }}.
"""
WRITTEN = {
    2: "€1,234.50; 1,234.5; December 1, 2026; 50%; 1 A.",
    3: "1.234,50 €; 1.234,5; 1. Dezember 2026; 50 %; 2 B.",
    4: "1 234,50 €; 1 234,5; 1 décembre 2026; 50 %; 2 C.",
    5: "1 234,50 €; 1 234,5; 1 grudnia 2026; 50%; 5 C.",
    7: "€1,234.50; 1,234.5; December 1, 2026; 50%; 2 B.",
}


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A workspace with a list whose column Sprache says each person's language."""
    folder = tmp_path_factory.mktemp("languages")
    terminal = CommandLine(folder)
    terminal.run("init")
    book = openpyxl.Workbook()
    for row in [HEADER, *PEOPLE]:
        book.active.append(row)
    book.save(folder / "people.xlsx")
    terminal.run("import", "people.xlsx", "--list", "people")
    settings = folder / "mergecast.toml"
    settings.write_text('locale = "en_US"\n' + settings.read_text(encoding="utf-8"), encoding="utf-8")
    return terminal


def words(terminal: CommandLine, row: int) -> str:
    """The text part of a row's mail, blanks of all kinds as one."""
    told = terminal.json("preview", "letter", "--list", "people", "--row", row, status=None)
    page = Path(told["previews"][0]["files"]["html"]).read_text(encoding="utf-8")
    return " ".join(page.partition("<p>")[2].partition("</p>")[0].split())


def test_each_row_is_written_in_its_own_language(terminal: CommandLine) -> None:
    (terminal.folder / "templates/letter.md").write_text(LETTER, encoding="utf-8")
    assert {row: words(terminal, row) for row in WRITTEN} == {
        row: " ".join(text.split()) for row, text in WRITTEN.items()
    }


def test_a_word_that_is_no_language_and_a_mixed_subject_are_found(terminal: CommandLine) -> None:
    (terminal.folder / "templates/letter.md").write_text(LETTER, encoding="utf-8")
    terminal.run("create", "tickets", "--template", "letter", "--list", "people")
    found = {one["code"]: one for one in terminal.json("check", "tickets", status=None)["findings"]}
    assert found["unknown_language"]["first_rows"] == [7]
    assert found["unknown_language"]["where"] == "column sprache"
    assert "Klingon" in found["unknown_language"]["sentence"]
    assert found["mixed_direction"]["first_rows"] == [6]
    assert found["mixed_direction"]["where"] == "letter.md, line 2"


@pytest.mark.parametrize(
    ("locale", "row", "begins"), [("de", 3, "1.234,50 €"), ("name", 4, "€1,234.50"), ("sprache", 2, "€")]
)
def test_the_first_lines_may_name_a_language_or_a_column(
    terminal: CommandLine, locale: str, row: int, begins: str
) -> None:
    text = LETTER.replace("kind:", f"locale: {locale}\nkind:")
    (terminal.folder / "templates/letter.md").write_text(text, encoding="utf-8")
    assert words(terminal, row).startswith(begins)


def test_a_name_that_is_neither_is_refused_with_its_line(terminal: CommandLine) -> None:
    (terminal.folder / "templates/letter.md").write_text(
        LETTER.replace("kind:", "locale: sprachen\nkind:"), encoding="utf-8"
    )
    error = terminal.json("preview", "letter", "--list", "people", status=2)["error"]
    assert (error["where"]["file"], error["where"]["line"]) == ("letter.md", 4)
    assert "Did you mean sprache?" in error["remedy"]


def test_a_mail_from_right_to_left_must_say_so(terminal: CommandLine) -> None:
    text = "---\nsubject: مرحبا\npreheader: أهلا\nkind: transactional\n---\n<html{}><body><p>مرحبا بكم في متجرنا</p></body></html>\n"
    for said, codes in (("", ["no_direction"]), (' dir="rtl"', [])):
        (terminal.folder / "templates/arabic.html").write_text(text.format(said), encoding="utf-8")
        told = terminal.json("preview", "arabic", "--list", "people", status=None)
        assert [one["code"] for one in told["findings"]] == codes
