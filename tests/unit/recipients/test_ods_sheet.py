"""OpenDocument sheets: what LibreOffice writes, piece by piece, and what odfpy writes, read back as a person sees them."""

import datetime as dt
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from reading_sheets import Read, read_sheet

from campaigns.errors import SpreadsheetError
from campaigns.recipients import sheet_part
from campaigns.recipients.sheet import HiddenRows
from tests.doubles.every_kind import write_sheet

NAMESPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (("office", "office"), ("table", "table"), ("text", "text"), ("style", "style"))
) + (
    ' xmlns:xlink="http://www.w3.org/1999/xlink"'
    ' xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
)
HIDDEN = (
    '<style:style style:name="ta2" style:family="table"><style:table-properties table:display="false"/></style:style>'
)


def text(words: str) -> str:
    return f'<table:table-cell office:value-type="string"><text:p>{words}</text:p></table:table-cell>'


def row(*cells: str, more: str = "") -> str:
    return f"<table:table-row {more}>{''.join(cells)}</table:table-row>"


HEADER = row(text("E-Mail"), text("Thing"))


def table(*rows: str, title: str = "People", style: str = "ta1") -> str:
    return f'<table:table table:name="{title}" table:style-name="{style}">{"".join(rows)}</table:table>'


def person(n: int, thing: str = "", more: str = "") -> str:
    return row(text(f"p{n}@example.com"), thing, more=more)


@pytest.fixture
def write_ods(tmp_path: Path) -> Callable[..., Path]:
    def write(*tables: str, manifest: str = "<manifest/>") -> Path:
        path = tmp_path / "people.ods"
        content = (
            f'<?xml version="1.0"?><office:document-content {NAMESPACES}><office:automatic-styles>{HIDDEN}'
            f"</office:automatic-styles><office:body><office:spreadsheet>{''.join(tables)}<table:named-expressions/>"
            "</office:spreadsheet></office:body></office:document-content>"
        )
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
            archive.writestr("content.xml", content)
            archive.writestr("META-INF/manifest.xml", manifest)
        return path

    return write


@pytest.fixture
def read_things(write_ods) -> Callable[..., Read]:
    """Read a sheet whose second column holds these cells."""
    return lambda *cells: read_sheet(write_ods(table(HEADER, *map(person, range(len(cells)), cells))))


def cell(kind: str, shown: str, **values: str) -> str:
    given = " ".join(f'office:{name.replace("_", "-")}="{value}"' for name, value in values.items())
    return f'<table:table-cell office:value-type="{kind}" {given}><text:p>{shown}</text:p></table:table-cell>'


def test_numbers_print_as_shown_and_compute_as_their_value(read_things):
    read = read_things(
        cell("float", "1234.5", value="1234.5"),
        cell("currency", "1.234,50 €", value="1234.5"),
        cell("percentage", "19%", value="0.19"),
        cell("float", "0.3", value="0.30000000000000004"),
    )
    assert [cells[1] for cells in read.cells] == [
        ["1234.5", 1234.5],
        ["1.234,50 €", 1234.5],
        ["19%", 0.19],
        ["0.3", 0.3],
    ]
    assert read.kinds["thing"] == "number"


def test_postcodes_keep_the_zeros_that_their_format_makes(read_things):
    read = read_things(cell("float", "01067", value="1067"), cell("float", "94105", value="94105"))
    assert [cells[1] for cells in read.cells] == ["01067", "94105"]
    assert read.kinds["thing"] == "text"


def test_dates_times_and_booleans_are_read(read_things):
    read = read_things(
        cell("date", "1. Dez 26", date_value="2026-12-01"), cell("date", "x", date_value="2026-12-01T09:30:00")
    )
    assert [cells[1] for cells in read.cells] == [["1. Dez 26", "2026-12-01"], ["x", "2026-12-01T09:30:00"]]
    assert read_things(cell("time", "36:00", time_value="PT36H00M00S")).cells[0][1] == "36:00"
    assert read_things(cell("boolean", "WAHR", boolean_value="true")).cells[0][1] == ["WAHR", True]
    assert read_things(cell("float", "FALSCH", value="0")).cells[0][1] == ["FALSCH", False]


