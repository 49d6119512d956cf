"""CSV: the delimiter found, the rows as a spreadsheet program would number them."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from campaigns.errors import SpreadsheetError, Where
from campaigns.model.finding import Finding
from campaigns.recipients.addresses import looks_like_address
from campaigns.recipients.cells import MOST_COLUMNS
from campaigns.recipients.encodings import find_encoding

_DELIMITERS = ("\t", ";", ",", "|")
_SAMPLE = 256 * 1024  # characters that the delimiter is found in
_SAMPLE_ROWS = 200
_SOME = 0.4  # of the rows must have one width; a stray sign in a file of one column delimits nothing
_EXCEL_HINT = re.compile(r"sep=(.)\r?\n?\Z", re.IGNORECASE)


class CsvFile:
    """A text file of rows; `rows()` may be called once."""

    worksheet = ""
    typed = False  # all its cells are text
    hidden: Sequence[int] = ()

    def __init__(self, file: io.BufferedReader, path: Path, encoding: str | None) -> None:
        self._name = path.name
        self.links: dict[tuple[int, int], str] = {}
        decoded = find_encoding(file, path.name, encoding)
        self.encoding, self.sha256, self._size = decoded.encoding, decoded.sha256, decoded.size
        self._file = file
        self._text = io.TextIOWrapper(file, encoding=decoded.encoding, newline="")
        hint = _EXCEL_HINT.match(self._text.readline(16))
        self._hinted = hint is not None  # Excel takes `sep=;` as an order and shows the next line as row 1
        self._text.seek(0)
        self.delimiter = hint[1] if hint else find_delimiter(self._text.read(_SAMPLE))
        self._text.seek(0)

    def rows(self) -> Iterator[tuple[int, Sequence[str]]]:
        """Row number and cells of each row, blank ones too. A line break in quotes begins no new row."""
        if self._hinted:
            self._text.readline()
        reader = csv.reader(self._text, delimiter=self.delimiter, doublequote=True, strict=True)
        row = 0
        try:
            for cells in reader:
                row += 1
                if len(cells) > MOST_COLUMNS:
                    raise SpreadsheetError(
                        f"The row has {len(cells):,} cells; a spreadsheet has at most {MOST_COLUMNS:,}.",
                        where=Where(file=self._name, row=row),
                        remedy="Look whether the file has line ends, and save it again as CSV.",
                    )
                yield row, cells
        except csv.Error as error:
            raise self._broken(row + 1, str(error)) from None
        except (UnicodeError, OSError) as error:
            raise SpreadsheetError(
                f"{self._name} changed while it was read: {error}.",
                where=Where(file=self._name, row=row + 1),
                remedy="Import it again.",
            ) from None

    def progress(self) -> tuple[int, int]:
        """Bytes read so far, and all."""
        return (self._size if self._file.closed else min(self._file.tell(), self._size)), self._size

    def findings(self) -> list[Finding]:
        return []  # a text file that can be read has nothing odd but its cells

    def close(self) -> None:
        self._text.close()

    def _broken(self, row: int, reason: str) -> SpreadsheetError:
        where = Where(file=self._name, row=row)
        if "field limit" in reason:
            return SpreadsheetError(
                f"A cell is longer than {csv.field_size_limit():,} characters.",
                where=where,
                remedy="Look for a quote mark that is opened there and not closed.",
            )
        if "end of data" in reason:
            return SpreadsheetError(
                "A quote mark is opened in this row and never closed.",
                where=where,
                remedy="Close it, or save the sheet again as .xlsx or CSV from the program that it comes from.",
            )
        if "expected after" in reason:
            return SpreadsheetError(
                "A cell goes on after its closing quote mark.",
                where=where,
                remedy='Double the quote marks inside a cell ("Bob ""The Cat"" Ray"), or save the sheet again as .xlsx.',
            )
        return SpreadsheetError(
            f"The row cannot be read: {reason}.", where=where, remedy="Save the sheet again as CSV."
        )


def find_delimiter(sample: str) -> str:
    """The delimiter that gives cells with addresses, and rows of one width.

    csv.Sniffer counts characters and gives up on files of one column; this looks at what the rows become.
    """
    return max(_DELIMITERS, key=lambda delimiter: _merit(sample, delimiter))


def _merit(sample: str, delimiter: str) -> tuple[int, float, int, bool]:
    addresses = 0
    widths: Counter[int] = Counter()
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    try:
        for cells in islice(reader, _SAMPLE_ROWS):
            if any(cells):
                widths[len(cells)] += 1
                addresses += any(map(looks_like_address, cells))
    except csv.Error:
        pass  # told with its row when the rows are read
    if not widths:
        return 0, 0.0, 0, delimiter == ","
    width, rows = max(widths.items(), key=lambda item: (item[0] > 1, item[1], item[0]))
    share = rows / widths.total()
    if width == 1 or share < _SOME:
        return addresses, 0.0, 0, delimiter == ","
    return addresses, round(share, 2), width, delimiter == ","
