"""The same list as each kind of spreadsheet, each by a writer of its own; .xlsb by the records of [MS-XLSB]."""

import datetime as dt
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

import xlsxwriter
import xlwt
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P

Value = str | float | bool | dt.date
Rows = Sequence[Sequence[Value]]
KINDS = ("xlsx", "xlsm", "xls", "xlsb", "ods")


def write_sheet(path: Path, *sheets: tuple[str, Rows]) -> Path:
    """Titles and rows as the kind of workbook that the name says."""
    writers = {".xlsx": _xlsx, ".xlsm": _xlsm, ".xls": _xls, ".xlsb": write_xlsb, ".ods": write_ods}
    writers[path.suffix](path, sheets)
    return path


def _xlsx(path: Path, sheets: Sequence[tuple[str, Rows]]) -> None:
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"}) as book:
        for title, rows in sheets:
            sheet = book.add_worksheet(title)
            for row, values in enumerate(rows):
                sheet.write_row(row, 0, values)


def _xlsm(path: Path, sheets: Sequence[tuple[str, Rows]]) -> None:
    """An .xlsx with the content type of one with macros, and something in the macros' place."""
    plain = path.with_suffix(".xlsx.part")
    _xlsx(plain, sheets)
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "[Content_Types].xml":
                content = content.replace(
                    b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
                    b"application/vnd.ms-excel.sheet.macroEnabled.main+xml",
                )
            new.writestr(name, content)
        new.writestr("xl/vbaProject.bin", b"Sub Auto_Open()")
    plain.unlink()


def _xls(path: Path, sheets: Sequence[tuple[str, Rows]]) -> None:
    book = xlwt.Workbook()
    date = xlwt.easyxf(num_format_str="yyyy-mm-dd")
    for title, rows in sheets:
        sheet = book.add_sheet(title)
        for row, values in enumerate(rows):
            for place, value in enumerate(values):
                sheet.write(row, place, value, *([date] if isinstance(value, dt.date) else []))
    book.save(str(path))


def write_ods(path: Path, sheets: Sequence[tuple[str, Rows]]) -> None:
    book = OpenDocumentSpreadsheet()
    for title, rows in sheets:
        table = Table(name=title)
        for values in rows:
            row = TableRow()
            for value in values:
                row.addElement(_ods_cell(value))
            table.addElement(row)
        book.spreadsheet.addElement(table)
    book.save(str(path))


def _ods_cell(value: Value) -> TableCell:
    if isinstance(value, bool):
        cell = TableCell(valuetype="boolean", booleanvalue="true" if value else "false")
    elif isinstance(value, int | float):
        cell = TableCell(valuetype="float", value=repr(value))
    elif isinstance(value, dt.date):
        cell = TableCell(valuetype="date", datevalue=value.isoformat())
    else:
        cell = TableCell(valuetype="string")
    shown = ("TRUE" if value else "FALSE") if isinstance(value, bool) else str(value)
    for line in shown.split("\n"):
        cell.addElement(P(text=line))
    return cell


# --- .xlsb: records of type, length and payload; numbers of types and lengths are varints

_TYPES = """<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="bin" ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/>
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>"""
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_DAY_ONE = dt.date(1899, 12, 30)


def write_xlsb(path: Path, sheets: Sequence[tuple[str, Rows]]) -> None:
    bundles = b"".join(
        _record(156, struct.pack("<II", 0, n) + _wide(f"rId{n}") + _wide(title))
        for n, (title, _) in enumerate(sheets, 1)
    )
    formats = b"".join(_record(47, struct.pack("<HHHHHI", 0, code, 0, 0, 0, 0)[:16]) for code in (0, 14))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _TYPES)
        archive.writestr("_rels/.rels", _relations([("officeDocument", "xl/workbook.bin")]))
        archive.writestr(
            "xl/_rels/workbook.bin.rels",
            _relations(
                [
                    *(("worksheet", f"worksheets/sheet{n}.bin") for n in range(1, len(sheets) + 1)),
                    ("styles", "styles.bin"),
                ]
            ),
        )
        archive.writestr("xl/workbook.bin", _record(131) + _record(143) + bundles + _record(144) + _record(132))
        archive.writestr("xl/styles.bin", _record(617, struct.pack("<I", 2)) + formats + _record(618))
        for n, (_, rows) in enumerate(sheets, 1):
            archive.writestr(f"xl/worksheets/sheet{n}.bin", _xlsb_sheet(rows))


def _xlsb_sheet(rows: Rows) -> bytes:
    size = struct.pack("<IIII", 0, max(len(rows) - 1, 0), 0, max(map(len, rows), default=1) - 1)
    cells = b"".join(
        _record(0, struct.pack("<II", row, 0) + bytes(17)) + b"".join(map(_xlsb_cell, range(len(values)), values))
        for row, values in enumerate(rows)
    )
    return _record(129) + _record(148, size) + _record(145) + cells + _record(146) + _record(130)


def _xlsb_cell(place: int, value: Value) -> bytes:
    at = struct.pack("<II", place, 0)
    if isinstance(value, bool):
        return _record(4, at + bytes([value]))
    if isinstance(value, dt.date):
        return _record(5, struct.pack("<IId", place, 1, (value - _DAY_ONE).days))
    if isinstance(value, int | float):
        return _record(5, at + struct.pack("<d", value))
    return _record(6, at + _wide(value)) if value else _record(1, at)


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    lines = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, 1)
    )
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{lines}</Relationships>'
    )


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text.encode("utf-16-le")) // 2) + text.encode("utf-16-le")


def _record(kind: int, payload: bytes = b"") -> bytes:
    return _varint(kind) + _varint(len(payload)) + payload


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])