def test_values_without_a_shown_text_are_shown_plainly(read_things):
    bare = '<table:table-cell office:value-type="{}" office:{}="{}"/>'
    read = read_things(bare.format("float", "value", "7"), bare.format("percentage", "value", "0.195"))
    assert [cells[1] for cells in read.cells] == [["7", 7], ["19.5%", 0.195]]
    assert read_things(bare.format("date", "date-value", "2026-12-01")).cells[0][1] == ["2026-12-01", "2026-12-01"]
    assert read_things(bare.format("time", "time-value", "PT09H30M00S")).cells[0][1] == "9:30"


def test_texts_keep_their_lines_and_blanks_and_lose_comments(read_things):
    read = read_things(
        '<table:table-cell office:value-type="string"><office:annotation><text:p>a note</text:p></office:annotation>'
        "<text:p>Dr.<text:s text:c='3'/><text:span>Ann</text:span><text:tab/>\n  Lee</text:p>"
        "<text:p>second</text:p></table:table-cell>",
        '<table:table-cell office:value-type="string"><text:p><text:s/>a </text:p><text:p> b</text:p></table:table-cell>',
        '<table:table-cell office:value-type="string" office:string-value="two  blanks"><text:p>two blanks</text:p></table:table-cell>',
    )
    assert [cells[1] for cells in read.cells] == ["Dr.   Ann\t Lee\nsecond", " a \nb", "two  blanks"]


def test_errors_and_formulas_without_a_result_are_blank_and_told(read_things):
    read = read_things(
        '<table:table-cell table:formula="of:=1/0" office:value-type="string" calcext:value-type="error"><text:p>#DIV/0!</text:p></table:table-cell>',
        '<table:table-cell table:formula="of:=X()" office:value-type="float" office:value="0"><text:p>Err:508</text:p></table:table-cell>',
        '<table:table-cell table:formula="of:=A1"/>',
        '<table:table-cell table:formula="of:=&quot;&quot;"><text:p/></table:table-cell>',  # so LibreOffice keeps ""
    )
    assert [cells[1] for cells in read.cells] == [None, None, None, None]
    assert (read.findings["error_cell"].rows, read.findings["no_cached_value"].rows) == (2, 1)


def test_rows_and_cells_that_are_only_counted_keep_their_numbers(write_ods):
    path = write_ods(
        table(
            row(more='table:number-rows-repeated="3"'),
            HEADER,
            f"<table:table-row-group>{person(1)}<table:table-header-rows>{person(2)}</table:table-header-rows></table:table-row-group>",
            row('<table:table-cell table:number-columns-repeated="1024"/>', more='table:number-rows-repeated="90"'),
            row(text("p3@example.com"), '<table:table-cell table:number-columns-repeated="90"/>', text("far")),
            row(
                '<table:table-cell table:number-columns-repeated="16384"/>', more='table:number-rows-repeated="1048474"'
            ),
        )
    )
    read = read_sheet(path)
    assert (read.sheet.header_row, [one.row for one in read.rows]) == (4, [5, 6, 97])


def test_equal_rows_that_stand_once_are_all_there(write_ods):
    read = read_sheet(write_ods(table(HEADER, person(1, text("x"), 'table:number-rows-repeated="3"'), person(2))))
    assert [one.row for one in read.rows] == [2, 3, 4, 5]


def test_cells_under_a_merged_one_are_not_seen(write_ods):
    covered = text("old").replace("table-cell", "covered-table-cell")
    read = read_sheet(write_ods(table(HEADER, row(text("p1@example.com"), covered))))
    assert read.cells == [["p1@example.com", None]]


@pytest.mark.parametrize("how", ["collapse", "filter"])
def test_hidden_and_filtered_rows_are_asked_about(write_ods, how):
    path = write_ods(table(HEADER, person(1), person(2, more=f'table:visibility="{how}"')))
    with pytest.raises(SpreadsheetError, match="Rows are hidden or filtered away in the sheet: row 3"):
        read_sheet(path)
    assert [one.row for one in read_sheet(path, hidden_rows=HiddenRows.SKIP).rows] == [2]
    assert [one.row for one in read_sheet(path, hidden_rows=HiddenRows.READ).rows] == [2, 3]


