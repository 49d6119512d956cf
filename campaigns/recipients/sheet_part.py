"""A worksheet's XML on its way from the archive to the parser: how much was read, and never too much of it at once."""

import zlib
from array import array
from collections.abc import Iterator
from typing import IO
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from campaigns.errors import SpreadsheetError, Where
from campaigns.recipients.cells import Cell
from campaigns.recipients.opening import damaged

LAST_ROW = 1_048_576  # of Excel and of LibreOffice
LARGEST_ROW = 64 << 20  # bytes of XML
MOST_ELEMENTS = 400_000  # of a row's XML: two dozen for each cell that a row can have
MOST_MADE_UP = 50_000_000  # cells that the file does not spell out: gaps in rows, and repetitions


class SheetPart:
    """A worksheet's stream, and what was seen of it."""

    def __init__(self, stream: IO[bytes], *, skip_hidden: bool = False, hidden: "array[int] | None" = None) -> None:
        self._stream = stream
        self.skip_hidden = skip_hidden
        self.hidden = array("I") if hidden is None else hidden  # rows with something in them
        self.read_so_far = 0
        self._row_began = 0
        self._made_up = 0

    def read(self, size: int = -1) -> bytes:
        """SpreadsheetError for a row that is larger than any row can be: it would have to be held in memory."""
        data = self._stream.read(size)
        self.read_so_far += len(data)
        if self.read_so_far - self._row_began > LARGEST_ROW:
            raise SpreadsheetError(
                f"The row is larger than {LARGEST_ROW >> 20} MB.",
                remedy="If you made the file yourself: save the sheet as CSV, and import that. If not, do not open it.",
            )
        return data

    def end_row(self, pending: int = 0) -> None:
        """What was read belongs to whole rows, but for the last `pending` bytes."""
        self._row_began = self.read_so_far - pending

    def make_up(self, cells: int) -> None:
        """Count cells that stand in the sheet without standing in the file; a few bytes can ask for billions of them."""
        self._made_up += max(cells, 0)
        if self._made_up > MOST_MADE_UP:
            raise SpreadsheetError(
                "The sheet is far wider than its rows are filled.",
                remedy="Delete what stands far to the right of the table, save, and import again.",
            )

    def drain(self) -> None:
        """Read on to the end: zipfile proves the checksum of what was read only there."""
        while self.read(1 << 20):
            self.end_row()


def guarded(rows: Iterator[tuple[int, list[Cell]]], file: str, sheet: str) -> Iterator[tuple[int, list[Cell]]]:
    """The rows, with what damage makes zipfile and expat raise put in words."""
    row = 0
    try:
        for row, cells in rows:
            yield row, cells
    except SpreadsheetError as error:
        where = Where(file=file, sheet=sheet, row=row + 1)
        raise SpreadsheetError(error.sentence, where=where, remedy=error.remedy) from None
    except (ParseError, BadZipFile, zlib.error, ValueError, LookupError, OSError, EOFError, RuntimeError) as error:
        broken = damaged(file)
        where = Where(file=file, sheet=sheet, row=row + 1)
        raise SpreadsheetError(broken.sentence, where=where, remedy=broken.remedy) from error
