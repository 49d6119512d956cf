"""The fast lane of an .xlsx worksheet: rows spelled as spreadsheet programs spell them are read without an XML parser.

What is spelled in any other way goes to the parser: a row by itself where that is possible, else the whole worksheet.
Both lanes must give the same; the tests hold them against each other.
"""

import re
from collections.abc import Iterator
from operator import itemgetter
from xml.etree.ElementTree import fromstring

from campaigns.recipients.cells import MOST_COLUMNS, Cell, is_blank
from campaigns.recipients.sheet_part import LAST_ROW, SheetPart
from campaigns.recipients.xlsx_cells import MAIN_NS, CellReader
from campaigns.recipients.xlsx_rows import cells_of, place_of, too_wide

_CHUNK = 1 << 18
_LONGEST_HEAD = 1 << 20
_LONGEST_ROW = 1 << 22

# Texts with an entity, a carriage return or what XML forbids are the parser's: it would change or refuse them.
TEXT = r"[^<&\x00-\x08\x0b-\x1f\ufffe\uffff]*"
_CELL = re.compile(
    r'(<c r="([A-Z]{1,3})\d{1,7}"(?: s="(\d{1,9})")?(?: t="(s|n|b|e|str|inlineStr)")?(?:/>|>'
    rf"(?:(<f(?: [^<>&]*)?(?:/>|>{TEXT}</f>))?(?:<v>({TEXT})</v>|<v/>)?"
    rf'|<is><t(?: xml:space="preserve")?>({TEXT})</t></is>)</c>))'
)
_ROW = re.compile(rb'\s*<row((?: [\w:]+="[^"<>&]*")*) ?>')
_EMPTY_ROW = re.compile(rb'\s*<row(?: [\w:]+="[^"<>&]*")* ?/>')
_NUMBER = re.compile(rb' r="(\d{1,7})"')
_HIDDEN = re.compile(rb' hidden="(?:1|true)"')
_ROOT = re.compile(
    rb'(?:\xef\xbb\xbf)?(?:<\?xml version="1.0" encoding="(?i:utf-8)"[^<>]*\?>\s*)?(<worksheet(?: [^<>&]*)?>)'
)
_DATA = re.compile(rb"<sheetData(?: [^<>&]*)?>")
_WHOLE = itemgetter(0)
_END, _OVER = b"</row>", b"</sheetData>"


class NotPlainError(Exception):
    """The worksheet is spelled in a way that only a parser understands."""


def parse_plain_rows(part: SheetPart, cells: CellReader) -> Iterator[tuple[int, list[Cell]]]:
    """As `parse_rows`, and NotPlainError where that is needed."""
    places: dict[str, int] = {}
    root, rest = _head(part)
    last = 0
    for row in _pieces(part, rest):
        start = _ROW.match(row)
        number = _NUMBER.search(start[1]) if start else None
        if start is None or number is None:
            raise NotPlainError
        at = int(number[1])
        if not last < at <= LAST_ROW:
            msg = f"row {at} after row {last}"
            raise ValueError(msg)
        last = at
        found = _read(row[start.end() : -len(_END)].decode(), cells, places)
        if found is None:
            found = cells_of(fromstring(root + row + b"</worksheet>")[0], cells, places)  # noqa: S314  no entities here
        part.make_up(len(found) - row.count(b"<c "))
        if not found:
            continue
        if _HIDDEN.search(start[1]) and not all(map(is_blank, found)):
            part.hidden.append(at)
            if part.skip_hidden:
                continue
        yield at, found


def _head(part: SheetPart) -> tuple[bytes, bytes]:
    """The worksheet's own tag, and what was read of its rows."""
    head = b""
    while (data := _DATA.search(head)) is None:
        chunk = part.read(_CHUNK)
        if not chunk or len(head) > _LONGEST_HEAD:
            raise NotPlainError
        head += chunk
    root = _ROOT.match(head)
    if root is None or f'xmlns="{MAIN_NS}"'.encode() not in root[1] or b"<!" in head or head.count(b"<?") > 1:
        raise NotPlainError
    return root[1], head[data.end() :]


def _pieces(part: SheetPart, rest: bytes) -> Iterator[bytes]:
    """Each row from its tag to its end, to the end of the rows."""
    while True:
        over = rest.find(_OVER)
        *rows, rest = (rest if over < 0 else rest[:over]).split(_END)
        for row in rows:
            yield _without_empty_rows(row) + _END
        rest = _without_empty_rows(rest)  # a format down to the last row is a million of them
        part.end_row(pending=len(rest))
        if over >= 0:
            if rest.strip():
                raise NotPlainError
            part.drain()
            return
        chunk = part.read(_CHUNK)
        seam = rest[-1:] + chunk
        if not chunk or len(rest) > _LONGEST_ROW or b"<!" in seam or b"<?" in seam:
            raise NotPlainError  # cut off, or what may hold anything at all
        rest += chunk


def _without_empty_rows(row: bytes) -> bytes:
    at = 0
    while found := _EMPTY_ROW.match(row, at):
        if not _NUMBER.search(found[0]):
            raise NotPlainError
        at = found.end()
    return row[at:]


def _read(row: str, reader: CellReader, places: dict[str, int]) -> list[Cell] | None:
    """The row's cells up to the last one with something in it; None if one of them is spelled in another way."""
    spelled = _CELL.findall(row)
    if sum(map(len, map(_WHOLE, spelled))) != len(row):
        return None
    strings = reader.strings
    found: list[Cell] = []
    for _, letters, style, kind, formula, value, inline in spelled:
        if inline and kind != "inlineStr":
            return None
        if kind == "s" and value and not style:  # most cells of most sheets
            content: Cell = strings[int(value)]
        else:
            content = reader.value_of(kind, style, inline or value, formula=bool(formula))
        if not content:
            continue
        place = places.get(letters)
        if place is None:
            place = places[letters] = place_of(letters)
        if place >= len(found):
            if place >= MOST_COLUMNS:
                raise too_wide()
            if place > len(found):
                found.extend([""] * (place - len(found)))
            found.append(content)
        else:
            found[place] = content
    return found
