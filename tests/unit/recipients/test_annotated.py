"""Notes written into workbooks that other programs wrote in their own ways."""

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from openpyxl import load_workbook
from reading_sheets import read_sheet

import campaigns.recipients.annotated_sheet as sheets
from campaigns.recipients.annotated import RowNote, UnfitError, annotate
from campaigns.recipients.columns import column_letter, place_of_letters
from campaigns.recipients.own_columns import HEADERS
from campaigns.recipients.plain_book import write_plain
from campaigns.recipients.xlsx_rows import LAST_ROW

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PREFIXED = (  # as the Open XML SDK writes: prefixes, no references, a row without cells
    f'<?xml version="1.0" encoding="utf-8"?><x:worksheet xmlns:x="{MAIN}"><x:dimension ref="A1"/>'
    '<x:cols><x:col min="1" max="16384" width="9.5"/></x:cols><x:sheetData><x:row r="1" spans="1:2">'
    '<x:c t="str"><x:v>email</x:v></x:c><x:c t="str"><x:v>na&amp;me</x:v></x:c></x:row>'
    '<x:row r="2"><x:c t="str"><x:v>ann@example.org</x:v></x:c></x:row><x:row r="3"/>'
    '<x:row><x:c t="str"><x:v>bob@example.org</x:v></x:c><x:c t="str"><x:f>"&gt;"</x:f><x:v>Bé</x:v></x:c></x:row>'
    '</x:sheetData><x:mergeCells count="1"><x:mergeCell ref="A7:B7"/></x:mergeCells>'
    '<x:pageMargins left="1" right="1" top="1" bottom="1" header="0" footer="0"/></x:worksheet>'
)


def workbook(path: Path, worksheet: str | bytes) -> Path:
    """A workbook of xlsxwriter's with another worksheet in it."""
    whole = io.BytesIO()
    with xlsxwriter.Workbook(whole) as book:
        book.add_worksheet("S")
    with zipfile.ZipFile(whole) as parts, zipfile.ZipFile(path, "w") as written:
        for name in parts.namelist():
            written.writestr(name, worksheet if name == "xl/worksheets/sheet1.xml" else parts.read(name))
    return path


def note(row: int, *, state: str = "left out", found: str = "wrong") -> RowNote:
    return RowNote(row, (state, "code", found, "", "email"), ((0, found),))


def noted(source: Path, notes: Iterable[RowNote]) -> tuple[Any, int]:
    out = source.with_name(f"out-{source.name}")
    quiet = annotate(source, out, worksheet="S", header_row=1, fields=["email", "name"], notes=iter(notes))
    return load_workbook(out).worksheets[0], quiet


def test_prefixes_and_cells_without_references_are_no_obstacle(tmp_path: Path) -> None:
    sheet, _ = noted(workbook(tmp_path / "a.xlsx", PREFIXED), [note(2), note(3), note(4)])
    assert [[cell.value for cell in row] for row in sheet.iter_rows(max_row=4, max_col=4)] == [
        ["email", "na&me", "Mergecast: state", "Mergecast: reason"],
        ["ann@example.org", None, "left out", "code"],
        [None, None, None, None],
        ["bob@example.org", '=">"', "left out", "code"],
    ]
    assert sheet["A4"].comment.text == "Mergecast:\nwrong"
    assert (sheet.auto_filter.ref, sheet.dimensions, str(sheet.merged_cells)) == ("A1:G4", "A1:G7", "A7:B7")
    read = read_sheet(tmp_path / "out-a.xlsx")
    assert [column.field for column in read.columns] == ["email", "na_me"]
    assert read.cells == [["ann@example.org", None], ["bob@example.org", "Bé"]]


def test_no_text_becomes_a_formula_or_breaks_the_file(tmp_path: Path) -> None:
    found = "=cmd|' /C calc'!A0 </t> \x0b _x0041_ \U0001f600"
    sheet, _ = noted(workbook(tmp_path / "a.xlsx", PREFIXED), [note(2, found=found)])
    assert (sheet["E2"].data_type, sheet["E2"].quotePrefix) == ("s", True)
    assert sheet["E2"].value == found.replace("\x0b", "_x000B_").replace("_x0041_", "_x005F_x0041_")  # Excel's escapes


