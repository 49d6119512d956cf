"""A row's cells as the JSON text that is kept of it, and what was odd about them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from json.encoder import encode_basestring as quote

from campaigns.errors import SpreadsheetError, Where
from campaigns.model.column import CellKind, Column
from campaigns.model.finding import FindingTally
from campaigns.recipients.addresses import excerpt
from campaigns.recipients.cells import ERROR_TEXTS, LONGEST_CELL, Cell, Trouble, Typed
from campaigns.recipients.kinds import Reading, Value

KNOWN_CELLS = 5_000  # typed texts remembered per column, so that memory does not grow with the rows
_TOO_MANY_DIGITS = 10**15
_ERROR_MARK, _OFFICE_ERROR_MARK = '"#', '"Err:'

_MEANING = {CellKind.NUMBER: "a number", CellKind.DATE: "a date", CellKind.YES_NO: "yes or no"}
_TROUBLES = {
    "error_cell": (
        "{cell} in {header} is an error, and was read as empty.",
        "Repair the formula, save, and import again.",
    ),
    "no_cached_value": (
        "A formula in {header} has no result in the file, and was read as empty.",
        "Open the file in Excel, save it, and import again: that writes the results of its formulas.",
    ),
    "impossible_date": (
        "{header} holds a number that is no date, which Excel shows as ####: it was read as empty.",
        "Correct the cell, save, and import again.",
    ),
}


class RowWriter:
    """Turns rows of cells, each as wide as the columns, into JSON; counts blanks and odd cells."""

    def __init__(
        self,
        columns: Sequence[Column],
        readings: Sequence[Reading],
        tally: FindingTally,
        where: Where,
        *,
        texts_are_odd: bool,
    ) -> None:
        self.empty = [0] * len(columns)
        self._columns = columns
        self._readings = readings
        self._kinds = [reading.kind for reading in readings]
        self._tally = tally
        self._where = where
        self._places = [f"column {column.header}" for column in columns]
        self._texts_are_odd = texts_are_odd  # a spreadsheet types its cells: a number kept as text is worth a word
        # What a typed column's texts became, per column; None for a column of text.
        self._known: list[dict[str, str] | None] = [
            None if reading.kind is CellKind.TEXT else {} for reading in readings
        ]

    def write(self, row: int, cells: Sequence[Cell]) -> str:
        """The JSON array of a row; a blank cell is null, a typed one `[shown, value]`."""
        parts = []
        for place, (cell, known) in enumerate(zip(cells, self._known, strict=True)):
            if type(cell) is not str:
                parts.append(self._native(row, place, cell))
            elif not cell or cell.isspace():
                self.empty[place] += 1
                parts.append("null")
            elif known is None:
                parts.append(quote(cell))
            else:
                parts.append(known.get(cell) or self._typed(row, place, cell, known))
        text = f"[{','.join(parts)}]"
        if len(text) > LONGEST_CELL:
            self._refuse_long_cells(row, cells)
        if _ERROR_MARK in text or _OFFICE_ERROR_MARK in text:
            self._drop_errors(row, cells, parts)
            text = f"[{','.join(parts)}]"
        return text

    def _typed(self, row: int, place: int, text: str, known: dict[str, str]) -> str:
        """A text in a column of numbers, dates or yes/no."""
        value = self._readings[place].read(text)
        if value is None:
            if text.strip() not in ERROR_TEXTS:
                self._unreadable(row, place, text)
            return f"[{quote(text)},null]"
        fragment = _fragment(text, value)
        if self._texts_are_odd:
            self._kept_as_text(row, place, text)
        else:
            if len(known) >= KNOWN_CELLS:
                known.clear()
            known[text] = fragment
        return fragment

    def _native(self, row: int, place: int, cell: Cell) -> str:
        """A cell with a type of its own."""
        if not isinstance(cell, Typed):
            assert isinstance(cell, Trouble)
            self.empty[place] += 1
            self._trouble(row, place, cell)
            return "null"
        kind = self._kinds[place]
        if kind is cell.kind and kind is not CellKind.NUMBER:
            return _fragment(cell.shown, cell.value)
        too_long = isinstance(cell.value, int) and cell.value >= _TOO_MANY_DIGITS
        if too_long:
            self._digits_lost(row, place, cell)
        elif "E+" in cell.shown and cell.kind is CellKind.NUMBER:
            self._shortened(row, place, cell)
        if kind is CellKind.TEXT:
            return quote(cell.shown)
        if kind is cell.kind:
            return _fragment(cell.shown, cell.value)
        if kind is CellKind.NUMBER or (value := self._readings[place].read(cell.shown)) is None:
            self._unreadable(row, place, cell.shown)
            return f"[{quote(cell.shown)},null]"
        return _fragment(cell.shown, value)

    def _drop_errors(self, row: int, cells: Sequence[Cell], parts: list[str]) -> None:
        """`#N/A` came along as text when a sheet with formulas was saved as CSV."""
        for place, cell in enumerate(cells):
            if type(cell) is str and cell.strip() in ERROR_TEXTS:
                parts[place] = "null"
                self.empty[place] += 1
                self._trouble(row, place, Trouble(cell.strip(), "error_cell"))

    def _refuse_long_cells(self, row: int, cells: Sequence[Cell]) -> None:
        for place, cell in enumerate(cells):
            if type(cell) is str and len(cell) > LONGEST_CELL:
                raise SpreadsheetError(
                    f"A cell holds {len(cell):,} characters; a spreadsheet's cell has at most {LONGEST_CELL:,}.",
                    where=replace(self._where, row=row, column=self._columns[place].header),
                    remedy="Look for a quote mark that is opened there and not closed, or shorten the text.",
                )

    def _trouble(self, row: int, place: int, cell: Trouble) -> None:
        sentence, remedy = _TROUBLES[cell.code]
        header = self._columns[place].header
        self._warn(cell.code, place, row, lambda: (sentence.format(cell=excerpt(cell.shown), header=header), remedy))

    def _unreadable(self, row: int, place: int, text: str) -> None:
        kind, header = self._readings[place].kind, self._columns[place].header
        self._warn(
            f"unreadable_{kind}",
            place,
            row,
            lambda: (
                f"{excerpt(text)} in {header} was not read as {_MEANING[kind]}: it prints, but does not compute.",
                f"Correct the cells, or take the column as text: --type {self._columns[place].field}=text",
            ),
        )

    def _shortened(self, row: int, place: int, cell: Typed) -> None:
        self._warn(
            "shortened_number",
            place,
            row,
            lambda: (
                f"{cell.value} in {self._columns[place].header} prints as {cell.shown}, as Excel shows it.",
                "Give the column the number format 0 in Excel, save, and import again.",
            ),
        )

    def _digits_lost(self, row: int, place: int, cell: Typed) -> None:
        header = self._columns[place].header
        self._warn(
            "digits_lost",
            place,
            row,
            lambda: (
                f"{excerpt(cell.shown)} in {header} is a number of more than 15 digits, and a spreadsheet keeps no more.",
                "If it is an account or an order: format the column as text, and type the digits again.",
            ),
        )

    def _kept_as_text(self, row: int, place: int, text: str) -> None:
        kind, header = self._readings[place].kind, self._columns[place].header
        self._warn(
            f"{kind}_as_text",
            place,
            row,
            lambda: (
                f"{excerpt(text)} in {header} is kept as text in the sheet; it was read as {_MEANING[kind]}.",
                f"Nothing to do, unless it is none: --type {self._columns[place].field}=text",
            ),
        )

    def _warn(self, code: str, place: int, row: int, said: Callable[[], tuple[str, str]]) -> None:
        self._tally.warn(code, self._places[place], row, said)


def _fragment(shown: str, value: Value) -> str:
    if value is True or value is False:
        return f"[{quote(shown)},{'true' if value else 'false'}]"
    return f"[{quote(shown)},{quote(value) if isinstance(value, str) else repr(value)}]"
