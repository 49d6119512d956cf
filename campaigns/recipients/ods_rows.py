"""The rows of an OpenDocument sheet's XML, streamed; it says of equal rows and cells only how often they stand there."""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, iterparse

from campaigns.errors import SpreadsheetError
from campaigns.recipients.addresses import looks_like_address
from campaigns.recipients.cells import MOST_COLUMNS, Cell, is_blank, shown
from campaigns.recipients.links import address_in
from campaigns.recipients.ods_cells import OFFICE, STYLE, TABLE, link_of, read_cell
from campaigns.recipients.sheet_part import LAST_ROW, MOST_ELEMENTS, SheetPart
from campaigns.recipients.worksheets import LOOKED_AT

_TABLE, _ROW, _BODY = f"{TABLE}table", f"{TABLE}table-row", f"{OFFICE}spreadsheet"
_CELL, _COVERED = f"{TABLE}table-cell", f"{TABLE}covered-table-cell"
_ROWS_REPEATED, _CELLS_REPEATED = f"{TABLE}number-rows-repeated", f"{TABLE}number-columns-repeated"
_HOLDERS = frozenset({_TABLE, *(f"{TABLE}table-{name}" for name in ("row-group", "rows", "header-rows"))})
_STYLE = f"{STYLE}style"


@dataclass(slots=True)
class Table:
    title: str
    hidden: bool
    looked_at: int = 0  # rows with something in them
    has_addresses: bool = False


def list_tables(part: SheetPart, *, only_one: bool) -> list[Table]:
    """The worksheets; `only_one` ends at the first."""
    tables: list[Table] = []
    for table, row in _row_elements(part):
        if not tables or tables[-1] is not table:
            tables.append(table)
        if only_one:
            break
        if row is not None and table.looked_at < LOOKED_AT and (cells := _cells_of(row)):
            table.looked_at += 1
            table.has_addresses |= any(looks_like_address(shown(cell)) for cell in cells)
    return tables


def parse_table(part: SheetPart, title: str, links: dict[tuple[int, int], str]) -> Iterator[tuple[int, list[Cell]]]:
    """Row number and cells of each row with something in it; the cells as wide as the row reaches.

    Raises SpreadsheetError for more than a sheet can hold, and whatever expat and zipfile raise for damage.
    """
    wanted: Table | None = None
    last = 0
    for table, row in _row_elements(part):
        if wanted is None and table.title == title:
            wanted = table
        if table is not wanted:
            if wanted is not None:
                part.drain()
                return
            continue
        if row is None:
            continue
        times = _times(row, _ROWS_REPEATED)
        cells = _cells_of(row)
        if not cells:
            last += times
            continue
        if last + times > LAST_ROW:
            raise _too_long()
        part.make_up(times * len(cells) - len(row))
        hidden = row.get(f"{TABLE}visibility", "visible") != "visible"
        found_links = _links_of(row)
        for last in range(last + 1, last + times + 1):  # noqa: B020  the count goes on where it was
            if hidden:
                part.hidden.append(last)
                if part.skip_hidden:
                    continue
            links.update({(last, place): address for place, address in found_links})
            yield last, cells


def _row_elements(part: SheetPart) -> Iterator[tuple[Table, Element | None]]:
    """Each table, first by itself and then with each of its rows, which is gone when the next one comes."""
    hidden_styles: set[str] = set()
    holders: list[Element] = []
    table: Table | None = None
    depth = width = elements = 0  # tables may stand in the drawings and cells of tables
    for event, element in iterparse(part, ("start", "end")):  # noqa: S314  guards.py has refused entities
        tag = element.tag
        if event == "start":
            elements += 1
            if tag in (_CELL, _COVERED):
                width += 1
            if width > MOST_COLUMNS or elements > MOST_ELEMENTS:
                raise _too_wide()
            if tag in _HOLDERS:
                holders.append(element)
                if tag == _TABLE:
                    depth += 1
                    if depth == 1:
                        style = element.get(f"{TABLE}style-name")
                        table = Table(element.get(f"{TABLE}name", ""), style in hidden_styles)
                        yield table, None
        elif tag == _ROW:
            if depth == 1 and table is not None:
                width = elements = 0
                yield table, element
                holders[-1].clear()
                part.end_row()
        elif tag in _HOLDERS:
            holders.pop()
            depth -= tag == _TABLE
        elif tag == _STYLE and any(child.get(f"{TABLE}display") == "false" for child in element):
            hidden_styles.add(element.get(f"{STYLE}name", ""))
        elif tag == _BODY:
            part.drain()
            return


def _cells_of(row: Element) -> list[Cell]:
    """The row's cells up to the last one with something in it."""
    found: list[Cell] = []
    blanks = 0
    for cell in row:
        if cell.tag not in (_CELL, _COVERED):
            continue
        times = _times(cell, _CELLS_REPEATED)
        content = read_cell(cell) if cell.tag == _CELL else ""
        if is_blank(content):
            blanks += times
            continue
        if len(found) + blanks + times > MOST_COLUMNS:
            raise _too_wide()
        found.extend([""] * blanks)
        found.extend([content] * times)
        blanks = 0
    return found


def _links_of(row: Element) -> list[tuple[int, str]]:
    """By place, the addresses that the row's cells are linked to."""
    found = []
    place = 0
    for cell in row:
        if cell.tag in (_CELL, _COVERED):
            if len(cell) and (address := address_in(link_of(cell))):
                found.append((place, address))
            place += _times(cell, _CELLS_REPEATED)
    return found


def _times(element: Element, attribute: str) -> int:
    text = element.get(attribute)
    if text is None:
        return 1
    times = int(text)
    if times < 1:
        msg = f"{times} times"
        raise ValueError(msg)
    return times


def _too_wide() -> SpreadsheetError:
    return SpreadsheetError(
        f"The row has more cells than the {MOST_COLUMNS:,} that a sheet can have.",
        remedy="Open the file in LibreOffice and save it again as .ods.",
    )


def _too_long() -> SpreadsheetError:
    return SpreadsheetError(
        f"The sheet has more than the {LAST_ROW:,} rows that a sheet can have.",
        remedy="Open the file in LibreOffice and save it again as .ods.",
    )
