"""A spreadsheet opened as a list of recipients: the one door of this package.

with open_sheet(path, options) as sheet:
    for row in sheet.rows(): ...
    sheet.findings(), sheet.final_columns()
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

from campaigns.errors import SpreadsheetError, Where
from campaigns.model.column import CellKind, Column
from campaigns.model.finding import KEPT_ROWS, Finding, FindingTally
from campaigns.model.states import RowVerdict, Severity
from campaigns.recipients.addresses import Address, AddressReader
from campaigns.recipients.cells import Cell, Trouble, is_blank, shown
from campaigns.recipients.columns import (
    ADDRESS,
    choose_columns,
    choose_kinds,
    column_letter,
    find_addresses,
    name_fields,
)
from campaigns.recipients.csv_file import CsvFile
from campaigns.recipients.header import Rows, find_header
from campaigns.recipients.kinds import find_readings
from campaigns.recipients.opening import FileKind, is_open_elsewhere, open_file
from campaigns.recipients.own_columns import own_places
from campaigns.recipients.rows import RowWriter
from campaigns.recipients.written import habits_of

__all__ = ["Address", "ReadOptions", "Sheet", "SheetRow", "open_sheet"]

SAMPLE_ROWS = 1_000
_SAMPLE_CELLS = 200_000  # a very wide sheet is judged by fewer rows

Row = tuple[int, Sequence[Cell]]
Some = TypeVar("Some", bound=Cell)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the person says of a sheet, where finding out is not enough."""

    worksheet: str | None = None
    encoding: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)  # field -> header; "email" names the address column
    types: Mapping[str, CellKind] = field(default_factory=dict)  # by field name or header
    locale: str = "en_US"  # decides only what the data leave open


@dataclass(slots=True)
class SheetRow:
    row: int  # as the person's spreadsheet program numbers it
    cells: str  # a JSON array in column order, see campaigns/model/column.py
    given: str  # the address cell as typed
    address: Address | None
    verdict: RowVerdict  # GOOD or REJECTED
    note: str  # why it was rejected


class Source(Protocol):
    """A file's rows; CsvFile and Workbook."""

    worksheet: str
    encoding: str
    delimiter: str
    sha256: str
    typed: bool

    def rows(self) -> Iterator[Row]: ...
    def progress(self) -> tuple[int, int]: ...
    def findings(self) -> list[Finding]: ...
    def close(self) -> None: ...


def open_sheet(path: Path, options: ReadOptions | None = None) -> "Sheet":
    """Open a .csv or .xlsx file, find its header, columns and addresses.

    Raises SpreadsheetError for a file that cannot be used, UsageError for options that do not fit.
    """
    options = options or ReadOptions()
    habits_of(options.locale)
    source = _open_source(path, options)
    try:
        return Sheet(path, source, options)
    except BaseException:
        source.close()
        raise


def _open_source(path: Path, options: ReadOptions) -> Source:
    file, kind = open_file(path)
    try:
        _refuse_what_does_not_fit(path, kind, options)
        if kind is FileKind.XLSX:
            from campaigns.recipients.xlsx_file import Workbook  # openpyxl takes longer to load than most lists to read

            return Workbook(file, path, options.worksheet)
        return CsvFile(file, path, options.encoding)
    except BaseException:
        file.close()
        raise


def _refuse_what_does_not_fit(path: Path, kind: FileKind, options: ReadOptions) -> None:
    where = Where(file=path.name)
    if kind is FileKind.CSV and options.worksheet is not None:
        sentence = f"{path.name} is a text file and has no worksheets."
        raise SpreadsheetError(sentence, where=where, remedy="Leave out --worksheet.")
    if kind is FileKind.XLSX and options.encoding is not None:
        sentence = f"{path.name} is a workbook, which needs no encoding."
        raise SpreadsheetError(sentence, where=where, remedy="Leave out --encoding.")


