"""The kind of each column, found from its first cells: text, number, date or yes/no, and how it is written."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from campaigns.model.column import CellKind, Column, Role
from campaigns.model.finding import Finding
from campaigns.model.states import Severity
from campaigns.recipients.addresses import excerpt
from campaigns.recipients.cells import ERROR_TEXTS, Cell, Typed, is_blank
from campaigns.recipients.names import Names, words_of
from campaigns.recipients.written import (
    Habits,
    Order,
    date_pattern,
    decimal_votes,
    is_code,
    order_votes,
    read_date,
    read_number,
    read_yes_no,
)

ENOUGH = 0.9  # the share of the sample's filled cells that must fit; the rest become Findings

_DIGITS_ARE_NAMES = (Role.PHONE, Role.POSTCODE)
_NO_IS_NORWAY = (Role.COUNTRY, Role.LANGUAGE)
_POINT, _COMMA = "1,234.50", "1.234,50"  # how a column of numbers says which decimal sign it has
_ORDERS = {
    "dd/": Order.DAY_FIRST,
    "dd-": Order.DAY_FIRST,
    "mm/": Order.MONTH_FIRST,
    "mm-": Order.MONTH_FIRST,
}

Value = float | str | bool
Read = Callable[[str], Value | None]


@dataclass(frozen=True, slots=True)
class Reading:
    """How the texts of a column are read."""

    kind: CellKind
    read: Read
    format: str = ""
    locale: str = ""
    proved: bool = False  # the sheet, or the list's last one, proves how its numbers or dates are written
    as_last_time: bool = False  # it was the last one


AS_TEXT = Reading(CellKind.TEXT, lambda text: text)


@dataclass(frozen=True, slots=True)
class Sample:
    """The filled cells of a column's first rows."""

    texts: list[str]
    typed: list[Typed]

    @classmethod
    def of(cls, cells: Sequence[Cell]) -> "Sample":
        texts = [c for c in cells if type(c) is str and not is_blank(c) and c.strip() not in ERROR_TEXTS]
        return cls(texts, [c for c in cells if isinstance(c, Typed)])

    def fits(self, kind: CellKind, read: Read) -> float:
        """The share of the cells that can be read as a kind."""
        filled = len(self.texts) + len(self.typed)
        fitting = sum(cell.kind is kind for cell in self.typed) + sum(read(text) is not None for text in self.texts)
        return fitting / filled if filled else 0.0


class Conventions:
    """What a sheet's columns prove about how its numbers and dates are written."""

    def __init__(self, samples: Sequence[Sample], habits: Habits) -> None:
        self.habits = habits
        self._decimals: Counter[str] = Counter()
        self._orders: Counter[str] = Counter()
        for sample in samples:
            self._decimals.update(decimal_votes(sample.texts))
            self._orders.update(order_votes(sample.texts))

    def decimal(self, sample: Sample) -> tuple[str, bool]:
        """The decimal sign of a column, and whether the sheet proves it; else the locale says so."""
        for counted in (decimal_votes(sample.texts), self._decimals):
            if counted["."] != counted[","]:
                return ("." if counted["."] > counted[","] else ","), True
        return self.habits.decimal, False

    def order(self, sample: Sample) -> tuple[Order, bool]:
        """The order of day and month in a column, and whether the sheet proves it; else the locale says so."""
        for counted in (order_votes(sample.texts), self._orders):
            if counted["day"] != counted["month"]:
                return (Order.DAY_FIRST if counted["day"] > counted["month"] else Order.MONTH_FIRST), True
        return self.habits.order, False


def find_readings(
    columns: Sequence[Column],
    cells: Sequence[Sequence[Cell]],
    chosen: Mapping[int, CellKind],
    habits: Habits,
    *,
    names: Names,
    proved_before: Mapping[int, Column],
) -> tuple[list[Reading], list[Finding]]:
    """How each column is read, given the sample's cells by column and the kinds that the person chose by place.

    `proved_before` are the columns, by place, of which the list's last sheet proved how they are written.
    """
    samples = [Sample.of(column) for column in cells]
    conventions = Conventions(samples, habits)
    readings, findings = [], []
    for column, sample in zip(columns, samples, strict=True):
        kinds = [chosen[column.place]] if column.place in chosen else _possible_kinds(column, sample, names)
        reading = AS_TEXT
        for kind in kinds:
            candidate, open_to = _reading(kind, sample, conventions, proved_before.get(column.place))
            if column.place in chosen or sample.fits(kind, candidate.read) >= ENOUGH:
                reading = candidate
                findings += [_left_open(column, sample, candidate)] if open_to else []
                break
        readings.append(reading)
    return readings, findings


