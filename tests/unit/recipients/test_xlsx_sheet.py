"""Workbooks written by two other writers (openpyxl, XlsxWriter) or edited as XML, read back as a person sees them."""

import datetime as dt
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from reading_sheets import Read, read_sheet

from campaigns.errors import SpreadsheetError
from campaigns.model.states import RowVerdict
from campaigns.recipients import sheet_part
from campaigns.recipients.sheet import HiddenRows

HEADERS = ("Name", "E-Mail", "Thing")


@pytest.fixture
def read_cells(tmp_path: Path) -> Callable[..., Read]:
    """Read a workbook whose third column holds (value, number format) pairs, written by XlsxWriter."""

    def read(*cells: object, **options: object) -> Read:
        path = tmp_path / "people.xlsx"
        with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd", **options}) as book:
            sheet = book.add_worksheet("People")
            sheet.write_row(0, 0, HEADERS)
            for n, cell in enumerate(cells, 1):
                value, code = cell if isinstance(cell, tuple) else (cell, None)
                sheet.write_row(n, 0, ["Ann", f"p{n}@example.com"])
                sheet.write(n, 2, value, book.add_format({"num_format": code}) if code else None)
        return read_sheet(path)

    return read


def edited(path: Path, part: str, *changes: tuple[str, str]) -> Path:
    """The workbook with one part's XML changed."""
    target = path.with_name(f"edited-{path.name}")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == part:
                for before, after in changes:
                    assert before.encode() in content
                    content = content.replace(before.encode(), after.encode())
            new.writestr(name, content)
    return target


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("People")
        sheet.write_row(0, 0, HEADERS)
        sheet.write_row(1, 0, ["Ann", "ann@example.com", 1])
        sheet.write_row(2, 0, ["Bo", "bo@example.com", 2])
    return path


SHEET = "xl/worksheets/sheet1.xml"


def test_cells_are_shown_and_valued(read_cells):
    read = read_cells((1234.5, "#,##0.00"), (0.125, "0%"), (7, None), (1234.5, "#,##0.00 [$€-407]"))
    assert [cells[2] for cells in read.cells] == [
        ["1,234.50", 1234.5],
        ["13%", 0.125],
        ["7", 7],
        ["1,234.50 €", 1234.5],
    ]
    assert read.kinds["thing"] == "number"


def test_postcodes_keep_their_zeros_and_stay_text(read_cells):
    read = read_cells((123, "00000"), (94105, "00000"))
    assert [cells[2] for cells in read.cells] == ["00123", "94105"]
    assert read.kinds["thing"] == "text"


def test_dates_are_shown_by_their_format_and_valued_by_iso(read_cells):
    read = read_cells((dt.date(2026, 12, 1), "d. mmm yyyy"), (46357 + 9.5 / 24, 22), (dt.date(2026, 12, 1), 14))
    assert [cells[2] for cells in read.cells] == [
        ["1. Dec 2026", "2026-12-01"],
        ["12/1/2026 9:30", "2026-12-01T09:30:00"],
        ["12/1/2026", "2026-12-01"],
    ]
    assert read.kinds["thing"] == "date"


def test_dates_of_the_1904_calendar_are_the_same_days(read_cells):
    read = read_cells((dt.date(2026, 12, 1), "yyyy-mm-dd"), date_1904=True)
    assert read.cells[0][2] == ["2026-12-01", "2026-12-01"]


def test_times_without_a_date_are_text(read_cells):
    read = read_cells((0.5, "h:mm"), (0.75, "h:mm"))
    assert [cells[2] for cells in read.cells] == ["12:00", "18:00"]


def test_booleans_are_shown_as_excel_shows_them(read_cells):
    read = read_cells(True, False)
    assert [cells[2] for cells in read.cells] == [["TRUE", True], ["FALSE", False]]
    assert read.kinds["thing"] == "yes_no"


def test_formulas_give_their_kept_results(tmp_path):
    path = tmp_path / "people.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEADERS)
        sheet.write_row(1, 0, ["Ann", "ann@example.com"])
        sheet.write_formula(1, 2, "=1+1", None, 2)
        sheet.write_row(2, 0, ["Bo"])
        sheet.write_formula(2, 1, '=LOWER("BO@EXAMPLE.COM")', None, "bo@example.com")
        sheet.write_formula(2, 2, "=3+0", None, 3)
    read = read_sheet(path)
    assert [cells[2] for cells in read.cells] == [["2", 2], ["3", 3]]
    assert read.rows[1].given == "bo@example.com"
    assert read.findings == {}


