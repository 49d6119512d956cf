"""A recipient's cell as a template sees it: it prints as the sheet shows it and computes as its value."""

# ruff: noqa: SLF001 - a cell shows templates no public attribute, so its friends read its private ones

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NoReturn

from campaigns.compose.mistakes import Mistake, NoField, did_you_mean
from campaigns.model.column import CellKind, Column

COMPUTED = -3  # slot codes below the two of `message.shape`: a value worked out while the template runs
ENCODED = -4  # the same, already percent-encoded

Number = int | float


class Cell:
    """One field's cell; the same object is filled again for each row.

    Templates reach no attribute of it (the sandbox sees to that), only what its operators do.
    """

    __slots__ = ("_field", "_kind", "_shown", "_slot", "_value")

    def __init__(self, field: str, kind: CellKind, slot: int = COMPUTED, shown: str = "", value: Any = None) -> None:
        self._field = field
        self._kind = kind
        self._slot = slot
        self._shown = shown
        self._value = value  # of a typed cell, as in JSON (a date may be one already); None: unreadable, or text

    def __str__(self) -> str:
        return self._shown

    def __repr__(self) -> str:
        return f"Cell({self._field}={self._shown!r})"

    def __bool__(self) -> bool:
        if self._kind is CellKind.TEXT or self._kind is CellKind.DATE or self._value is None:
            return bool(self._shown)
        return bool(self._value)

    def __hash__(self) -> int:
        return hash(self._shown)

    def __len__(self) -> int:
        return len(self._shown)

    def __iter__(self) -> Iterator[str]:
        return iter(self._shown)

    def __getitem__(self, place: Any) -> str:
        return self._shown[place]

    def __contains__(self, part: object) -> bool:
        return str(part) in self._shown

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self._shown == other
        mine, others = value_of(self), value_of(other)
        if isinstance(mine, date) and isinstance(others, date):
            mine, others = _alike(mine, others)
        return bool(mine == others)

    def __lt__(self, other: Any) -> bool:
        pair = self._to_order(other)
        return pair is not None and bool(pair[0] < pair[1])

    def __le__(self, other: Any) -> bool:
        pair = self._to_order(other)
        return pair is not None and bool(pair[0] <= pair[1])

    def __gt__(self, other: Any) -> bool:
        pair = self._to_order(other)
        return pair is not None and bool(pair[0] > pair[1])

    def __ge__(self, other: Any) -> bool:
        pair = self._to_order(other)
        return pair is not None and bool(pair[0] >= pair[1])

    def __add__(self, other: Any) -> Any:
        if isinstance(other, str) or (self._kind is CellKind.TEXT and isinstance(other, Cell)):
            return self._shown + str(other)
        if self._kind is CellKind.DATE:
            return self._moved(_number(other, self))
        return self._computed(other, lambda a, b: a + b)

    def __radd__(self, other: Any) -> Any:
        if isinstance(other, str):
            return other + self._shown
        return self + other

    def __sub__(self, other: Any) -> Any:
        if self._kind is CellKind.DATE:
            others = value_of(other)
            if isinstance(others, date):
                mine, others = _alike(self._date(), others)
                return (mine - others).days
            return self._moved(-_number(other, self))
        return self._computed(other, lambda a, b: a - b)

    def __rsub__(self, other: Any) -> Any:
        return self._computed(other, lambda a, b: b - a)

    def __truediv__(self, other: Any) -> Any:
        return self._computed(other, lambda a, b: a / b)

    def __rtruediv__(self, other: Any) -> Any:
        return self._computed(other, lambda a, b: b / a)

    def __floordiv__(self, other: Any) -> Any:
        return self._computed(other, lambda a, b: a // b)

    def __rfloordiv__(self, other: Any) -> Any:
        return self._computed(other, lambda a, b: b // a)

    def __neg__(self) -> Any:
        return -_number(self, self)

    def __pos__(self) -> Any:
        return _number(self, self)

    def __int__(self) -> int:
        return int(_number(self, self))

    def __float__(self) -> float:
        return float(_number(self, self))

    def __round__(self, digits: int | None = None) -> Number:
        return round(_number(self, self), digits)

    def __abs__(self) -> Number:
        return abs(_number(self, self))

    def __call__(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise Mistake(f"{self._field} is a merge field, no function.", "Take the brackets behind it out.", self._field)

    def _computed(self, other: Any, compute: Callable[[Number, Number], Number]) -> Number:
        return compute(_number(self, self), _number(other, self))

    def _date(self) -> date:
        value = value_of(self)
        if isinstance(value, date):
            return value
        raise Mistake(f"“{self._shown}” in {self._field} is no date.", _RETYPE.format(self._field, "date"), self._field)

    def _moved(self, days: Number) -> "Cell":
        """The date some days later: a cell without a field."""
        moved = self._date() + timedelta(days=days)
        return Cell("", CellKind.DATE, COMPUTED, moved.isoformat(), moved)

    def _to_order(self, other: Any) -> tuple[Any, Any] | None:
        """Two values that compare; None where one of them is empty, which is neither larger nor smaller."""
        if not self._shown or (isinstance(other, Cell) and not other._shown):
            return None
        mine, others = value_of(self), value_of(other)
        if isinstance(mine, date) and isinstance(other, str):
            others = _iso(other)
        if isinstance(mine, date) and isinstance(others, date):
            return _alike(mine, others)
        if isinstance(mine, str) == isinstance(others, str) and not isinstance(others, date | None):
            return mine, others
        if isinstance(mine, date):
            raise Mistake(
                f"{self._field} is a date, and “{other}” is none.",
                f'Compare it with a date: {self._field} < "2026-12-31".',
                self._field,
            )
        if isinstance(mine, str):
            kind = self._kind if self._kind is not CellKind.TEXT else "number"
            raise Mistake(
                f"“{self._shown}” in {self._field} is a text and cannot be larger or smaller than {other}.",
                _RETYPE.format(self._field, kind),
                self._field,
            )
        raise Mistake(
            f"{self._field} is a number and “{other}” is a text.",
            f"Write the number without quotes: {self._field} > 100.",
            self._field,
        )


_RETYPE = "Correct the cell, or import the list with --type {0}={1}."


class RowCells:
    """One of a person's rows, as a template sees it within `rows`: a cell for each merge field."""

    __slots__ = ("_cells", "_columns")

    def __init__(self, columns: Mapping[str, Column], cells: list[Any]) -> None:
        self._columns = columns
        self._cells = cells

    def __getitem__(self, field: str) -> Cell:
        column = self._columns.get(field)
        if column is None:
            raise NoField(f"There is no merge field “{field}”.", did_you_mean(field, self._columns), field)
        shown, value = shown_and_value(self._cells[column.place])
        return Cell(field, column.kind, COMPUTED, shown, value)


def shown_and_value(content: Any) -> tuple[str, Any]:
    """What a cell of the sheet shows, and what it computes as (None: as it shows)."""
    if isinstance(content, str):
        return content, None
    return ("", None) if content is None else (content[0], content[1])


def value_of(thing: Any) -> Any:
    """What a cell computes as: a number, a date, a datetime, a bool or its text; anything else is itself."""
    if not isinstance(thing, Cell):
        return thing
    value = thing._value
    if value is None or thing._kind is CellKind.TEXT:
        return thing._shown
    if thing._kind is CellKind.DATE and isinstance(value, str):
        value = _iso(value) or thing._shown
    return value


def field_of(thing: Any) -> str:
    """The field's name, "" for what is no cell."""
    return thing._field if isinstance(thing, Cell) else ""


def _number(thing: Any, cell: Cell) -> Number:
    value = value_of(thing)
    if isinstance(value, int | float):
        return value
    name = field_of(thing) or cell._field
    if isinstance(thing, Cell) and not thing._shown:
        raise Mistake(f"{name} is empty, and is computed with.", f"Ask first: {{% if {name} %}}.", name)
    raise Mistake(f"“{thing}” in {name} is no number.", _RETYPE.format(name, "number"), name)


def _iso(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        return None


def _alike(one: date, other: date) -> tuple[Any, Any]:
    """Two instants that compare: as days if one of them is a day."""
    if isinstance(one, datetime) and isinstance(other, datetime):
        return one, other
    return (
        one.date() if isinstance(one, datetime) else one,
        other.date() if isinstance(other, datetime) else other,
    )