def _possible_kinds(column: Column, sample: Sample, names: Names) -> list[CellKind]:
    words = words_of(column.header) | words_of(column.field)
    codes = words & names.digits or column.role in _DIGITS_ARE_NAMES or any(map(is_code, sample.texts))
    kinds = [CellKind.DATE] if codes else [CellKind.NUMBER, CellKind.DATE]
    norwegian = column.role in _NO_IS_NORWAY or bool(words & names.country)
    if _says_yes_or_no(sample, norwegian=norwegian):
        kinds.append(CellKind.YES_NO)
    return kinds


def _says_yes_or_no(sample: Sample, *, norwegian: bool) -> bool:
    seen = {text.strip().lower() for text in sample.texts}
    if any(len(word) == 1 for word in seen):  # a column of N alone may be North
        return {read_yes_no(word) for word in seen} >= {True, False}
    return not (seen == {"no"} and norwegian)


def _reading(kind: CellKind, sample: Sample, conventions: Conventions, before: Column | None) -> tuple[Reading, bool]:
    """How a column of a kind is read, and whether its cells leave that open."""
    if kind is CellKind.NUMBER:
        return _number(sample, conventions, before)
    if kind is CellKind.DATE:
        return _date(sample, conventions, before)
    if kind is CellKind.YES_NO:
        return Reading(kind, read_yes_no, "", conventions.habits.locale), False
    return AS_TEXT, False


def _number(sample: Sample, conventions: Conventions, before: Column | None) -> tuple[Reading, bool]:
    habits = conventions.habits
    decimal, proved = conventions.decimal(sample)
    left_open = not proved and decimal_votes(sample.texts)["open"] > 0
    kept = not proved and before is not None and before.kind is CellKind.NUMBER
    if kept and before:
        decimal = "." if before.format == _POINT else ","
    own = habits.locale if decimal == habits.decimal else "en_US" if decimal == "." else "de_DE"
    example = _POINT if decimal == "." else _COMMA
    reading = Reading(
        CellKind.NUMBER,
        lambda text: read_number(text, decimal),
        example,
        own,
        proved=proved or kept,
        as_last_time=kept and left_open,
    )
    return reading, left_open and not kept


def _date(sample: Sample, conventions: Conventions, before: Column | None) -> tuple[Reading, bool]:
    habits = conventions.habits
    order, proved = conventions.order(sample)
    left_open = not proved and order_votes(sample.texts)["open"] > 0
    kept = not proved and before is not None and before.format[:3] in _ORDERS
    if kept and before:
        order = _ORDERS[before.format[:3]]
    pattern = date_pattern(sample.texts, order)
    if pattern.startswith("dd.") and habits.order is Order.MONTH_FIRST:
        own = "de_DE"  # dots put the day first everywhere
    else:
        own = habits.locale if order is habits.order else "en_US" if order is Order.MONTH_FIRST else "en_GB"
    reading = Reading(
        CellKind.DATE,
        lambda text: read_date(text, order),
        pattern,
        own,
        proved=proved or kept,
        as_last_time=kept and left_open,
    )
    return reading, left_open and not kept


def _left_open(column: Column, sample: Sample, reading: Reading) -> Finding:
    """Nothing in the sheet says whether 01/02/2026 is in January; say which way it was read."""
    dates = reading.kind is CellKind.DATE
    read = [(text.strip(), value) for text in sample.texts if (value := reading.read(text)) is not None]
    open_ones = [(t, v) for t, v in read if (order_votes if dates else decimal_votes)([t])["open"]]
    text, value = open_ones[0]
    return Finding(
        code="open_date" if dates else "open_number",
        severity=Severity.WARNS,
        sentence=f"{excerpt(text)} in {column.header} can be read two ways: it was read as {value}.",
        remedy="If that is wrong, set `locale` in mergecast.toml to the language that the sheet is written in.",
        where=f"column {column.header}",
    )
