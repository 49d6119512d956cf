"""Whatever a list is kept in: `mergecast import` reads it as people see it, asks what it cannot know, or says why not."""

import datetime as dt
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
import xlwt
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont

from tests.doubles.command_line import CommandLine
from tests.doubles.every_kind import KINDS, Value, write_sheet
from tests.doubles.folders import files_of

ROWS: list[list[Value]] = [
    ["Guests of spring"],
    [],
    ["E-Mail ", "First\nname", "Amount", "Since", "Paid", "Code", "Code"],
    ["ann@example.com", "Änn", 1234.5, dt.date(2026, 12, 1), True, "007", "x"],
    ["bo@example.org", "Bo", 0.1 + 0.2, dt.date(1999, 12, 31), False, "008", "y"],
]
FIELDS = {
    "e_mail": "text", "first_name": "text", "amount": "number", "since": "date", "paid": "yes_no", "code": "text",
    "code_2": "text",
}  # fmt: skip
LETTER = """---
subject: Hello {{ first_name }}
---
{{ amount }} since {{ since|date("yyyy/MM/dd") }}{% if paid %}, paid{% endif %}, code {{ code }}.
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    here = CommandLine(tmp_path_factory.mktemp("workspace"))
    here.run("init")
    (here.folder / "templates" / "letter.md").write_text(LETTER, encoding="utf-8")
    return here


def codes(told: dict[str, Any]) -> dict[str, list[int]]:
    """The Findings of an import, with the rows they name."""
    return {finding["code"]: finding["first_rows"] for finding in told["findings"]}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_list_in_every_kind_of_workbook_makes_the_same_mail(here: CommandLine, kind: str) -> None:
    """Known by content: the name says nothing here."""
    path = write_sheet(here.folder / f"guests.{kind}", ("Notes", [["none"]]), ("Guests", ROWS))
    path = path.rename(here.folder / f"guests of {kind}.dat")
    told = here.json("import", path.name, "--list", kind)
    assert (told["rows"], told["good"], told["left_out"]) == (2, 2, 0)
    assert {column["field"]: column["kind"] for column in told["columns"]} == FIELDS
    assert list(codes(told)) == (["plain_values"] if kind in ("xls", "xlsb") else [])
    if kind == "xls":
        assert "01067, 1.234,50 € and 19% may have become 1067, 1234.5 and 0.19" in told["findings"][0]["sentence"]
        assert "save the sheet in Excel as .xlsx" in told["findings"][0]["remedy"]
    preview = here.json("preview", "letter", "--list", kind, "--row", "4")["previews"][0]
    assert (preview["to"], preview["subject"]) == ("ann@example.com", "Hello Änn")
    assert "1234.5 since 2026/12/01, paid, code 007." in (here.folder / preview["files"]["html"]).read_text("utf-8")


def test_what_a_real_workbook_holds_is_read_or_told_row_by_row(here: CommandLine) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "People"
    sheet.merge_cells("A1:E1")
    sheet["A1"] = "Customers"
    sheet.append([])
    sheet.append(["Name", "E-Mail", "Order", "Total", "Total"])
    bold = TextBlock(InlineFont(b=True), "Bo")
    for row in (
        ["Ann", '"Ann Lee" <ann@example.com>', 1, "=1+1", 1],  # openpyxl writes formulas without results
        [CellRichText(bold, " Li"), "bo@example.com", 2, 2, "#N/A"],
        ["Cy", "cy@example.com; cy@example.org", 3, 3, 3],
        ["Dee", "Dee", 4, 4, 4],
        ["Eve", "eve@example.com", 1234567890123456789, 5, "6"],
    ):
        sheet.append(row)
    sheet["B7"].hyperlink = "mailto:dee@example.com"
    sheet["C8"].number_format = "0"
    for row in range(20, 40):
        sheet.cell(row, 30).number_format = "0.00"  # formatted and empty, far from the table
    book.save(here.folder / "real.xlsx")
    told = here.json("import", "real.xlsx", "--list", "real", "--rows", "rows.csv", status=1)
    assert (told["rows"], told["good"], told["left_out"]) == (5, 4, 1)
    assert [column["field"] for column in told["columns"]] == ["name", "e_mail", "order", "total", "total_2"]
    assert codes(told) == {
        "rejected": [6],
        "name_beside_address": [4],
        "no_cached_value": [4],
        "error_cell": [5],
        "address_in_link": [7],
        "digits_lost": [8],
        "number_as_text": [8],
    }
    assert "6,cy@example.com; cy@example.org,rejected" in (here.folder / "rows.csv").read_text("utf-8")
    assert "copy the row for each of them" in (here.folder / "rows.csv").read_text("utf-8")


def test_people_who_are_filtered_away_are_asked_about(here: CommandLine) -> None:
    with xlsxwriter.Workbook(here.folder / "filtered.xlsx") as book:
        sheet = book.add_worksheet("People")
        sheet.write_row(0, 0, ["E-Mail", "City"])
        for row, city in enumerate(["Ulm", "Leeds", "Ulm"], 1):
            sheet.write_row(row, 0, [f"p{row}@example.com", city])
        sheet.autofilter(0, 0, 3, 1)
        sheet.filter_column(1, "City == Ulm")
        sheet.set_row(2, None, None, {"hidden": True})
    before = files_of(here.folder)
    refused = here.run("import", "filtered.xlsx", "--list", "filtered", status=2)
    assert "Rows are hidden or filtered away in the sheet: row 3." in refused.err
    assert "--hidden-rows read, or --hidden-rows skip" in " ".join(refused.err.split())
    assert files_of(here.folder) == before
    assert here.json("import", "filtered.xlsx", "--list", "filtered", "--hidden-rows", "skip")["rows"] == 2
    told = here.json("import", "filtered.xlsx", "--list", "filtered", "--hidden-rows", "read")
    assert (told["rows"], codes(told)) == (3, {"hidden_rows": [3]})
    assert "read, skip" in here.run("import", "filtered.xlsx", "--list", "x", "--hidden-rows", "no", status=2).err


def damaged(path: Path, keep: float = 0.5) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


def bad_ods(path: Path, content: bytes, manifest: str = "<manifest/>") -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)


def torn(path: Path) -> None:
    damaged(write_sheet(path, ("Guests", ROWS)))


def far_away(path: Path) -> None:
    """A few bytes that take gigabytes to lay out."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("Guests")
    for row, place, value in ((0, 0, "E-Mail"), (1, 0, "ann@example.com"), (65_535, 255, "far")):
        sheet.write(row, place, value)
    book.save(str(path))


def bomb_xlsb(path: Path) -> None:
    write_sheet(path, ("Guests", ROWS))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.bin", bytes(40 << 20))


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "torn.xls": (torn, "damaged"),
    "torn.xlsb": (torn, "damaged"),
    "empty.xlsb": (lambda path: write_sheet(path, ("Guests", [])), "The sheet is empty"),
    "locked.ods": (lambda path: bad_ods(path, b"x", "<encryption-data/>"), "protected by a password"),
    "bomb.ods": (lambda path: bad_ods(path, b" " * (40 << 20)), "zip bomb"),
    "bomb.xlsb": (bomb_xlsb, "zip bomb"),
    "far.xls": (far_away, "more than 1,024 MB of memory"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_hostile_workbook_gets_a_sentence_and_nothing_has_changed(here: CommandLine, name: str) -> None:
    write, what = BAD[name]
    write(here.folder / name)
    before = files_of(here.folder)
    refused = here.run("import", name, "--list", "bad", status=2)
    sentence, *more = refused.err.splitlines()
    assert what in sentence, refused.err
    assert more, "what to do next"
    assert files_of(here.folder) == before
