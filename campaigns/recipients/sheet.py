"""A spreadsheet opened as a list of recipients: the one door of this package.

with open_sheet(path, options) as sheet:
    for row in sheet.rows(): ...
    sheet.findings(), sheet.final_columns()
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from campaigns.errors import SpreadsheetError, Where
from campaigns.model.column import CellKind, Column, Role
from campaigns.model.finding import FIRST_ROWS, KEPT_ROWS, Finding, FindingTally
from campaigns.model.states import RowVerdict
from campaigns.recipients import odd_rows
from campaigns.recipients.addresses import Address, AddressReader, address_beside_name, looks_like_address
from campaigns.recipients.cells import Cell, Trouble, is_blank, shown
from campaigns.recipients.columns import (
    choose_columns,
    choose_kinds,
    column_letter,
    name_fields,
)
from campaigns.recipients.header import Rows, find_header
from campaigns.recipients.kinds import find_readings
from campaigns.recipients.memory import kept_fields, kept_kinds, proved_before, same_columns, with_reading, with_roles
from campaigns.recipients.names import read_names
from campaigns.recipients.opening import is_open_elsewhere, printable
from campaigns.recipients.own_columns import own_places
from campaigns.recipients.roles import Look, find_roles
from campaigns.recipients.rows import RowWriter
from campaigns.recipients.source import HiddenRows, ReadOptions, Row, Source, open_source
from campaigns.recipients.written import habits_of

__all__ = ["Address", "HiddenRows", "ReadOptions", "Sheet", "SheetRow", "open_sheet"]

SAMPLE_ROWS = 1_000
_SAMPLE_CELLS = 200_000  # a very wide sheet is judged by fewer rows

Some = TypeVar("Some", bound=Cell)


@dataclass(slots=True)
class SheetRow:
    row: int  # as the person's spreadsheet program numbers it
    cells: str  # a JSON array in column order, see campaigns/model/column.py
    given: str  # the address cell as typed
    address: Address | None
    verdict: RowVerdict  # GOOD or REJECTED
    note: str  # why it was rejected


def open_sheet(path: Path, options: ReadOptions | None = None) -> "Sheet":
    """Open a text file or a workbook of any kind, find its header, columns and addresses.

    Raises SpreadsheetError for a file that cannot be used, UsageError for options that do not fit.
    """
    options = options or ReadOptions()
    habits_of(options.locale)
    source = open_source(path, options)
    try:
        return Sheet(path, source, options)
    except BaseException:
        source.close()
        raise


class Sheet:
    """An opened sheet. `rows()` runs once; `findings()` and `final_columns()` speak after it."""

    def __init__(self, path: Path, source: Source, options: ReadOptions) -> None:
        self.file_name = printable(path.name)  # a database keeps no other
        self.sha256, self.worksheet = source.sha256, source.worksheet
        self.encoding, self.delimiter = source.encoding, source.delimiter
        self._source = source
        self._where = Where(file=self.file_name, sheet=source.worksheet or None)
        self._tally = FindingTally(KEPT_ROWS)
        self._rows = source.rows()
        self._names = read_names(options.names)
        self._hidden_rows = options.hidden_rows

        sample = self._take_sample()
        seen: Rows = [(row, [shown(cell) for cell in cells]) for row, cells in sample]
        known = [*options.columns.values(), *(column.header for column in options.before)]
        at = find_header(seen, known, self._names, self._where)
        self.header_row = sample[at][0]
        self._ours = sorted(own_places(seen[at][1]))
        if ours := self._ours:
            self._rows = _without(ours, self._rows)
            sample, seen = list(_without(ours, sample)), list(_without(ours, seen))
        self._sample = sample[at + 1 :]
        self._hidden()
        headers = self._headers(seen[at][1])
        self._width = len(headers)
        self.address_place, self.columns = self._name_columns(headers, seen[at + 1 :], options)
        self._writer = self._find_kinds(options)
        if is_open_elsewhere(path):
            self._tally.add(odd_rows.open_elsewhere(path.name))

    def rows(self) -> Iterator[SheetRow]:
        """Every row below the header that is not wholly blank, good or rejected."""
        addresses = AddressReader()
        place, width = self.address_place, self._width
        write, links = self._writer.write, self._source.links
        linked = self._in_file(place)
        for row, cells in chain(self._sample, self._rows):
            extra = ""
            if len(cells) != width:
                if all(map(is_blank, cells)):
                    continue
                cells, extra = self._fitted(row, cells)
            if links and (row, linked) in links:
                cells = self._linked(row, cells, links.pop((row, linked)))
            given = cells[place]
            if type(given) is not str or not given or given.isspace():
                if all(map(is_blank, cells)):
                    continue
                yield self._without_address(row, cells, given, extra)
                continue
            address = addresses.read(given)
            if isinstance(address, str) and (inner := address_beside_name(given)):
                address = addresses.read(inner)
                self._tally.add(odd_rows.name_beside_address(given, self.columns[place].header), row)
            if extra or isinstance(address, str):
                note = extra or str(address)
                yield SheetRow(row, write(row, cells), given, None, RowVerdict.REJECTED, note)
            else:
                yield SheetRow(row, write(row, cells), given, address, RowVerdict.GOOD, "")
        self._sample = []
        self._tell_hidden()

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
        if self._source.links and not any(map(looks_like_address, chain.from_iterable(rows))):
            rows = [self._with_links(row, cells) for (row, _), cells in zip(seen, rows, strict=True)]
        # An unnamed column goes by its letter, in what is said to people as well.
        named = [header or f"column {column_letter(n)}" for n, header in enumerate(headers)]
        self._before = same_columns(named, options.before)
        kept = kept_fields(self._before, chosen)
        fields = name_fields(headers, {**kept, **chosen})
        roles = find_roles(Look(headers, rows, self._names, self._before, chosen, kept), self._where)
        return next(n for n, (role, _) in roles.items() if role is Role.ADDRESS), with_roles(
            named, fields, roles, chosen, kept
        )

    def _with_links(self, row: int, cells: list[str]) -> list[str]:
        return [self._source.links.get((row, self._in_file(place)), cell) for place, cell in enumerate(cells)]

    def _in_file(self, place: int) -> int:
        """Where a column stands in the file, which may have columns that an earlier check has added."""
        for ours in self._ours:
            place += ours <= place
        return place

    def _find_kinds(self, options: ReadOptions) -> RowWriter:
        headers, fields = [column.header for column in self.columns], [column.field for column in self.columns]
        said = choose_kinds(options.types, headers, fields, self._where)
        kept = kept_kinds(self._before, said)
        kinds = {self.address_place: CellKind.TEXT, **kept, **said}
        by_column: list[list[Cell]] = [[] for _ in self.columns]
        for _, cells in self._sample:
            for column, cell in zip(by_column, cells, strict=False):
                column.append(cell)
        readings, findings = find_readings(
            self.columns,
            by_column,
            kinds,
            habits_of(options.locale),
            names=self._names,
            proved_before=proved_before(self._before),
        )
        self._tally.extend(findings)
        self.columns = tuple(
            with_reading(column, reading, said=column.place in said, kept=column.place in kept)
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
            self._tally.add(odd_rows.beyond_columns(column_letter(width - 1)), row)
            return cells[:width], ""
        filled = max(place + 1 for place, cell in enumerate(cells) if not is_blank(cell))
        return cells[:width], (
            f"The row has {filled} cells, but the header has {width}: "
            f"look for a “{self.delimiter}” inside a cell that has no quote marks around it."
        )

    def _linked(self, row: int, cells: Sequence[Cell], address: str) -> Sequence[Cell]:
        """The row of an address cell with a link: the link counts only where the cell shows no address itself."""
        place = self.address_place
        given = shown(cells[place]).strip()
        header = self.columns[place].header
        if "@" not in given:
            self._tally.add(odd_rows.address_in_link(given, header), row)
            return [*cells[:place], address, *cells[place + 1 :]]
        if address.casefold() not in given.casefold():
            self._tally.add(odd_rows.link_elsewhere(given, address, header), row)
        return cells

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

    def _hidden(self) -> list[int]:
        """The rows of the table that are hidden; SpreadsheetError if nobody said what to do with them."""
        hidden = [row for row in self._source.hidden if row > self.header_row]
        if hidden and self._hidden_rows is None:
            rows = f"row{'s' if len(hidden) > 1 else ''} {', '.join(map(str, hidden[:FIRST_ROWS]))}"
            raise SpreadsheetError(
                f"Rows are hidden or filtered away in the sheet: {rows}{' and others' if len(hidden) > FIRST_ROWS else ''}.",
                where=self._where,
                remedy="Say whether these people are meant, too: --hidden-rows read, or --hidden-rows skip.",
            )
        return hidden

    def _tell_hidden(self) -> None:
        """Whether people who are filtered away are meant as well is asked, not guessed; the answer is told."""
        hidden = self._hidden()
        if hidden:
            self._tally.add(odd_rows.hidden(hidden, self.worksheet, read=self._hidden_rows is HiddenRows.READ))


def _without(places: Collection[int], rows: Iterable[tuple[int, Sequence[Some]]]) -> Iterator[tuple[int, list[Some]]]:
    """The rows without the cells at some places: columns that an earlier check has added."""
    for row, cells in rows:
        yield row, [cell for place, cell in enumerate(cells) if place not in places]
