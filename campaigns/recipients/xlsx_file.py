"""Workbooks (.xlsx): the worksheet chosen, its rows streamed, each cell as a person sees it in Excel.

openpyxl reads the workbook's own parts. The rows are parsed here, in one pass: its row reader does not tell a formula
without a result from a blank cell, turns numbers into dates before their format can be shown, makes up rows that are
not there, keeps an element for each row that was, and takes three times as long.
"""

import warnings
import zlib
from collections.abc import Iterator
from difflib import get_close_matches
from io import BufferedReader
from itertools import islice
from pathlib import Path
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, ZipFile, ZipInfo

from openpyxl.reader.excel import ExcelReader

from campaigns.errors import MergecastError, SpreadsheetError, Where
from campaigns.model.finding import Finding, FindingTally
from campaigns.model.states import Severity
from campaigns.recipients.addresses import looks_like_address
from campaigns.recipients.cells import Cell, shown
from campaigns.recipients.columns import listed
from campaigns.recipients.guards import check_archive
from campaigns.recipients.opening import damaged, sha256_of
from campaigns.recipients.xlsx_cells import CellReader, formats_of, strings_of
from campaigns.recipients.xlsx_rows import SheetPart, parse_rows

_LOOKED_AT = 200  # rows of each worksheet in which addresses are looked for
_STRICT = b"purl.oclc.org/ooxml"


class Workbook:
    """An .xlsx file and the one worksheet that is read of it; `rows()` may be called once."""

    encoding = ""
    delimiter = ""
    typed = True  # the spreadsheet knows numbers and dates from texts

    def __init__(self, file: BufferedReader, path: Path, worksheet: str | None) -> None:
        self._file = file
        self._name = path.name
        self.sha256 = sha256_of(file)
        self._tally = FindingTally()
        self._part: SheetPart | None = None
        self._hidden_sheets: set[str] = set()
        try:
            self._archive = ZipFile(file)
            check_archive(self._archive, path.name)
            self._sheets, self._cells = self._read_parts()
            self.worksheet = self._choose(worksheet)
        except MergecastError:
            raise
        except Exception as error:  # a damaged workbook makes zipfile, expat and openpyxl raise anything
            raise damaged(self._name) from error

    @property
    def part_name(self) -> str:
        """The worksheet's part in the archive."""
        return self._sheets[self.worksheet].filename

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """Row number and cells of each row that the file holds, blank ones too."""
        with self._archive.open(self._sheets[self.worksheet]) as stream:
            self._part = SheetPart(stream)
            yield from self._guarded(parse_rows(self._part, self._cells))
        if self._part.hidden:
            self._tally.add(self._hidden_rows(self._part))

    def progress(self) -> tuple[int, int]:
        """Bytes of the worksheet read so far, and all."""
        total = self._sheets[self.worksheet].file_size
        return (min(self._part.read_so_far, total) if self._part else 0), total

    def findings(self) -> list[Finding]:
        return self._tally.findings()

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

    def _choose(self, title: str | None) -> str:
        """The worksheet that the person names, else the only one with addresses."""
        where = Where(file=self._name)
        visible = [name for name in self._sheets if name not in self._hidden_sheets] or list(self._sheets)
        if title is not None:
            return self._named(title, where)
        if not visible:
            raise SpreadsheetError(f"{self._name} has no worksheet.", where=where, remedy="Choose another file.")
        if len(visible) == 1:
            return visible[0]
        with_addresses = [name for name in visible if self._has_addresses(name)]
        if len(with_addresses) == 1:
            return with_addresses[0]
        if not with_addresses:
            raise SpreadsheetError(
                f"None of the worksheets has addresses: {listed(visible)}.",
                where=where,
                remedy="Say which one to read: --worksheet TITLE",
            )
        raise SpreadsheetError(
            f"{len(with_addresses)} worksheets have addresses: {listed(with_addresses)}.",
            where=where,
            remedy=f'Say which one to read: --worksheet "{with_addresses[0]}"',
        )

    def _named(self, title: str, where: Where) -> str:
        folded = {name.strip().casefold(): name for name in self._sheets}
        found = title if title in self._sheets else folded.get(title.strip().casefold())
        if found is not None:
            return found
        close = get_close_matches(title, self._sheets, n=1)
        raise SpreadsheetError(
            f"There is no worksheet “{title}”.",
            where=where,
            remedy=f"Did you mean “{close[0]}”?" if close else f"The worksheets are {listed(list(self._sheets))}.",
        )

    def _has_addresses(self, title: str) -> bool:
        with self._archive.open(self._sheets[title]) as stream:
            rows = islice(parse_rows(SheetPart(stream), self._cells), _LOOKED_AT)
            return any(looks_like_address(shown(cell)) for _, cells in rows for cell in cells)

    def _guarded(self, rows: Iterator[tuple[int, list[Cell]]]) -> Iterator[tuple[int, list[Cell]]]:
        """The rows, with what damage makes zipfile and expat raise put in words."""
        row = 0
        try:
            for row, cells in rows:
                yield row, cells
        except SpreadsheetError as error:
            raise SpreadsheetError(
                error.sentence, where=Where(file=self._name, sheet=self.worksheet, row=row + 1), remedy=error.remedy
            ) from None
        except (ParseError, BadZipFile, zlib.error, ValueError, LookupError, OSError, EOFError, RuntimeError) as error:
            broken = damaged(self._name)
            where = Where(file=self._name, sheet=self.worksheet, row=row + 1)
            raise SpreadsheetError(broken.sentence, where=where, remedy=broken.remedy) from error

    def _hidden_rows(self, part: SheetPart) -> Finding:
        return Finding(
            code="hidden_rows",
            severity=Severity.WARNS,
            sentence="Rows that are hidden or filtered away in the sheet were read, too.",
            remedy="To leave them out, copy the visible rows into a sheet of their own.",
            where=f"worksheet {self.worksheet}",
            rows=part.hidden,
            first_rows=tuple(part.first_hidden),
        )
