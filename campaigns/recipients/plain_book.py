"""Rows of text as the smallest workbook there is: for a sheet that came as text, or of which no file was kept.

Every cell is text and formatted as text, so that leading zeros stay, and nothing is ever computed.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from campaigns.recipients.columns import column_letter
from campaigns.recipients.sheet_part import LAST_ROW
from campaigns.recipients.xml_edit import UnfitError, ascii_bytes, quoted, text_of

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_NO_TITLE = re.compile(r"[\[\]:*?/\\\x00-\x1f]")  # what the title of a worksheet may not hold
_WIDTH = 18

_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_KIND}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><fonts count="2">'
    '<font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="3">'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1" applyNumberFormat="1"/>'
    '<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" quotePrefix="1" applyNumberFormat="1" applyFont="1"/>'
    '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
}


def write_plain(path: Path, title: str, header_row: int, rows: Iterable[tuple[int, Sequence[str]]]) -> str:
    """Write rows of (number, cells) to `path`, the header row bold and frozen; the worksheet's title.

    UnfitError for more rows than a worksheet has.
    """
    title = _NO_TITLE.sub(" ", title).strip(" '")[:31] or "Sheet1"
    book = (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="{quoted(title)}" sheetId="1" r:id="rId1"/>'
        "</sheets></workbook>"
    )
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        for name, part in (*_PARTS.items(), ("xl/workbook.xml", book)):
            archive.writestr(name, ascii_bytes(_HEAD + part))
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            pane = (
                f'<pane ySplit="{header_row}" topLeftCell="A{header_row + 1}" activePane="bottomLeft" state="frozen"/>'
            )
            sheet.write(
                ascii_bytes(
                    f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">{pane}</sheetView>'
                    f'</sheetViews><sheetFormatPr defaultColWidth="{_WIDTH}" defaultRowHeight="15"/><sheetData>'
                )
            )
            for row, cells in rows:
                if row > LAST_ROW:
                    raise UnfitError("more rows than a worksheet has")
                sheet.write(_row(row, cells, style=2 if row == header_row else 1))
            sheet.write(b"</sheetData></worksheet>")
    return title


def _row(row: int, cells: Sequence[str], style: int) -> bytes:
    written = "".join(
        f'<c r="{column_letter(place)}{row}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{text_of(cell)}</t>'
        "</is></c>"
        for place, cell in enumerate(cells)
        if cell
    )
    return ascii_bytes(f'<row r="{row}">{written}</row>')
