"""The sheet comes back: checked, corrected in the person's own workbook, imported again."""

import csv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import xlsxwriter
from openpyxl import Workbook, load_workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.formatting.rule import CellIsRule
from openpyxl.styles import Border, Font, PatternFill, Side
from openpyxl.worksheet.worksheet import Worksheet

from tests.doubles import documents
from tests.doubles.command_line import CommandLine
from tests.doubles.documents import mistakes
from tests.doubles.folders import asked
from tests.doubles.prepared import prepared

HEADS = ("E-Mail", "First name", "City", "Fee")
ROWS = (
    ("ada@example.org", "Ada", "London", 12.5),
    ("broken@example", "Eve", "Rome", 3),
    ("ada@example.org", "Ada twice", "Paris", 4),
    ("bob@example.net", None, "Ulm", 1234.5),
    ("cy@example.com", "=HYPERLINK(1)", "Köln", 7),
)
FIRST = 4  # the first row below title and header
STATE, REASON, FOUND, REMEDY, FIELD = "FGHIJ"


@pytest.fixture
def here(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    here = prepared(tmp_path_factory, tmp_path / "shop")
    make_workbook(here.folder / "clients.xlsx")
    return here


def make_workbook(path: Path) -> None:
    """A workbook as people have them: a title, styles, widths, a frozen pane, formulas, a chart, a comment."""
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = "Bob's clients"
    sheet.merge_cells("A1:E1")
    sheet["A1"] = "Clients 2026"
    for n, head in enumerate((*HEADS, "Net"), 1):
        cell = sheet.cell(3, n, head)
        cell.font, cell.fill = Font(bold=True, color="FFFFFFFF"), PatternFill("solid", fgColor="FF336699")
    for row, values in enumerate(ROWS, FIRST):
        for n, value in enumerate(values, 1):
            sheet.cell(row, n).value = value
            if str(value).startswith("="):
                sheet.cell(row, n).data_type = "s"
        sheet.cell(row, 4).number_format = "#,##0.00 €"
        sheet.cell(row, 5, f"=D{row}*0.8").border = Border(bottom=Side("thin"))
    sheet["A5"].comment = Comment("call her", "Sue")
    sheet.column_dimensions["A"].width = 33
    sheet.freeze_panes = "B4"
    fill = PatternFill(bgColor="FF00FF00")
    sheet.conditional_formatting.add("D4:D8", CellIsRule(operator="greaterThan", formula=["100"], fill=fill))
    notes = book.create_sheet("Notes")
    notes["A1"], notes["B2"] = "keep me", "=1+1"
    chart = BarChart()
    chart.add_data(Reference(sheet, min_col=4, min_row=3, max_row=8), titles_from_data=True)
    notes.add_chart(chart, "D5")
    book.save(path)


def checked(here: CommandLine, sheet: str = "clients.xlsx", out: str = "out.xlsx") -> Worksheet:
    """The first worksheet of what comes back once a sheet is imported and a campaign for it checked."""
    here.run("import", sheet, "--list", "clients", status=None)
    here.run("create", "june", "--template", "letter", "--list", "clients", "--replace")
    told = here.json("check", "june", "--sheet", out, status=1)
    assert mistakes({k: v for k, v in told.items() if k != "sheet"}, documents.CHECK) == []
    assert told["sheet"] == {"file": out, "original": sheet.endswith("x"), "notes": []}
    return first_sheet(here.folder / out)


def first_sheet(path: Path) -> Worksheet:
    sheet = load_workbook(path).worksheets[0]
    assert isinstance(sheet, Worksheet)
    return sheet


def looks(sheet: Worksheet, width: int) -> Iterator[tuple[object, ...]]:
    """Values and formats of the first columns."""
    for row in sheet.iter_rows(max_col=width):
        for cell in row:
            yield (
                cell.coordinate, cell.value, cell.data_type, cell.number_format, cell.font.b, cell.fill.fgColor.rgb,
                cell.border.bottom.style,
            )  # fmt: skip


def test_the_workbook_comes_back_as_it_was_with_what_was_found(here: CommandLine) -> None:
    sheet = checked(here)
    before = first_sheet(here.folder / "clients.xlsx")
    assert list(looks(sheet, 5)) == list(looks(before, 5))
    assert sheet.column_dimensions["A"].width == 33
    assert sheet.freeze_panes == "B4"
    assert str(sheet.merged_cells) == "A1:E1"
    assert "D4:D8" in {str(one.sqref) for one in sheet.conditional_formatting}
    notes = load_workbook(here.folder / "out.xlsx")["Notes"]
    assert (notes["A1"].value, notes["B2"].value, len(notes._charts)) == ("keep me", "=1+1", 1)

    assert sheet.auto_filter.ref == "A3:J8"
    assert [sheet[f"{STATE}{row}"].value for row in range(3, 9)] == [
        "Mergecast: state",
        "will get mail",
        "left out",
        "left out",
        "will get mail",
        "will get mail",
    ]
    assert sheet[f"{REASON}5"].value.startswith("rejected")
    assert "broken@example" in sheet[f"{FOUND}5"].value
    assert "Correct the addresses" in sheet[f"{REMEDY}5"].value
    assert sheet[f"{FIELD}5"].value.startswith("e_mail")
    assert "same address as row 4" in sheet[f"{FOUND}6"].value
    assert "empty_field" in sheet[f"{REASON}7"].value
    assert sheet[f"{FIELD}7"].value.startswith("first_name")


def test_the_guilty_cell_is_coloured_and_commented(here: CommandLine) -> None:
    sheet = checked(here)
    assert "earlier row" in sheet["A6"].comment.text
    assert "first_name is empty" in sheet["B7"].comment.text
    assert sheet["B4"].comment is sheet["A4"].comment is None
    assert sheet["A5"].comment.text == "call her"  # somebody's own comment stays
    colours = {
        str(one.sqref): [(rule.formula[0], rule.dxf.fill.bgColor.rgb) for rule in one.rules]
        for one in sheet.conditional_formatting
    }
    (red, red_is), (amber, amber_is) = colours["B4:B8"]
    assert red == 'AND(N("Mergecast")=0,$F4="left out",ISNUMBER(FIND(", first_name,",", "&$J4&",")))'
    assert amber == 'AND(N("Mergecast")=0,ISNUMBER(FIND(", first_name,",", "&$J4&",")))'
    assert red_is != amber_is


def test_corrected_and_imported_again_only_what_was_corrected_has_changed(here: CommandLine) -> None:
    checked(here)
    book = load_workbook(here.folder / "out.xlsx")
    sheet = book.worksheets[0]
    sheet["A5"], sheet["B7"] = "eve@example.com", "Bob"
    book.save(here.folder / "out.xlsx")

    refused = here.run("check", "june", "--sheet", "out.xlsx", status=2)
    assert "holds what somebody made or changed" in refused.err
    told = here.json("import", "out.xlsx", "--list", "clients", status=1)
    assert [column["field"] for column in told["columns"]] == ["e_mail", "first_name", "city", "fee", "net"]
    assert told["changes"] == {"new": 1, "changed": 1, "gone": 0}
    assert told["first_changes"] == {
        "new": [{"row": 5, "address": "eve@example.com", "fields": []}],
        "changed": [{"row": 7, "address": "bob@example.net", "fields": ["first_name"]}],
        "gone": [],
    }

    here.run("check", "june", "--sheet", "again.xlsx", status=1)
    again = first_sheet(here.folder / "again.xlsx")
    assert again.dimensions == "A1:J8"  # the same columns, written anew
    assert again[f"{STATE}5"].value == "will get mail"
    assert again["B7"].comment is None
    assert again["A6"].comment is not None
    assert [str(one.sqref) for one in again.conditional_formatting].count("A4:A8") == 1


def test_our_columns_are_left_aside_wherever_somebody_moves_them(here: CommandLine) -> None:
    checked(here, "people.csv")
    with (here.folder / "moved.csv").open("w", encoding="utf-8", newline="") as file:
        lines = [[cell.value or "" for cell in row] for row in first_sheet(here.folder / "out.xlsx").iter_rows()]
        csv.writer(file).writerows([*row[3:], *row[:3]] for row in lines)
    told = here.json("import", "moved.csv", "--list", "clients", status=1)
    assert [column["field"] for column in told["columns"]] == ["email", "first_name", "city"]
    assert told["changes"] == {"new": 0, "changed": 0, "gone": 0}


def test_a_text_file_comes_back_as_text(here: CommandLine) -> None:
    hostile = ("=1+1", "+49 30 1234", "-1", "@SUM(A1)", "\tx", "007", "1e5", "x\r\ny", "_x0041_", "\x01")
    with (here.folder / "codes.csv").open("w", encoding="utf-8", newline="") as file:
        rows = [(f"p{n}@example.org", value, value) for n, value in enumerate(hostile)]
        csv.writer(file).writerows([("email", "first_name", "city"), *rows, ("nobody", "=2", "x")])
    sheet = checked(here, "codes.csv")
    assert sheet.title == "codes"
    filled = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {(cell.data_type, cell.number_format) for cell in filled} == {("s", "@")}
    # Nor is what we write ourselves a formula, should somebody save the workbook as CSV.
    ours = [str(cell.value) for cell in filled if cell.column > 3]
    assert not [text for text in ours if text.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert len(ours) > len(hostile)
    told = here.json("import", "out.xlsx", "--list", "clients", status=1)
    assert told["changes"] == {"new": 0, "changed": 0, "gone": 0}


def test_without_the_original_the_rows_come_back_as_they_were_imported(here: CommandLine) -> None:
    settings = here.folder / "mergecast.toml"
    settings.write_text("keep_sheets = false\n" + settings.read_text(encoding="utf-8"), encoding="utf-8")
    here.run("import", "clients.xlsx", "--list", "clients", status=1)
    here.run("create", "june", "--template", "letter", "--list", "clients")
    told = here.json("check", "june", "--sheet", "out.xlsx", status=1)["sheet"]
    assert told["original"] is False
    assert "clients.xlsx is not kept in the workspace" in told["notes"][0]
    sheet = first_sheet(here.folder / "out.xlsx")
    assert [cell.value for cell in sheet[3]][:5] == [*HEADS, "Net"]
    assert [cell.value for cell in sheet[4]][:5] == ["ada@example.org", "Ada", "London", "12.50 €", None]
    assert sheet["F5"].value == "left out"


def test_a_file_that_is_open_or_somebodys_own_is_never_written_over(here: CommandLine) -> None:
    checked(here)
    (here.folder / "~$out.xlsx").write_bytes(b"x")
    before = asked(here.folder / "mergecast.db", "SELECT count(*) FROM history")
    assert "Close it in Excel." in here.run("check", "june", "--sheet", "out.xlsx", status=2).err
    assert asked(here.folder / "mergecast.db", "SELECT count(*) FROM history") == before
    (here.folder / "~$out.xlsx").unlink()
    here.run("check", "june", "--sheet", "out.xlsx", status=1)  # ours, and nobody has touched it
    kept = (here.folder / "clients.xlsx").read_bytes()
    here.run("check", "june", "--sheet", "clients.xlsx", status=2)
    assert (here.folder / "clients.xlsx").read_bytes() == kept
    assert "must end in .xlsx" in here.run("check", "june", "--sheet", "out.csv", status=2).err


def test_macros_stay_in_an_xlsm(here: CommandLine) -> None:
    with zipfile.ZipFile(here.folder / "clients.xlsx") as plain, zipfile.ZipFile(here.folder / "m.xlsm", "w") as book:
        for name in plain.namelist():
            part = plain.read(name)
            if name == "[Content_Types].xml":
                part = part.replace(
                    b"openxmlformats-officedocument.spreadsheetml.sheet.main", b"ms-excel.sheet.macroEnabled.main"
                )
            book.writestr(name, part)
        book.writestr("xl/vbaProject.bin", b"macros")
    here.run("import", "m.xlsm", "--list", "clients", status=1)
    here.run("create", "june", "--template", "letter", "--list", "clients")
    refused = here.run("check", "june", "--sheet", "out.xlsx", status=2)
    assert "out.xlsm" in refused.err
    here.run("check", "june", "--sheet", "out.xlsm", status=1)
    with zipfile.ZipFile(here.folder / "out.xlsm") as book:
        assert book.read("xl/vbaProject.bin") == b"macros"
        assert b"macroEnabled" in book.read("[Content_Types].xml")


def test_a_table_gets_our_columns_and_a_filter_keeps_its_choice(here: CommandLine) -> None:
    with xlsxwriter.Workbook(here.folder / "table.xlsx") as book:
        sheet = book.add_worksheet()
        data = [["ada@example.org", "Ada"], ["broken", "Eve"]]
        sheet.add_table("A1:B3", {"data": data, "columns": [{"header": "email"}, {"header": "first_name"}]})
    sheet = checked(here, "table.xlsx", "table-out.xlsx")
    assert sheet.auto_filter.ref is None  # the table's own filter does
    (table,) = sheet.tables.values()
    assert (table.ref, table.autoFilter.ref) == ("A1:G3", "A1:G3")
    assert table.column_names == [cell.value for cell in sheet[1]]  # or Excel would offer to repair the file
    with xlsxwriter.Workbook(here.folder / "filter.xlsx") as book:
        sheet = book.add_worksheet()
        for row, line in enumerate([("email", "first_name"), ("ada@example.org", "Ada"), ("broken", "Eve")]):
            sheet.write_row(row, 0, line)
        sheet.autofilter("A1:B3")
        sheet.filter_column(1, "x == Ada")
        sheet.write_formula("D5", "=1+1", None, 2)
    sheet = checked(here, "filter.xlsx", "filter-out.xlsx")
    assert sheet.auto_filter.ref == "A1:I3"  # behind everything, the formula in D5 too
    assert len(sheet.auto_filter.filterColumn) == 1
    with zipfile.ZipFile(here.folder / "filter-out.xlsx") as book:
        assert b"<f>1+1</f><v>2</v>" in book.read("xl/worksheets/sheet1.xml")
        assert b"Sheet1'!$A$1:$I$3" in book.read("xl/workbook.xml")


def test_at_a_terminal_changed_and_gone_rows_are_asked_about_first(here: CommandLine) -> None:
    (here.folder / "people.csv").write_text(
        "email,first_name,city\nbob@example.net,Bobby,Ulm\nnew@example.org,New,Rome\n", "utf-8"
    )
    question = "Make this sheet 2 of the list people? [y/N]"
    no = here.at_terminal("import", "people.csv", "--list", "people", answers={question: "n"})
    assert no.status == 2
    assert "changed  row 2  bob@example.net: first_name" in no.out
    assert "gone     row 2 of sheet 1  ada@example.org" in no.out
    assert "stays as it was" in no.out
    assert asked(here.folder / "mergecast.db", "SELECT count(*) FROM sheets WHERE list_id = 1") == [(1,)]
    yes = here.at_terminal("import", "people.csv", "--list", "people", answers={question: "y"})
    assert (yes.status, yes.out.count("Since sheet 1")) == (0, 1)
    assert here.at_terminal("import", "many.csv", "--list", "people", "--yes", answers={}).status == 0
