"""The fast lane of .xlsx gives what the parser gives, whatever wrote the worksheet and whatever broke it."""

import datetime as dt
import random
import zipfile
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from campaigns.recipients import xlsx_file, xlsx_plain
from campaigns.recipients.sheet_part import SheetPart
from campaigns.recipients.xlsx_cells import CellReader
from campaigns.recipients.xlsx_plain import NotPlainError, parse_plain_rows
from campaigns.recipients.xlsx_rows import parse_rows
from tests.fuzz.mutants import broken_part

STRINGS = ["E-Mail", "Zoë & Co", "ann@example.com", "x"] * 30
FORMATS = ["General", "00000", "dd.mm.yyyy", "#,##0.00", '"Dr. "@']
NS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
HEAD = f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet xmlns="{NS}" xmlns:x14ac="urn:x"><dimension ref="A1"/>'
EXCEL = (
    '<row r="1" spans="1:3" x14ac:dyDescent="0.25"><c r="A1" s="1" t="s"><v>0</v></c><c r="C1"><v>7</v></c></row>'
    '<row r="3" s="1" customFormat="1"/><row r="4" hidden="1"><c r="A4" s="2"><v>46357</v></c><c r="B4" t="b"><v>1</v></c>'
    '<c r="C4" s="4" t="s"><v>3</v></c><c r="D4" s="1"/></row>'
    '<row r="5"><c r="A5" t="str"><f>A1&amp;"b"</f><v>x&amp;y</v></c><c r="B5" t="e"><f>1/0</f><v>#DIV/0!</v></c>'
    '<c r="C5"><f>NOW()</f></c><c r="D5" t="inlineStr"><is><t xml:space="preserve"> in </t></is></c><c r="E5"><v>1E3</v></c></row>'
    '<row r="6"><c r="B6" t="inlineStr"><is><r><t>ri</t></r><r><t>ch</t></r></is></c><c r="A6" cm="1"><v>2</v></c></row>'
)


def worksheet(rows: str, tail: str = '<pageMargins left="0.7"/></worksheet>') -> bytes:
    return f"{HEAD}<sheetData>{rows}</sheetData>{tail}".encode()


def came_to(lane: Any, content: bytes) -> Any:
    """All rows and the hidden ones of a lane, or the class of the error."""
    part = SheetPart(BytesIO(content))
    try:
        return list(lane(part, CellReader(STRINGS, FORMATS, epoch_1904=False))), list(part.hidden)
    except Exception as error:
        return type(error)


def test_rows_as_excel_spells_them_are_the_same_and_the_parser_is_not_asked_for_them(monkeypatch):
    expected = came_to(parse_rows, worksheet(EXCEL))
    assert [row for row, _ in expected[0]] == [1, 4, 5, 6]
    assert came_to(parse_plain_rows, worksheet(EXCEL)) == expected
    monkeypatch.setattr(xlsx_plain, "fromstring", lambda _: pytest.fail("parsed"))
    plain = EXCEL.partition('<row r="5">')[0]
    assert came_to(parse_plain_rows, worksheet(plain)) == came_to(parse_rows, worksheet(plain))


@pytest.mark.parametrize(
    "rows",
    [
        "<!-- </row> -->" + EXCEL,
        EXCEL.replace('<row r="4"', "<row"),
        EXCEL.replace('"', "'"),
        '<row r="1"><c r="A1" t="inlineStr"><is><t><![CDATA[</row>]]></t></is></c></row>',
    ],
)
def test_what_only_a_parser_understands_is_left_to_it(rows):
    assert came_to(parse_plain_rows, worksheet(rows)) is NotPlainError
    assert isinstance(came_to(parse_rows, worksheet(rows)), tuple)


def test_a_comment_across_two_pieces_of_the_stream_is_seen(monkeypatch):
    content = worksheet(EXCEL.replace('<row r="4"', '<!-- <row r="4"> --><row r="4"'))
    for chunk in range(1, 60):
        monkeypatch.setattr(xlsx_plain, "_CHUNK", chunk)
        assert came_to(parse_plain_rows, content) is NotPlainError


def test_the_size_of_the_pieces_makes_no_difference(monkeypatch):
    expected = came_to(parse_rows, worksheet(EXCEL))
    for chunk in (1, 7, 64, 333):
        monkeypatch.setattr(xlsx_plain, "_CHUNK", chunk)
        assert came_to(parse_plain_rows, worksheet(EXCEL)) == expected


@pytest.mark.parametrize("seed", range(0, 1_500, 100))
def test_a_broken_worksheet_is_never_read_in_another_way_than_the_parser_reads_it(seed):
    alike = 0
    for n in range(seed, seed + 100):
        content = broken_part(worksheet(EXCEL), random.Random(n))
        fast, parsed = came_to(parse_plain_rows, content), came_to(parse_rows, content)
        if isinstance(fast, tuple) and isinstance(parsed, tuple):
            assert fast == parsed, content
            alike += 1
    assert alike > 10


@pytest.mark.parametrize("writer", ["openpyxl", "xlsxwriter", "xlsxwriter in constant memory"])
def test_what_the_writers_write_goes_through_the_fast_lane(tmp_path: Path, monkeypatch, writer):
    rows: list[list[Any]] = [
        ["E-Mail", "Day", "Sum"],
        *([f"p{n}@example.com", dt.date(2026, 1, 1), n / 8] for n in range(99)),
    ]
    path = tmp_path / "people.xlsx"
    if writer == "openpyxl":
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.save(path)
    else:
        with xlsxwriter.Workbook(
            path, {"constant_memory": "constant" in writer, "default_date_format": "yyyy-mm-dd"}
        ) as book:
            sheet = book.add_worksheet()
            for n, row in enumerate(rows):
                sheet.write_row(n, 0, row)
    monkeypatch.setattr(xlsx_plain, "fromstring", lambda _: pytest.fail("parsed"))
    monkeypatch.setattr(xlsx_file, "parse_rows", lambda *_: pytest.fail("parsed"))
    with closing(xlsx_file.Workbook(path.open("rb"), path, None)) as workbook:
        read = list(workbook.rows())
    assert len(read) == 100
    assert read[9][1][2].value == 1


def test_a_worksheet_that_changes_its_spelling_is_parsed_from_there_on(tmp_path: Path):
    path = tmp_path / "people.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for n in range(3_000):
            sheet.write_row(n, 0, [f"p{n}@example.com" if n else "E-Mail", n])
        sheet.set_row(1, None, None, {"hidden": True})
    target = tmp_path / "edited.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'<row r="2990"', b'<!-- here --><row r="2990"'))
    with closing(xlsx_file.Workbook(target.open("rb"), target, None)) as workbook:
        assert [row for row, _ in workbook.rows()] == list(range(1, 3_001))
        assert list(workbook.hidden) == [2]