class Sheet:
    """An opened sheet. `rows()` runs once; `findings()` and `final_columns()` speak after it."""

    def __init__(self, path: Path, source: Source, options: ReadOptions) -> None:
        self.file_name = path.name
        self.sha256, self.worksheet = source.sha256, source.worksheet
        self.encoding, self.delimiter = source.encoding, source.delimiter
        self._source = source
        self._where = Where(file=path.name, sheet=source.worksheet or None)
        self._tally = FindingTally(KEPT_ROWS)
        self._rows = source.rows()

        sample = self._take_sample()
        seen: Rows = [(row, [shown(cell) for cell in cells]) for row, cells in sample]
        at = find_header(seen, options.columns.values(), self._where)
        self.header_row = sample[at][0]
        if ours := own_places(seen[at][1]).keys():
            self._rows = _without(ours, self._rows)
            sample, seen = list(_without(ours, sample)), list(_without(ours, seen))
        self._sample = sample[at + 1 :]
        headers = self._headers(seen[at][1])
        self._width = len(headers)
        self.address_place, self.columns = self._name_columns(headers, seen[at + 1 :], options)
        self._writer = self._find_kinds(options)
        if is_open_elsewhere(path):
            self._tally.add(_open_elsewhere(path))

    def rows(self) -> Iterator[SheetRow]:
        """Every row below the header that is not wholly blank, good or rejected."""
        addresses = AddressReader()
        place, width = self.address_place, self._width
        write = self._writer.write
        for row, cells in chain(self._sample, self._rows):
            extra = ""
            if len(cells) != width:
                if all(map(is_blank, cells)):
                    continue
                cells, extra = self._fitted(row, cells)
            given = cells[place]
            if type(given) is not str or not given or given.isspace():
                if all(map(is_blank, cells)):
                    continue
                yield self._without_address(row, cells, given, extra)
                continue
            address = addresses.read(given)
            if extra or isinstance(address, str):
                note = extra or str(address)
                yield SheetRow(row, write(row, cells), given, None, RowVerdict.REJECTED, note)
            else:
                yield SheetRow(row, write(row, cells), given, address, RowVerdict.GOOD, "")
        self._sample = []

    def progress(self) -> tuple[int, int]:
        """Bytes read so far, and all."""
        return self._source.progress()

    def findings(self) -> list[Finding]:
        """What was odd about the cells; addresses are in the rows' notes."""
        tally = FindingTally(KEPT_ROWS)
        tally.extend(self._tally.findings())
        tally.extend(self._source.findings())
        return tally.findings()

    def final_columns(self) -> tuple[Column, ...]:
        """The columns with the number of rows that have nothing in them."""
        counted = zip(self.columns, self._writer.empty, strict=True)
        return tuple(replace(column, empty=empty) for column, empty in counted)

    def close(self) -> None:
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take_sample(self) -> list[Row]:
        sample: list[Row] = []
        cells = 0
        for row in self._rows:
            sample.append(row)
            cells += len(row[1])
            if len(sample) >= SAMPLE_ROWS or cells >= _SAMPLE_CELLS:
                break
        return sample

    def _headers(self, cells: Sequence[str]) -> list[str]:
        """The header row's cells, as wide as the table: unnamed columns count where the first rows fill them."""
        headers = [" ".join(cell.replace("\ufeff", "").split()) for cell in cells]
        width = max((place + 1 for place, header in enumerate(headers) if header), default=0)
        if self._source.typed:
            filled = (place + 1 for _, row in self._sample for place, cell in enumerate(row) if not is_blank(cell))
            width = max(width, max(filled, default=0))
        return (headers + [""] * width)[:width]

    def _name_columns(self, headers: list[str], seen: Rows, options: ReadOptions) -> tuple[int, tuple[Column, ...]]:
        """The address column's place, and all columns by name."""
        chosen = choose_columns(headers, options.columns, self._where)
        width = len(headers)
        rows = [[*cells[:width], *[""] * (width - len(cells))] for _, cells in seen]
        if not any(any(map(str.strip, cells)) for cells in rows):
            raise SpreadsheetError(
                "The sheet has a header, but no rows.",
                where=self._where,
                remedy="Fill in the rows, or choose another file.",
            )
        by_field = {field: place for place, field in chosen.items()}
        place = by_field[ADDRESS] if ADDRESS in by_field else find_addresses(headers, rows, self._where)
        fields = name_fields(headers, chosen)
        # An unnamed column goes by its letter, in what is said to people as well.
        named = [header or f"column {column_letter(n)}" for n, header in enumerate(headers)]
        return place, tuple(Column(n, *both) for n, both in enumerate(zip(named, fields, strict=True)))

    def _find_kinds(self, options: ReadOptions) -> RowWriter:
        kinds = choose_kinds(
            options.types,
            [column.header for column in self.columns],
            [column.field for column in self.columns],
            self._where,
        )
        kinds.setdefault(self.address_place, CellKind.TEXT)
        by_column: list[list[Cell]] = [[] for _ in self.columns]
        for _, cells in self._sample:
            for column, cell in zip(by_column, cells, strict=False):
                column.append(cell)
        readings, findings = find_readings(self.columns, by_column, kinds, habits_of(options.locale))
        self._tally.extend(findings)
        self.columns = tuple(
            replace(column, kind=reading.kind, format=reading.format, locale=reading.locale)
            for column, reading in zip(self.columns, readings, strict=True)
        )
        return RowWriter(self.columns, readings, self._tally, self._where, texts_are_odd=self._source.typed)

    def _fitted(self, row: int, cells: Sequence[Cell]) -> tuple[Sequence[Cell], str]:
        """The row as wide as the columns, and why it must be left out, if it must."""
        width = self._width
        if len(cells) < width:
            return [*cells, *[""] * (width - len(cells))], ""
        beyond = [cell for cell in cells[width:] if not is_blank(cell)]
        if not beyond:
            return cells[:width], ""
        if self._source.typed:
            self._tally.add(self._beyond(), row)
            return cells[:width], ""
        filled = max(place + 1 for place, cell in enumerate(cells) if not is_blank(cell))
        return cells[:width], (
            f"The row has {filled} cells, but the header has {width}: "
            f"look for a “{self.delimiter}” inside a cell that has no quote marks around it."
        )

    def _without_address(self, row: int, cells: Sequence[Cell], given: Cell, extra: str) -> SheetRow:
        if isinstance(given, Trouble):
            note = (
                f"The address cell shows {given.shown}." if given.shown else "The address cell's formula has no result."
            )
        elif isinstance(given, str):
            note = "The address cell is empty."
        else:
            note = f"“{given.shown}” has no @."
        text = shown(given)
        return SheetRow(row, self._writer.write(row, cells), text, None, RowVerdict.REJECTED, extra or note)

    def _beyond(self) -> Finding:
        return Finding(
            code="cells_beyond_columns",
            severity=Severity.WARNS,
            sentence="Cells to the right of the last column were not read.",
            remedy="Give their column a header to have it imported.",
            where=f"right of column {column_letter(self._width - 1)}",
        )


def _without(places: Collection[int], rows: Iterable[tuple[int, Sequence[Some]]]) -> Iterator[tuple[int, list[Some]]]:
    """The rows without the cells at some places: columns that an earlier check has added."""
    for row, cells in rows:
        yield row, [cell for place, cell in enumerate(cells) if place not in places]


def _open_elsewhere(path: Path) -> Finding:
    return Finding(
        code="open_elsewhere",
        severity=Severity.WARNS,
        sentence=f"{path.name} is open in another program: what is not saved there yet was not read.",
        remedy="Save it, close it in Excel, and import it again.",
        where=path.name,
    )
