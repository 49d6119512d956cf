"""Files that are not what they say: one clear sentence each, and never a traceback."""

import struct
import zipfile
from pathlib import Path

import pytest
import xlsxwriter
from reading_sheets import read_sheet

from campaigns.errors import SpreadsheetError
from campaigns.recipients import guards

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def zip_of(path: Path, **parts: str) -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path.read_bytes()


def ole(stream: str) -> bytes:
    return OLE + bytes(2_000_000) + stream.encode("utf-16-le") + bytes(600)


@pytest.mark.parametrize(
    ("content", "what", "remedy"),
    [
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF", "Ask for the sheet"),
        (b"{\\rtf1\\ansi", "a Word file", "save that as .xlsx"),
        (b"\x89PNG\r\n\x1a\n", "a picture", "Ask for the sheet"),
        (b"\x1f\x8b\x08\x00", "a packed archive", "Unpack it"),
        (b"SQLite format 3\x00", "a database", "as CSV"),
        (b"<!DOCTYPE html><html><table>", "a web page", "save it as .xlsx"),
        (b"\xef\xbb\xbf<html xmlns:x='urn:schemas-microsoft-com:office:excel'>", "a web page", "save it as .xlsx"),
        (b'<?xml version="1.0"?><Workbook>', "an XML file", "save it as .xlsx"),
        (ole("EncryptedPackage"), "protected by a password", "remove the password"),
        (ole("WordDocument"), "a Word file", "save that as .xlsx"),
        (ole("__substg1.0_"), "an Outlook file", "as CSV"),
        (ole("Workbook"), "damaged", "let it repair"),
        (b"\x09\x08\x08\x00\x00\x05", "a file of Excel 4 or older", "in LibreOffice"),
        (b"PK\x03\x04 and nothing more", "damaged", "let it repair"),
    ],
)
@pytest.mark.parametrize("name", ["people.csv", "people.xlsx"])
def test_a_file_of_another_kind_is_named_for_what_it_is(read_csv, content, what, remedy, name):
    with pytest.raises(SpreadsheetError, match=what) as error:
        read_csv(content, name=name)
    assert remedy in error.value.remedy
    assert error.value.where.file == name


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ({"[Content_Types].xml": "", "word/document.xml": ""}, "a Word file"),
        ({"[Content_Types].xml": "", "ppt/presentation.xml": ""}, "a presentation"),
        ({"[Content_Types].xml": "", "xl/workbook.bin": ""}, "damaged"),
        ({"mimetype": "application/vnd.oasis.opendocument.spreadsheet"}, "damaged"),
        ({"mimetype": "application/vnd.oasis.opendocument.text"}, "an OpenDocument text"),
        ({"Index/Document.iwa": ""}, "a Numbers"),
        ({"people.csv": "E-Mail\n"}, "a zip archive"),
        ({"[Content_Types].xml": "<Types/>"}, "damaged"),
        ({"[Content_Types].xml": "not xml"}, "damaged"),
    ],
)
def test_a_zip_of_another_kind_is_named_for_what_it_is(tmp_path, read_csv, parts, what):
    with pytest.raises(SpreadsheetError, match=what):
        read_csv(zip_of(tmp_path / "z", **parts), name="people.xlsx")


def test_a_missing_file_is_answered_with_the_nearest(tmp_path):
    (tmp_path / "people.csv").write_text("E-Mail\n")
    with pytest.raises(SpreadsheetError, match="There is no file") as error:
        read_sheet(tmp_path / "poeple.csv")
    assert "people.csv?" in error.value.remedy


def test_a_folder_is_no_sheet(tmp_path):
    with pytest.raises(SpreadsheetError, match="is a folder"):
        read_sheet(tmp_path)


def test_a_file_that_may_not_be_read_says_close_it_in_excel(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SpreadsheetError, match="cannot be opened") as error:
        read_sheet(tmp_path / "people.xlsx")
    assert error.value.remedy.startswith("Close it in Excel.")


@pytest.mark.parametrize("lock", ["~$people.xlsx", ".~lock.people.xlsx#"])
def test_a_lock_file_is_not_the_sheet(read_csv, lock):
    with pytest.raises(SpreadsheetError) as error:
        read_csv(b"\x03Ann", name=lock)
    assert error.value.remedy == "Close it in Excel, and import people.xlsx."


@pytest.mark.parametrize("lock", ["~$people.csv", ".~lock.people.csv#"])
def test_a_sheet_that_is_open_elsewhere_is_read_with_a_warning(tmp_path, read_csv, lock):
    (tmp_path / lock).write_text("")
    assert "open_elsewhere" in read_csv("E-Mail\nann@example.com\n").findings