def test_a_formula_without_a_result_is_blank_and_a_finding(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(HEADERS)
    book.active.append(["Ann", "ann@example.com", "=1+1"])
    book.active.append(["Bo", "=A1&C1", 2])
    book.save(tmp_path / "people.xlsx")
    read = read_sheet(tmp_path / "people.xlsx")
    assert read.cells[0][2] is None
    assert read.findings["no_cached_value"].rows == 1
    assert read.rows[1].verdict is RowVerdict.REJECTED
    assert read.rows[1].note == "The address cell's formula has no result."


def test_a_formula_that_gives_an_empty_text_is_just_blank(people):
    path = edited(people, SHEET, ('<c r="C3"><v>2</v></c>', '<c r="C3" t="str"><f>""</f><v></v></c>'))
    read = read_sheet(path)
    assert read.cells[1][2] is None
    assert read.findings == {}


def test_error_cells_are_blank_and_a_finding_with_the_column(people):
    path = edited(people, SHEET, ('<c r="C2"><v>1</v></c>', '<c r="C2" t="e"><f>NA()</f><v>#N/A</v></c>'))
    read = read_sheet(path)
    assert read.cells[0][2] is None
    finding = read.findings["error_cell"]
    assert (finding.where, finding.rows, finding.first_rows) == ("column Thing", 1, (2,))
    assert "“#N/A”" in finding.sentence


def test_an_error_in_the_address_cell_rejects_the_row_and_says_so(people):
    path = edited(people, SHEET, ('<c r="C2"><v>1</v></c>', '<c r="B2" t="e"><v>#REF!</v></c>'))
    assert read_sheet(path).rows[0].note == "The address cell shows #REF!."


def test_a_date_that_no_calendar_has_is_blank_and_a_finding(read_cells):
    read = read_cells((-5, "m/d/yyyy"), (46000, "m/d/yyyy"))
    assert [cells[2] for cells in read.cells] == [None, ["12/9/2025", "2025-12-09"]]
    assert read.findings["impossible_date"].rows == 1


def test_numbers_kept_as_text_are_read_and_told(read_cells):
    read = read_cells(1, 2, 3, 4, "5")
    assert read.cells[4][2] == ["5", 5]
    assert read.findings["number_as_text"].first_rows == (6,)


def test_words_among_numbers_print_but_do_not_compute(read_cells):
    read = read_cells(*range(20), "tbd")
    assert read.cells[20][2] == ["tbd", None]
    assert read.findings["unreadable_number"].rows == 1


def test_a_number_that_excel_shortens_is_told(read_cells):
    read = read_cells(491701234567, 1)
    assert read.cells[0][2] == ["4.91701E+11", 491701234567]
    assert "shortened_number" in read.findings
    assert "shortened_number" in read_cells(491701234567, "K-1", "K-2").findings  # in a column of texts, too


def test_digits_past_the_fifteenth_are_said_to_be_lost(read_cells):
    read = read_cells((1234567890123456789, "0"), 1)
    assert read.findings["digits_lost"].first_rows == (2,)
    assert "shortened_number" not in read_cells(1234567890123456789, 1).findings


def test_a_format_down_to_the_last_row_and_column_makes_no_rows_and_no_columns(people):
    rows = "".join(f'<row r="{n}" s="1"><c r="A{n}" s="1"/><c r="XFD{n}" s="1"/></row>' for n in range(4, 3_000))
    read = read_sheet(edited(people, SHEET, ("</sheetData>", f"{rows}</sheetData>")))
    assert [row.row for row in read.rows] == [2, 3]
    assert len(read.columns) == 3
    assert read.findings == {}


def test_a_sheet_that_is_far_wider_than_filled_is_refused(people, monkeypatch):
    monkeypatch.setattr(sheet_part, "MOST_MADE_UP", 100_000)
    rows = "".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(4, 20))
    with pytest.raises(SpreadsheetError, match="far wider than its rows are filled"):
        read_sheet(edited(people, SHEET, ("</sheetData>", f"{rows}</sheetData>")))


def test_a_row_larger_than_any_row_is_refused(people, monkeypatch):
    monkeypatch.setattr(sheet_part, "LARGEST_ROW", 1 << 20)
    long = f'<c r="C2" t="inlineStr"><is><t>{"x" * (3 << 20)}</t></is></c>'
    with pytest.raises(SpreadsheetError, match="The row is larger than") as error:
        read_sheet(edited(people, SHEET, ('<c r="C2"><v>1</v></c>', long)))
    assert error.value.where.row == 2


