"""The rows of a worksheet's XML, streamed: nothing of a row stays in memory when the next one comes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO
from xml.etree.ElementTree import Element, iterparse

from openpyxl.utils.cell import column_index_from_string

from campaigns.errors import SpreadsheetError
from campaigns.model.finding import FIRST_ROWS
from campaigns.recipients.cells import MOST_COLUMNS, Cell
from campaigns.recipients.xlsx_cells import MAIN, CellReader

_ROW, _CELL, _DATA = f"{MAIN}row", f"{MAIN}c", f"{MAIN}sheetData"
LAST_ROW = 1_048_576
_DIGITS = "0123456789"


@dataclass(slots=True)
class SheetPart:
    """A worksheet's stream, and what was seen of it."""

    stream: IO[bytes]
    hidden: int = 0
    first_hidden: list[int] = field(default_factory=list)
    read_so_far: int = 0


def parse_rows(part: SheetPart, cells: CellReader) -> Iterator[tuple[int, list[Cell]]]:
    """Row number and cells of each row element; the cells as wide as the row reaches.

    Raises SpreadsheetError for more columns than Excel has, and whatever expat and zipfile raise for damage.
    """
    places: dict[str, int] = {}
    data: Element | None = None
    last = width = 0
    for event, element in iterparse(part.stream, ("start", "end")):  # noqa: S314  guards.py has refused entities
        tag = element.tag
        if event == "start":
            if tag == _CELL:
                width += 1
                if width > MOST_COLUMNS:
                    raise _too_wide()
            elif tag == _DATA:
                data = element
        elif tag == _ROW:
            width = 0
            row = int(element.get("r") or last + 1)
            if not last < row <= LAST_ROW:
                msg = f"row {row} after row {last}"
                raise ValueError(msg)
            last = row
            yield row, _cells_of(element, cells, places)
            _note(part, element, row)
            element.clear()
            if data is not None:
                data.clear()
        elif tag == _DATA:
            # What comes after the rows is not for us, and often what other readers stumble over; but zipfile proves the
            # checksum of the rows only at the end.
            while part.stream.read(1 << 20):
                pass
            return


def _cells_of(row: Element, reader: CellReader, places: dict[str, int]) -> list[Cell]:
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
            place = places[letters] = column_index_from_string(letters) - 1 if at is None else at
        if place == len(found):
            found.append(reader.read(cell))
        elif place < len(found):
            found[place] = reader.read(cell)
        elif place < MOST_COLUMNS:
            found.extend([""] * (place - len(found)))
            found.append(reader.read(cell))
        else:
            raise _too_wide()
    return found


def _note(part: SheetPart, row: Element, number: int) -> None:
    part.read_so_far = part.stream.tell()
    if row.get("hidden") in ("1", "true") and len(row):
        part.hidden += 1
        if len(part.first_hidden) < FIRST_ROWS:
            part.first_hidden.append(number)


def _too_wide() -> SpreadsheetError:
    return SpreadsheetError(
        f"The row has more cells than the {MOST_COLUMNS:,} that a sheet can have.",
        remedy="Open the file in Excel and save it again as .xlsx.",
    )