def test_what_somebody_writes_to_us_in_a_comment_stays(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet = book.add_worksheet("S")
        for row, line in enumerate([("email", "name"), ("ada@example.org", "Ada"), ("broken", "Eve")]):
            sheet.write_row(row, 0, line)
        sheet.write_comment("A2", "Mergecast: this is right!", {"author": "Sue"})
        sheet.write_comment("A3", "Mergecast:\nof an earlier time", {"author": " "})
    sheet, _ = noted(tmp_path / "a.xlsx", [note(2), note(3)])
    assert [sheet[cell].comment.text for cell in ("A2", "A3")] == ["Mergecast: this is right!", "Mergecast:\nwrong"]


def test_comments_are_bounded_for_each_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MOST_COMMENTS", 2)
    rows = [(1, ["email", "name"]), *((row, [f"p{row}@example.org"]) for row in range(2, 9))]
    write_plain(tmp_path / "a.xlsx", "S", 1, rows)
    states = ["will get mail"] * 4 + ["left out"] * 3
    sheet, quiet = noted(tmp_path / "a.xlsx", [note(row, state=state) for row, state in enumerate(states, 2)])
    assert [row for row in range(2, 9) if sheet.cell(row, 1).comment] == [2, 3, 6, 7]
    assert quiet == 3


def table(path: Path, beside: str = "", **options: Any) -> Path:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("S")
        data = [["ada@example.org", "Ada"], ["bob@example.net", "Bob"]]
        sheet.add_table("A1:B4", {"data": data, "columns": [{"header": "email"}, {"header": "name"}], **options})
        sheet.write("D2", beside)
    return path


def area(sheet: Any) -> tuple[str, str, list[str]]:
    (one,) = sheet.tables.values()
    return one.ref, one.autoFilter.ref, one.column_names


def test_our_columns_become_columns_of_the_table_and_stay_so(tmp_path: Path) -> None:
    source = table(tmp_path / "a.xlsx", total_row=True, autofilter=False)
    sheet, _ = noted(source, [note(2)])
    assert area(sheet) == ("A1:G4", "A1:G3", ["email", "name", *HEADERS])
    assert (sheet.auto_filter.ref, sheet["C2"].value) == (None, "left out")
    again, _ = noted(tmp_path / "out-a.xlsx", [note(3)])
    assert area(again) == area(sheet)
    assert (again.auto_filter.ref, again["C2"].value, again["C3"].value) == (None, None, "left out")


def test_a_table_with_something_beside_it_or_fed_by_a_database_stays_as_it_is(tmp_path: Path) -> None:
    sheet, _ = noted(table(tmp_path / "beside.xlsx", beside="a note"), [note(2)])
    assert (area(sheet)[0], sheet.auto_filter.ref) == ("A1:B4", "E1:I3")
    with zipfile.ZipFile(table(tmp_path / "a.xlsx")) as plain, zipfile.ZipFile(tmp_path / "fed.xlsx", "w") as fed:
        for name in plain.namelist():
            fed.writestr(name, plain.read(name).replace(b" displayName=", b' tableType="queryTable" displayName='))
    sheet, _ = noted(tmp_path / "fed.xlsx", [note(2)])
    assert (area(sheet)[0], sheet.auto_filter.ref) == ("A1:B4", "C1:G3")


@pytest.mark.parametrize(
    "worksheet",
    [
        PREFIXED.encode("utf-16"),
        PREFIXED.replace("</x:sheetData>", ""),
        PREFIXED.replace('<x:c t="str"><x:v>email', '<x:c r="XFD1" t="str"><x:v>email'),
        PREFIXED.replace('r="2"', 'r="two"'),
    ],
    ids=["UTF-16", "cut short", "no room", "no number"],
)
def test_what_cannot_be_edited_is_said_to_be_unfit(tmp_path: Path, worksheet: str | bytes) -> None:
    with pytest.raises(UnfitError):
        noted(workbook(tmp_path / "a.xlsx", worksheet), [note(2)])


def test_a_plain_workbook_has_a_title_that_excel_takes_and_no_more_rows_than_it_has(tmp_path: Path) -> None:
    assert (
        write_plain(tmp_path / "a.xlsx", "'a/b: [c]*?'" + "x" * 40, 1, [(1, ["email"])])
        == "a b   c   " + "'" + "x" * 20
    )
    with pytest.raises(UnfitError):
        write_plain(tmp_path / "a.xlsx", "S", 1, [(LAST_ROW + 1, ["x"])])


@pytest.mark.parametrize("place", [0, 25, 26, 701, 702, 16_383])
def test_letters_and_places_are_each_others_inverse(place: int) -> None:
    assert place_of_letters(column_letter(place)) == place
