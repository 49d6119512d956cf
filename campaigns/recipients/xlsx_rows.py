"""The rows of a worksheet's XML, streamed: nothing of a row stays in memory when the next one comes."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, iterparse

from openpyxl.utils.cell import column_index_from_string

from campaigns.errors import SpreadsheetError
from campaigns.recipients.cells import MOST_COLUMNS, Cell, is_blank
from campaigns.recipients.sheet_part import LAST_ROW, MOST_ELEMENTS, SheetPart
from campaigns.recipients.xlsx_cells import MAIN, CellReader

_ROW, _CELL, _DATA = f"{MAIN}row", f"{MAIN}c", f"{MAIN}sheetData"
_DIGITS = "0123456789"


def parse_rows(part: SheetPart, cells: CellReader) -> Iterator[tuple[int, list[Cell]]]:
    """Row number and cells of each row with something in it; the cells up to the last one with something in it.

    Raises SpreadsheetError for more columns than Excel has, and whatever expat and zipfile raise for damage.
    """
    places: dict[str, int] = {}
    data: Element | None = None
    last = width = elements = 0
    for event, element in iterparse(part, ("start", "end")):  # noqa: S314  guards.py has refused entities
        tag = element.tag
        if event == "start":
            elements += 1
            if tag == _CELL:
                width += 1
            elif tag == _DATA:
                data = element
            if width > MOST_COLUMNS or elements > MOST_ELEMENTS:
                raise too_wide()
        elif tag == _ROW:
            width = elements = 0
            row = int(element.get("r") or last + 1)
            if not last < row <= LAST_ROW:
                msg = f"row {row} after row {last}"
                raise ValueError(msg)
            last = row
            found = cells_of(element, cells, places)
            part.make_up(len(found) - len(element))
            hidden = element.get("hidden") in ("1", "true") and not all(map(is_blank, found))
            element.clear()
            if data is not None:
                data.clear()
            part.end_row()
            if hidden:
                part.hidden.append(row)
            if found and not (hidden and part.skip_hidden):
                yield row, found
        elif tag == _DATA:
            # What comes after the rows is not for us, and often what other readers stumble over.
            part.drain()
            return


def cells_of(row: Element, reader: CellReader, places: dict[str, int]) -> list[Cell]:
    found: list[Cell] = []
    place = -1
    for cell in row:
        if cell.tag != _CELL:
            continue
        name = cell.get("r")
        if name is None:
            place += 1
        else:
            letters = name.rstrip(_DIGITS)
            at = places.get(letters)
            place = places[letters] = place_of(letters) if at is None else at
        content = reader.read(cell)
        if content == "":
            continue  # a mere format, which some sheets have down to the last column
        if place < len(found):
            found[place] = content
            continue
        if place >= MOST_COLUMNS:
            raise too_wide()
        found.extend([""] * (place - len(found)))
        found.append(content)
    return found


def place_of(letters: str) -> int:
    return column_index_from_string(letters) - 1


def too_wide() -> SpreadsheetError:
    return SpreadsheetError(
        f"The row has more cells than the {MOST_COLUMNS:,} that a sheet can have.",
        remedy="Open the file in Excel and save it again as .xlsx.",
    )