@pytest.fixture
def linked(tmp_path: Path) -> Callable[..., Path]:
    """A workbook whose second column holds what is shown, linked to where."""

    def write(*cells: tuple[str, str], header: str = "E-Mail") -> Path:
        path = tmp_path / "people.xlsx"
        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, ["Name", header])
            for n, (seen, target) in enumerate(cells, 1):
                sheet.write(n, 0, f"N{n}")
                if target:
                    sheet.write_url(n, 1, target, string=seen)
                else:
                    sheet.write(n, 1, seen)
        return path

    return write


def test_an_address_behind_a_name_is_read_from_the_link_and_told(linked):
    read = read_sheet(linked(("Ann Lee", "mailto:ann@example.com?subject=Hi"), ("bo@example.com", "")))
    assert [row.given for row in read.rows] == ["ann@example.com", "bo@example.com"]
    assert read.findings["address_in_link"].first_rows == (2,)


def test_a_column_of_names_that_are_all_links_holds_the_addresses(linked):
    read = read_sheet(linked(("Ann", "mailto:ann@example.com"), ("Bo", "mailto:bo@example.com"), header="Contact"))
    assert read.sheet.address_place == 1
    assert [row.given for row in read.rows] == ["ann@example.com", "bo@example.com"]


def test_a_cell_that_shows_one_address_and_links_to_another_is_read_as_shown_and_told(linked):
    read = read_sheet(
        linked(("ann@example.com", "mailto:anna@example.com"), ("bo@example.com", "mailto:BO@example.com"))
    )
    assert [row.given for row in read.rows] == ["ann@example.com", "bo@example.com"]
    assert read.findings["link_elsewhere"].first_rows == (2,)


def test_a_link_to_a_page_is_no_address(linked):
    read = read_sheet(linked(("Ann", "https://example.com/@ann"), ("bo@example.com", "")))
    assert read.rows[0].note == "“Ann” has no @."


def test_a_linked_name_beside_a_column_of_addresses_stays_a_name(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "people.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Name", "E-Mail"])
        sheet.write_url(1, 0, "mailto:other@example.com", string="Ann")
        sheet.write(1, 1, "ann@example.com")
    read = read_sheet(tmp_path / "people.xlsx")
    assert read.cells == [["Ann", "ann@example.com"]]
    assert read.findings == {}


def test_rich_text_is_joined_and_phonetics_left_out(people):
    rich = "<si><r><t>A</t></r><r><rPr><b/></rPr><t>nn</t></r><rPh sb='0' eb='1'><t>XX</t></rPh></si>"
    read = read_sheet(edited(people, "xl/sharedStrings.xml", ("<si><t>Ann</t></si>", rich)))
    assert read.cells[0][0] == "Ann"


def test_inline_strings_are_read(people):
    inline = '<c r="A2" t="inlineStr"><is><t xml:space="preserve">Zoë &amp; </t></is></c>'
    assert read_sheet(edited(people, SHEET, ('<c r="A2" t="s"><v>3</v></c>', inline))).cells[0][0] == "Zoë & "


def test_excels_escaped_line_breaks_are_line_breaks(people):
    read = read_sheet(edited(people, "xl/sharedStrings.xml", ("<t>Ann</t>", "<t>A_x000D_\nn_x0041__xD800_</t>")))
    assert read.cells[0][0] == "A\r\nnA_xD800_"


def test_cells_and_rows_without_coordinates_are_counted(people):
    path = edited(people, SHEET, (' r="A2"', ""), (' r="B2"', ""), (' r="C2"', ""), ('<row r="3"', "<row"))
    assert [row.row for row in read_sheet(path).rows] == [2, 3]


def test_a_wrong_dimension_and_rows_far_below_make_no_rows(people):
    path = edited(
        people,
        SHEET,
        ('ref="A1:C3"', 'ref="A1:A1"'),
        ('<row r="3"', '<row r="1048576"'),
        ('"A3"', '"A1048576"'),
        ('"B3"', '"B1048576"'),
        ('"C3"', '"C1048576"'),
    )
    assert [row.row for row in read_sheet(path).rows] == [2, 1048576]


def test_hidden_rows_are_asked_about(people):
    path = edited(people, SHEET, ('<row r="3"', '<row hidden="1" r="3"'))
    with pytest.raises(SpreadsheetError, match="Rows are hidden or filtered away in the sheet: row 3") as error:
        read_sheet(path)
    assert "--hidden-rows read, or --hidden-rows skip" in error.value.remedy


@pytest.mark.parametrize(("answer", "rows"), [("read", [2, 3]), ("skip", [2])])
def test_hidden_rows_are_read_or_skipped_as_the_person_says_and_told(people, answer, rows):
    read = read_sheet(edited(people, SHEET, ('<row r="3"', '<row hidden="1" r="3"')), hidden_rows=HiddenRows(answer))
    assert [row.row for row in read.rows] == rows
    assert read.findings["hidden_rows"].first_rows == (3,)


