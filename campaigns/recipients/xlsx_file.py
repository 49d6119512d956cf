"""Workbooks (.xlsx): the worksheet chosen, its rows streamed, each cell as a person sees it in Excel.

openpyxl reads the workbook's own parts. The rows are parsed here, in one pass: its row reader does not tell a formula
without a result from a blank cell, turns numbers into dates before their format can be shown, makes up rows that are
not there, keeps an element for each row that was, and takes three times as long.
"""

import warnings
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from itertools import islice
from pathlib import Path
from zipfile import ZipFile, ZipInfo

from openpyxl.reader.excel import ExcelReader

from campaigns.errors import MergecastError, SpreadsheetError, Where
from campaigns.model.finding import Finding
from campaigns.recipients.addresses import looks_like_address
from campaigns.recipients.cells import Cell, shown
from campaigns.recipients.guards import check_archive
from campaigns.recipients.links import links_of
from campaigns.recipients.opening import damaged, sha256_of
from campaigns.recipients.sheet_part import SheetPart, guarded
from campaigns.recipients.worksheets import LOOKED_AT, choose_worksheet
from campaigns.recipients.xlsx_cells import CellReader, formats_of
from campaigns.recipients.xlsx_plain import NotPlainError, parse_plain_rows
from campaigns.recipients.xlsx_rows import parse_rows
from campaigns.recipients.xlsx_strings import strings_of

_STRICT = b"purl.oclc.org/ooxml"


class Workbook:
    """An .xlsx file and the one worksheet that is read of it; `rows()` may be called once."""

    encoding = ""
    delimiter = ""
    typed = True  # the spreadsheet knows numbers and dates from texts

    def __init__(self, file: BufferedReader, path: Path, worksheet: str | None, *, skip_hidden: bool = False) -> None:
        self._file = file
        self._name = path.name
        self.sha256 = sha256_of(file)
        self._skip_hidden = skip_hidden
        self.hidden = array("I")
        self._part: SheetPart | None = None
        self._hidden_sheets: set[str] = set()
        try:
            self._archive = ZipFile(file)
            check_archive(self._archive, path.name)
            self._sheets, self._cells = self._read_parts()
            self.worksheet = choose_worksheet(
                path.name, list(self._sheets), self._hidden_sheets, worksheet, self._has_addresses
            )
            self.links = links_of(self._archive, self._sheets[self.worksheet].filename)
        except MergecastError:
            raise
        except Exception as error:  # a damaged workbook makes zipfile, expat and openpyxl raise anything
            raise damaged(self._name) from error

    @property
    def part_name(self) -> str:
        """The worksheet's part in the archive."""
        return self._sheets[self.worksheet].filename

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """Row number and cells of each row with something in it."""
        return guarded(self._rows(), self._name, self.worksheet)

    def _rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """As spreadsheet programs spell them; what is spelled otherwise is parsed from where that begins."""
        last = 0
        try:
            with self._open_part() as part:
                for row, cells in parse_plain_rows(part, self._cells):
                    yield row, cells
                    last = row
        except NotPlainError:
            del self.hidden[:]
            with self._open_part() as part:
                yield from (pair for pair in parse_rows(part, self._cells) if pair[0] > last)

    @contextmanager
    def _open_part(self) -> Iterator[SheetPart]:
        with self._archive.open(self._sheets[self.worksheet]) as stream:
            self._part = SheetPart(stream, skip_hidden=self._skip_hidden, hidden=self.hidden)
            yield self._part

    def progress(self) -> tuple[int, int]:
        """Bytes of the worksheet read so far, and all."""
        total = self._sheets[self.worksheet].file_size
        return (min(self._part.read_so_far, total) if self._part else 0), total

    def findings(self) -> list[Finding]:
        return []

    def close(self) -> None:
        self._file.close()

    def _read_parts(self) -> tuple[dict[str, ZipInfo], CellReader]:
        """The visible and hidden worksheets by title, and what their cells refer to."""
        reader = ExcelReader(self._file, read_only=True, data_only=True, keep_links=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of parts that it will not write back
            reader.read_manifest()
            self._refuse_strict()
            reader.read_workbook()
            book = reader.parser
            names = set(self._archive.namelist())
            sheets: dict[str, ZipInfo] = {}
            for sheet, relation in book.find_sheets():
                if relation.target in names and "chartsheet" not in relation.Type:
                    sheets[sheet.name] = self._archive.getinfo(relation.target)
                    if sheet.state != "visible":
                        self._hidden_sheets.add(sheet.name)
        cells = CellReader(
            strings=strings_of(self._archive, reader.package),
            formats=formats_of(self._archive, reader.package),
            epoch_1904=bool(book.wb.epoch.year == 1904),
        )
        return sheets, cells

    def _refuse_strict(self) -> None:
        if "xl/workbook.xml" not in self._archive.namelist():
            return
        with self._archive.open("xl/workbook.xml") as part:
            if _STRICT in part.read(4096):
                raise SpreadsheetError(
                    f"{self._name} is a Strict Open XML workbook.",
                    where=Where(file=self._name),
                    remedy="Save it in Excel as “Excel Workbook (.xlsx)”.",
                )

    def _has_addresses(self, title: str) -> bool:
        with self._archive.open(self._sheets[title]) as stream:
            rows = islice(parse_rows(SheetPart(stream), self._cells), LOOKED_AT)
            return any(looks_like_address(shown(cell)) for _, cells in rows for cell in cells)
