"""What each column of a sheet is taken for: found by name and by content, shown, and remembered for the next sheet."""

import csv
import io
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from openpyxl import Workbook

from tests.doubles.command_line import CommandLine


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    here = CommandLine(tmp_path_factory.mktemp("workspace"))
    here.run("init")
    return here


def taken(told: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    return {one["header"]: (one["field"], one["role"], one["why"]) for one in told["columns"]}


def by_openpyxl(path: Path) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(["First Name", "Last Name", "Email Address", "Language", "Postal Code", "Total Spent"])
    sheet.append(["Ada", "Quill", "ada@example.com", "en", "01129", 1234.5])
    sheet.append(["Bo", "Moss", "bo@example.org", "de", "04155", 20])
    book.save(path)


def by_xlsxwriter(path: Path) -> None:
    with xlsxwriter.Workbook(str(path), {"default_date_format": "dd.mm.yyyy"}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Anrede", "Name", "Vorname", "E-Mail-Adresse", "PLZ", "Sprache", "Letzter Einkauf"])
        for row, words in enumerate((("Frau", "Groß", "Änne", "aenne@example.com", "01129", "de"),), start=1):
            sheet.write_row(row, 0, words)
            sheet.write_datetime(row, 6, date(2026, 7, 2))


def by_csv(path: Path) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=";").writerows(
        [["Prénom", "Nom", "Courriel", "Code postal", "Langue"], ["Chloé", "Noël", "chloe@example.com", "08001", "fr"]]
    )
    path.write_bytes(out.getvalue().encode("utf-8-sig"))  # as Excel saves "CSV UTF-8"


def test_english_german_and_french_headers_are_known(here: CommandLine) -> None:
    for name, write in (("shop.xlsx", by_openpyxl), ("kunden.xlsx", by_xlsxwriter), ("clients.csv", by_csv)):
        write(here.folder / name)
    english, german, french = (
        {header: role for header, (_, role, _) in taken(here.json("import", name, "--list", name)).items()}
        for name in ("shop.xlsx", "kunden.xlsx", "clients.csv")
    )
    assert english == {
        "First Name": "first_name", "Last Name": "last_name", "Email Address": "address", "Language": "language",
        "Postal Code": "postcode", "Total Spent": "",
    }  # fmt: skip
    assert german == {
        "Anrede": "salutation", "Name": "last_name", "Vorname": "first_name", "E-Mail-Adresse": "address",
        "PLZ": "postcode", "Sprache": "language", "Letzter Einkauf": "",
    }  # fmt: skip
    assert french == {
        "Prénom": "first_name", "Nom": "last_name", "Courriel": "address", "Code postal": "postcode", "Langue": "language",
    }  # fmt: skip


def test_unknown_headers_are_found_by_content_and_all_is_shown(here: CommandLine) -> None:
    (here.folder / "odd.csv").write_text(
        "F1,F2,F3,F4,F5\nAda,Quill,ada.quill@example.com,en,3\nJörg,Groß,joerg.gross@example.org,de,4\n",
        encoding="utf-8",
    )
    said = here.run("import", "odd.csv", "--list", "odd").out
    for line in (
        "F1 +f1 +text +first name +by what stands in it +0",
        "F2 +f2 +text +last name +by what stands in it +0",
        "F3 +f3 +text +address +by what stands in it +0",
        "F4 +f4 +text +language +by what stands in it +0",
        "F5 +f5 +number +by what stands in it +0",
    ):
        assert re.search(line, said), said


def test_a_workspace_teaches_further_names_without_code(here: CommandLine) -> None:
    (here.folder / "klienci.csv").write_text("Imię,Poczta,Szef\nAnna,a@example.com,x@example.com\n", encoding="utf-8")
    refused = here.run("import", "klienci.csv", "--list", "klienci", status=2)
    assert "More than one column holds addresses" in refused.err
    own = here.folder / "columns.toml"
    own.write_text('[headers]\nfirst_name = ["Imię"]\naddress = ["Poczta"]\n', encoding="utf-8")
    try:
        told = here.json("import", "klienci.csv", "--list", "klienci")
    finally:
        own.unlink()
    assert taken(told) == {
        "Imię": ("imię", "first_name", "name"),
        "Poczta": ("poczta", "address", "name"),
        "Szef": ("szef", "", "content"),
    }


def test_next_month_s_export_is_read_as_the_last_one(here: CommandLine) -> None:
    headers = "Konto;Post;Chef;Umsatz;Menge\n"
    (here.folder / "mai.csv").write_text(headers + "Ada;a@example.com;x@example.com;1.234,50;3\n", encoding="utf-8")
    (here.folder / "juni.csv").write_text(headers + "Ada;a@example.com;x@example.com;1.234;3\n", encoding="utf-8")
    choices = ("--column", "email=Post", "--column", "first_name=Konto", "--type", "menge=text")
    may = here.json("import", "mai.csv", "--list", "monthly", *choices)
    june = here.json("import", "juni.csv", "--list", "monthly")
    assert taken(may)["Post"] == ("email", "address", "said")
    assert taken(june) == {
        "Konto": ("first_name", "first_name", "last"),
        "Post": ("email", "address", "last"),
        "Chef": ("chef", "", "content"),
        "Umsatz": ("umsatz", "", "last"),  # 1.234 is a thousand and more, as May's 1.234,50 was
        "Menge": ("menge", "", "last"),
    }
    assert [one["kind"] for one in june["columns"]] == ["text", "text", "text", "number", "text"]
    assert june["findings"] == []
    said = here.run("import", "juni.csv", "--list", "monthly", "--type", "menge=number").out
    assert re.search("Menge +menge +number +as you said", said)
    assert "What holds as last time is changed by saying it anew" in said
    assert here.run("import", "juni.csv", "--list", "elsewhere", status=2).err.startswith("More than one column")


def test_merge_remembers_what_it_was_told(here: CommandLine) -> None:
    (here.folder / "two.csv").write_text("Post,Chef\na@example.com,x@example.com\n", encoding="utf-8")
    (here.folder / "hello.md").write_text(
        "---\nsubject: Hi\n---\nHi\n\n[leave]({{ unsubscribe_url }})\n", encoding="utf-8"
    )
    (here.folder / "mergecast.toml").write_text('[sender]\nfrom = "Ada <ada@mergecast-fair.org>"\n', encoding="utf-8")
    here.run("merge", "two.csv", "hello.md", "--column", "email=Post", "--yes")
    assert re.search("Post +email +text +address +as last time", here.run("merge", "two.csv", "hello.md", "--yes").out)


def test_the_language_column_decides_how_dates_are_written_whatever_it_is_called(here: CommandLine) -> None:
    (here.folder / "langue.csv").write_text(
        "Courriel,Langue,Jour\na@example.com,fr,2026-12-01\nb@example.com,en,2026-12-02\n", encoding="utf-8"
    )
    (here.folder / "templates" / "day.txt").write_text(
        '---\nsubject: {{ jour|date("long") }}\n---\n{{ unsubscribe_url }}\n', encoding="utf-8"
    )
    here.run("import", "langue.csv", "--list", "langue")
    shown = here.json("preview", "day", "--list", "langue", "--edge-cases")["previews"]
    assert {one["to"]: one["subject"] for one in shown} == {
        "a@example.com": "1 décembre 2026",
        "b@example.com": "December 2, 2026",
    }