def test_hidden_rows_with_nothing_in_them_or_above_the_header_are_no_question(people):
    path = edited(
        people,
        SHEET,
        ('<row r="1"', '<row hidden="1" r="1"'),
        ("</sheetData>", '<row r="9" hidden="1"><c r="A9"/></row></sheetData>'),
    )
    assert len(read_sheet(path).rows) == 2


def test_cells_right_of_the_table_are_left_and_told(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "people.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Name", "E-Mail"])
        for n in range(1, 1101):
            sheet.write_row(n, 0, ["Ann", f"p{n}@example.com"])
        sheet.write(1100, 5, "a remark")
    read = read_sheet(tmp_path / "people.xlsx")
    assert read.rows[-1].verdict is RowVerdict.GOOD
    assert read.findings["cells_beyond_columns"].first_rows == (1101,)


def test_a_broken_font_is_no_reason_to_refuse_a_list(people):
    assert len(read_sheet(edited(people, "xl/styles.xml", ("<fonts ", "<broken/><fonts "))).rows) == 2


def book_of(path: Path, sheets: dict[str, list[list[object]]], hidden: tuple[str, ...] = ()) -> Path:
    with xlsxwriter.Workbook(path) as book:
        for title, rows in sheets.items():
            sheet = book.add_worksheet(title)
            if title in hidden:
                sheet.hide()
            for n, row in enumerate(rows):
                sheet.write_row(n, 0, row)
    return path


LIST: list[list[object]] = [["E-Mail"], ["ann@example.com"]]


def test_the_only_worksheet_with_addresses_is_taken(tmp_path):
    path = book_of(tmp_path / "b.xlsx", {"Notes": [["Hello"]], "Guests": LIST, "Sums": [[1, 2]]})
    assert read_sheet(path).sheet.worksheet == "Guests"


def test_several_worksheets_with_addresses_are_asked_about(tmp_path):
    path = book_of(tmp_path / "b.xlsx", {"Guests": LIST, "Staff": LIST, "Sums": [[1]]})
    with pytest.raises(SpreadsheetError, match="“Guests”, “Staff”") as error:
        read_sheet(path)
    assert "--worksheet" in error.value.remedy
    assert read_sheet(path, worksheet="staff").sheet.worksheet == "Staff"


def test_a_hidden_worksheet_is_not_taken_by_itself(tmp_path):
    path = book_of(tmp_path / "b.xlsx", {"Guests": LIST, "Old": LIST}, hidden=("Old",))
    assert read_sheet(path).sheet.worksheet == "Guests"
    assert read_sheet(path, worksheet="Old").sheet.worksheet == "Old"


def test_worksheets_without_addresses_are_listed(tmp_path):
    path = book_of(tmp_path / "b.xlsx", {"A": [["x"]], "B": [["y"]]})
    with pytest.raises(SpreadsheetError, match="None of the worksheets has addresses: “A”, “B”"):
        read_sheet(path)


def test_an_unknown_worksheet_is_answered_with_the_nearest(tmp_path):
    path = book_of(tmp_path / "b.xlsx", {"Guests": LIST})
    with pytest.raises(SpreadsheetError) as error:
        read_sheet(path, worksheet="Guest")
    assert error.value.remedy == "Did you mean “Guests”?"


def test_progress_ends_near_the_whole(people):
    done, total = read_sheet(people).sheet.progress()
    assert 0 < done <= total


def test_what_openpyxl_writes_is_read_as_openpyxl_reads_it(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["E-Mail", "Text", "Number", "Day"])
    for n in range(50):
        sheet.append([f"p{n}@example.com", f"é{n} <&>", n / 8, dt.date(2026, 1, 1) + dt.timedelta(days=n)])
    book.save(tmp_path / "people.xlsx")
    read = read_sheet(tmp_path / "people.xlsx")
    for cells, row in zip(read.cells, sheet.iter_rows(min_row=2, values_only=True), strict=True):
        assert cells[:2] == list(row[:2])
        assert cells[2][1] == row[2]
        assert cells[3][1] == row[3].isoformat()


def test_a_link_is_found_behind_columns_that_an_earlier_check_has_added(tmp_path):
    path = tmp_path / "back.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Mergecast: state", "city", "Mergecast: reason", "email"])
        sheet.write_row(1, 0, ["gets a mail", "Leeds", ""])
        sheet.write_url(1, 3, "mailto:ann@example.com", string="Ann Lee")
    read = read_sheet(path)
    assert [row.address.wire for row in read.rows] == ["ann@example.com"]
    assert [column.header for column in read.sheet.columns] == ["city", "email"]