def test_worksheets_are_chosen_as_in_other_workbooks(write_ods):
    guests, old = table(HEADER, person(1), title="Guests"), table(HEADER, person(2), title="Old", style="ta2")
    path = write_ods(table(row(text("Hello")), title="Notes"), guests, old)
    assert read_sheet(path).sheet.worksheet == "Guests"
    assert read_sheet(path, worksheet="old").rows[0].given == "p2@example.com"
    with pytest.raises(SpreadsheetError, match="There is no worksheet “Guest”"):
        read_sheet(path, worksheet="Guest")
    with pytest.raises(SpreadsheetError, match="2 worksheets have addresses: “A”, “B”"):
        read_sheet(write_ods(table(HEADER, person(1), title="A"), table(HEADER, person(1), title="B")))


def test_a_table_in_a_drawing_is_no_worksheet(write_ods):
    drawing = f"<table:shapes>{table(HEADER, person(9), title='Inner')}</table:shapes>"
    read = read_sheet(write_ods(table(drawing, HEADER, person(1))))
    assert [(one.row, one.given) for one in read.rows] == [(2, "p1@example.com")]


def test_an_address_behind_a_name_is_read_from_the_link(write_ods):
    link = '<text:a xlink:href="mailto:ann@example.com">Ann Lee</text:a>'
    read = read_sheet(write_ods(table(HEADER, row(text(link)), person(2))))
    assert read.rows[0].given == "ann@example.com"
    assert read.findings["address_in_link"].first_rows == (2,)


@pytest.mark.parametrize("manifest", ["<manifest><encryption-data/></manifest>", "<m:encryption-data xmlns:m='m'/>"])
def test_a_password_is_named(write_ods, manifest):
    with pytest.raises(SpreadsheetError, match="protected by a password"):
        read_sheet(write_ods(table(HEADER, person(1)), manifest=manifest))


@pytest.mark.parametrize(
    "bad",
    [
        table(HEADER, person(1), row(text("x"), more='table:number-rows-repeated="-1"')),
        table(HEADER, person(1), row(cell("float", "x", value="x"))),
        table(HEADER, person(1), row(cell("money", "x", value="1"))),
        table(HEADER, person(1), "<table:table-row>").removesuffix("</table:table>"),
    ],
)
def test_what_no_program_writes_is_damage(write_ods, bad):
    with pytest.raises(SpreadsheetError, match="damaged"):
        read_sheet(write_ods(bad))


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (row(text("x").replace("<table:table-cell", '<table:table-cell table:number-columns-repeated="16385"')), "16,384"),
        (person(2, more='table:number-rows-repeated="1048576"'), "1,048,576 rows"),
        ("".join(person(n, text("x").replace("table-cell ", 'table-cell table:number-columns-repeated="9000" ')) for n in range(9)), "far wider"),
    ],
)  # fmt: skip
def test_a_few_bytes_that_ask_for_more_than_a_sheet_are_refused(write_ods, monkeypatch, bad, what):
    monkeypatch.setattr(sheet_part, "MOST_MADE_UP", 40_000)
    with pytest.raises(SpreadsheetError, match=what):
        read_sheet(write_ods(table(HEADER, person(1), bad)))


def test_entities_and_bombs_are_refused(write_ods, tmp_path):
    path = write_ods(table(HEADER, person(1)))
    for content, what in (
        (b'<!DOCTYPE a [<!ENTITY b "ha">]><a>&b;</a>', "XML entities"),
        (b" " * (40 << 20), "zip bomb"),
    ):
        with zipfile.ZipFile(tmp_path / "bad.ods", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("mimetype", zipfile.ZipFile(path).read("mimetype"))
            archive.writestr("content.xml", content)
        with pytest.raises(SpreadsheetError, match=what):
            read_sheet(tmp_path / "bad.ods")


def test_what_odfpy_writes_is_read_back(tmp_path):
    rows = [["E-Mail", "Amount", "Since", "Paid"], ["ann@example.com", 1.5, dt.date(2026, 12, 1), True]]
    read = read_sheet(write_sheet(tmp_path / "people.ods", ("People", rows)))
    assert read.cells == [["ann@example.com", ["1.5", 1.5], ["2026-12-01", "2026-12-01"], ["TRUE", True]]]