def test_a_worksheet_of_a_text_file_is_refused(read_csv):
    with pytest.raises(SpreadsheetError, match="no worksheets"):
        read_csv("E-Mail\nann@example.com\n", worksheet="People")


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    path = tmp_path / "people.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["E-Mail", "Name", "Amount"])
        for n in range(1, 30):
            sheet.write_row(n, 0, [f"p{n}@example.com", f"Ann {n}", n / 7])
    return path


def repacked(path: Path, part: str, content: bytes) -> Path:
    target = path.with_name("repacked.xlsx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, content if name == part else old.read(name))
    return target


def test_an_encoding_for_a_workbook_is_refused(workbook):
    with pytest.raises(SpreadsheetError, match="needs no encoding"):
        read_sheet(workbook, encoding="cp1252")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(workbook, monkeypatch):
    monkeypatch.setattr(guards, "_declares_entities", lambda part: pytest.fail("unpacked"))
    with pytest.raises(SpreadsheetError, match="zip bomb"):
        read_sheet(repacked(workbook, "xl/worksheets/sheet1.xml", b" " * (40 << 20)))


@pytest.mark.parametrize(
    "part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml", "xl/styles.xml"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_entities_are_refused_in_every_part(workbook, part, encoding):
    laughs = (
        f'<?xml version="1.0" encoding="{encoding}"?><!-- {"x" * 9000} -->'
        '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]><worksheet>&c;</worksheet>'
    )
    with pytest.raises(SpreadsheetError, match="XML entities"):
        read_sheet(repacked(workbook, part, laughs.encode(encoding)))


def sheet_xml(rows: str) -> bytes:
    return f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>'.encode()


HEADER = '<row r="1"><c r="A1" t="inlineStr"><is><t>E-Mail</t></is></c></row>'
ANN = '<row r="2"><c r="A2" t="inlineStr"><is><t>ann@example.com</t></is></c></row>'


@pytest.mark.parametrize(
    "rows",
    [
        HEADER + ANN + '<row r="2"><c r="A2"><v>1</v></c></row>',
        HEADER + ANN + '<row r="x"><c r="A3"><v>1</v></c></row>',
        HEADER + ANN + '<row r="9999999"><c r="A3"><v>1</v></c></row>',
        HEADER + ANN + '<row r="3"><c r="A3" t="s"><v>99999</v></c></row>',
        HEADER + ANN + '<row r="3"><c r="A3"><v>one</v></c></row>',
        HEADER + ANN + '<row r="3"><c r="A3" t="q"><v>1</v></c></row>',
        HEADER + ANN + '<row r="3"><c r="3"><v>1</v></c></row>',
        HEADER + ANN + '<row r="3"><c',
    ],
)
def test_rows_that_no_program_writes_are_damage_with_a_place(workbook, rows):
    with pytest.raises(SpreadsheetError, match="damaged") as error:
        read_sheet(repacked(workbook, "xl/worksheets/sheet1.xml", sheet_xml(rows)))
    assert error.value.where.row == 3


@pytest.mark.parametrize("cells", ['<c r="XFE3"><v>1</v></c>', "<c><v>1</v></c>" * 16_385])
def test_more_columns_than_excel_has_are_refused(workbook, cells):
    rows = f'{HEADER}{ANN}<row r="3">{cells}</row>'
    with pytest.raises(SpreadsheetError, match="16,384"):
        read_sheet(repacked(workbook, "xl/worksheets/sheet1.xml", sheet_xml(rows)))


@pytest.mark.parametrize("number", ["1E999", "-1E999", "NaN"])
def test_numbers_that_are_none_are_errors(workbook, number):
    rows = f'{HEADER}{ANN}<row r="3"><c r="A3"><v>{number}</v></c></row>'
    read = read_sheet(repacked(workbook, "xl/worksheets/sheet1.xml", sheet_xml(rows)))
    assert read.rows[1].note == "The address cell shows #NUM!."


def test_a_bit_that_fell_over_in_a_packed_sheet_is_damage(workbook):
    path = repacked(workbook, "xl/worksheets/sheet1.xml", sheet_xml(HEADER + ANN))
    with zipfile.ZipFile(path) as archive:
        crc = struct.pack("<I", archive.getinfo("xl/worksheets/sheet1.xml").CRC)
    path.write_bytes(path.read_bytes().replace(crc, b"\0\0\0\0"))
    with pytest.raises(SpreadsheetError, match="damaged"):
        read_sheet(path)


def test_a_member_that_says_it_is_smaller_than_it_is_fills_no_memory(workbook):
    data = bytearray(repacked(workbook, "xl/sharedStrings.xml", b" " * (4 << 20)).read_bytes())
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(b"xl/sharedStrings.xml"))
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    workbook.write_bytes(bytes(data))
    with pytest.raises(SpreadsheetError, match="damaged"):
        read_sheet(workbook)
