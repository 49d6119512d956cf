"""Old and binary workbooks (.xls by xlwt, .xlsb by the records of its specification), read in a process of their own."""

import datetime as dt
import signal
from pathlib import Path

import pytest
import xlwt
from reading_sheets import read_sheet

from campaigns.errors import SpreadsheetError
from campaigns.recipients import binary_file
from campaigns.recipients.binary_file import BinaryWorkbook
from campaigns.recipients.opening import FileKind
from campaigns.recipients.sheet import HiddenRows
from tests.doubles.every_kind import write_sheet

ROWS = [
    ["Spring"],
    [],
    ["E-Mail", "Amount", "Since", "Paid", "Code"],
    ["ann@example.com", 0.1 + 0.2, dt.date(2026, 12, 1), True, "007"],
    [],
    ["bo@example.com", 491701234567, dt.date(1999, 12, 31), False, "x"],
]


@pytest.mark.parametrize("kind", ["xls", "xlsb"])
def test_values_are_read_as_a_person_most_likely_sees_them(tmp_path, kind):
    read = read_sheet(write_sheet(tmp_path / f"people.{kind}", ("People", ROWS)))
    assert (read.sheet.worksheet, read.sheet.header_row, [row.row for row in read.rows]) == ("People", 3, [4, 6])
    assert read.cells == [
        ["ann@example.com", ["0.3", 0.3], ["2026-12-01", "2026-12-01"], ["TRUE", True], "007"],
        ["bo@example.com", ["491701234567", 491701234567], ["1999-12-31", "1999-12-31"], ["FALSE", False], "x"],
    ]
    assert f"An .{kind} file gives its values without their looks" in read.findings["plain_values"].sentence


def test_times_spans_percent_and_postcodes_of_an_xls(tmp_path):
    path = tmp_path / "people.xls"
    book = xlwt.Workbook()
    sheet = book.add_sheet("People")
    sheet.write(2, 1, "E-Mail")
    sheet.write(3, 1, "ann@example.com")
    things = (
        (dt.datetime(2026, 12, 1, 9, 30), "d.m.yyyy h:mm"),  # noqa: DTZ001  as xlwt takes it
        (dt.time(9, 30), "h:mm"),
        (1.5, "[h]:mm"),
        (0.19, "0%"),
        (123, "00000"),
    )
    for place, (value, code) in enumerate(things, 2):
        sheet.write(2, place, f"H{place}")
        sheet.write(3, place, value, xlwt.easyxf(num_format_str=code))
    book.save(str(path))
    assert read_sheet(path).cells[0][1:] == [
        "ann@example.com",
        ["2026-12-01 09:30", "2026-12-01T09:30:00"],
        "9:30",
        "36:00",
        ["0.19", 0.19],
        ["123", 123],
    ]


def test_dates_of_the_1904_calendar_are_the_same_days(tmp_path):
    book = xlwt.Workbook()
    book.dates_1904 = True
    sheet = book.add_sheet("People")
    for place, (header, value) in enumerate({"E-Mail": "ann@example.com", "Since": dt.date(2026, 12, 1)}.items()):
        sheet.write(0, place, header)
        sheet.write(1, place, value, xlwt.easyxf(num_format_str="yyyy-mm-dd"))
    book.save(str(tmp_path / "people.xls"))
    assert read_sheet(tmp_path / "people.xls").cells[0][1] == ["2026-12-01", "2026-12-01"]


@pytest.mark.parametrize("kind", ["xls", "xlsb"])
def test_worksheets_are_chosen_as_in_other_workbooks(tmp_path, kind):
    path = write_sheet(tmp_path / f"b.{kind}", ("Notes", [["x"]]), ("Guests", ROWS), ("Staff", ROWS))
    with pytest.raises(SpreadsheetError, match="2 worksheets have addresses: “Guests”, “Staff”"):
        read_sheet(path)
    assert read_sheet(path, worksheet="staff").sheet.worksheet == "Staff"


def test_a_hidden_worksheet_of_an_xls_is_not_taken_by_itself(tmp_path):
    book = xlwt.Workbook()
    for title, hidden in (("Guests", 0), ("Old", 1)):
        sheet = book.add_sheet(title)
        sheet.visibility = hidden
        sheet.write(0, 0, "E-Mail")
        sheet.write(1, 0, f"{title}@example.com")
    book.save(str(tmp_path / "b.xls"))
    assert read_sheet(tmp_path / "b.xls").rows[0].given == "Guests@example.com"


def test_hidden_rows_that_are_not_told_cannot_be_skipped(tmp_path):
    path = write_sheet(tmp_path / "people.xls", ("People", ROWS))
    with pytest.raises(SpreadsheetError, match="Which rows are hidden is not read"):
        read_sheet(path, hidden_rows=HiddenRows.SKIP)


def test_a_cell_far_below_that_would_fill_the_memory_ends_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(binary_file, "MEMORY", 200 << 20)
    book = xlwt.Workbook()
    sheet = book.add_sheet("People")
    sheet.write(0, 0, "E-Mail")
    sheet.write(1, 0, "ann@example.com")
    sheet.write(65_535, 255, "far")
    book.save(str(tmp_path / "people.xls"))
    with pytest.raises(SpreadsheetError, match="would take more than 200 MB of memory to read"):
        read_sheet(tmp_path / "people.xls")


@pytest.mark.parametrize(
    ("end", "what"),
    [
        (signal.SIGXCPU, "would take more than 60 seconds"),
        (signal.SIGABRT, "of memory"),
        (signal.SIGSEGV, "is damaged"),
    ],
)
def test_however_the_process_ends_it_ends_in_a_sentence(tmp_path, end, what):
    path = write_sheet(tmp_path / "people.xls", ("People", ROWS))
    book = BinaryWorkbook(path.open("rb"), path, FileKind.XLS, None)
    book._child._process.send_signal(end)
    with pytest.raises(SpreadsheetError, match=what):
        list(book.rows())
    book.close()


def test_a_file_larger_than_any_sheet_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(binary_file, "LARGEST", 1 << 10)
    monkeypatch.setattr(binary_file, "_Child", lambda *_: pytest.fail("read"))
    with pytest.raises(SpreadsheetError, match="larger than the 0 MB"):
        read_sheet(write_sheet(tmp_path / "people.xls", ("People", ROWS)))


@pytest.mark.parametrize("kind", ["xls", "xlsb"])
def test_a_torn_file_is_damaged(tmp_path, kind):
    path = write_sheet(tmp_path / f"people.{kind}", ("People", ROWS))
    path.write_bytes(path.read_bytes()[: -path.stat().st_size // 2])
    with pytest.raises(SpreadsheetError, match="is damaged") as error:
        read_sheet(path)
    assert error.value.where.file == path.name


@pytest.mark.parametrize("kind", ["xls", "xlsb", "ods", "xlsm"])
def test_a_workbook_is_known_by_its_content_and_not_by_its_name(tmp_path: Path, kind):
    path = write_sheet(tmp_path / f"people.{kind}", ("People", ROWS)).rename(tmp_path / "people.csv")
    assert [row.given for row in read_sheet(path).rows] == ["ann@example.com", "bo@example.com"]
