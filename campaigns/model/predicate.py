"""What conditions mean: a tree and a sheet's columns become a function of a row's cells.

Texts are compared trimmed and without regard to capitals (casefolded, NFC). Numbers, dates, and yes/no compare by value,
a cell with a time of day by its day. An empty cell, or one that could not be read as its column's kind, equals nothing
and is neither larger nor smaller; so `!=` and `not in` hold for it. For text, an empty cell equals ''.
"""

import operator
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any

from campaigns.errors import ConditionError
from campaigns.model.column import CellKind, Column
from campaigns.model.condition import And, Comparison, Condition, Not, Operator, Value, say_value
from campaigns.model.condition_parser import mistake, parse_condition

Cells = Sequence[Any]  # of one row, as `campaigns/model/column.py` has them
Predicate = Callable[[Cells], bool]

_ORDERS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.MORE: operator.gt,
    Operator.AT_LEAST: operator.ge,
}
_CALLED = {CellKind.TEXT: "a text", CellKind.NUMBER: "a number", CellKind.DATE: "a date", CellKind.YES_NO: "yes or no"}
_LIKE = {
    CellKind.NUMBER: "Compare it with a number, without quotes: {0} > 100.",
    CellKind.DATE: "Compare it with a date, without quotes: {0} < 2026-12-01.",
    CellKind.YES_NO: "Compare it with yes or no, without quotes: {0} = yes.",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One of the parts of a condition that must all hold."""

    text: str
    holds: Predicate


def rules_of(source: str, columns: Sequence[Column]) -> tuple[Rule, ...]:
    """A condition for rows with these columns, a rule for each part that `and` joins; ConditionError if it does not fit."""
    condition = parse_condition(source)
    parts = condition.parts if isinstance(condition, And) else (condition,)
    meaning = _Meaning(source, {column.field: column for column in columns})
    return tuple(Rule(str(part), meaning.of(part)) for part in parts)


def folded(text: str) -> str:
    """A text as it is compared."""
    if text.isascii():
        return text.strip().lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).strip()


@dataclass(frozen=True, slots=True)
class _Meaning:
    source: str
    columns: dict[str, Column]

    def of(self, condition: Condition) -> Predicate:
        if isinstance(condition, Comparison):
            return self._comparison(condition)
        if isinstance(condition, Not):
            part = self.of(condition.part)
            return lambda cells: not part(cells)
        parts = tuple(map(self.of, condition.parts))
        if isinstance(condition, And):
            return lambda cells: all(part(cells) for part in parts)
        return lambda cells: any(part(cells) for part in parts)

    def _comparison(self, asked: Comparison) -> Predicate:
        column = self._column(asked)
        if asked.operator in (Operator.EMPTY, Operator.FILLED):
            empty = _emptiness(column.place, column.kind)
            return empty if asked.operator is Operator.EMPTY else lambda cells: not empty(cells)
        for value, at in zip(asked.values, asked.values_at, strict=True):
            self._refuse_misfit(asked, column, value, at)
        if asked.operator is Operator.CONTAINS:
            return _containing(column.place, column.kind, folded(str(asked.values[0])))
        wanted = [_comparable(value) for value in asked.values]
        if asked.operator in _ORDERS:
            return _ordered(column.place, column.kind, _ORDERS[asked.operator], wanted[0])
        among = _among(column.place, column.kind, frozenset(wanted))
        return among if asked.operator in (Operator.EQUAL, Operator.IN) else lambda cells: not among(cells)

    def _column(self, asked: Comparison) -> Column:
        if found := self.columns.get(asked.field):
            return found
        near = get_close_matches(asked.field, self.columns, 2, 0.7)
        some = list(self.columns)
        remedy = (
            f"Did you mean {' or '.join(near)}?"
            if near
            else f"There is {', '.join(some[:8])}{', ...' if len(some) > 8 else ''}."
        )
        raise mistake(self.source, asked.at, f"The sheet has no field “{asked.field[:60]}”.", remedy)

    def _refuse_misfit(self, asked: Comparison, column: Column, value: Value, at: int) -> None:
        """ConditionError where a value cannot be compared with a column like that."""
        name, said = column.field, say_value(value)
        if asked.operator is Operator.CONTAINS:
            if not isinstance(value, str):
                raise mistake(self.source, at, "`~` looks for a text.", f"Put it in quotes: {name} ~ '{said}'.")
            if not value.strip():
                raise mistake(self.source, at, "Every text contains this.", f"Write `{name} is not empty`.")
            return
        if asked.operator in _ORDERS and column.kind is CellKind.YES_NO:
            sentence = f"{name} is yes or no: neither is larger."
            raise mistake(self.source, asked.operator_at, sentence, f"Write {name} = yes.")
        if _kind_of(value) is not column.kind:
            raise self._misfit(column, value, at)

    def _misfit(self, column: Column, value: Value, at: int) -> ConditionError:
        name, said, kind = column.field, say_value(value), _kind_of(value)
        if column.kind is CellKind.TEXT:
            remedy = f"Put it in quotes: '{said}'. Or import the list with --type {name}={kind}."
        elif isinstance(value, str) and not value.strip():
            remedy = f"Write `{name} is empty` or `{name} is not empty`."
        else:
            remedy = _LIKE[column.kind].format(name)
        sentence = f"The column {name} is {_CALLED[column.kind]}, and {said} is {_CALLED[kind]}."
        return mistake(self.source, at, sentence, remedy)


def _kind_of(value: Value) -> CellKind:
    if isinstance(value, bool):
        return CellKind.YES_NO
    if isinstance(value, str):
        return CellKind.TEXT
    return CellKind.DATE if isinstance(value, date) else CellKind.NUMBER


def _comparable(value: Value) -> Any:
    """A condition's value in the form in which `_read` gives a cell's."""
    if isinstance(value, str):
        return folded(value)
    return value.isoformat() if isinstance(value, date) else value


def _read(kind: CellKind) -> Callable[[Any], Any]:
    """How a filled cell of a kind becomes a value that compares; None where the cell could not be read."""
    if kind is CellKind.TEXT:
        return folded
    if kind is CellKind.DATE:
        return lambda cell: cell[1] and cell[1][:10]  # ISO: days compare as texts do
    return operator.itemgetter(1)


def _emptiness(place: int, kind: CellKind) -> Predicate:
    def empty(cells: Cells) -> bool:
        cell = cells[place]
        if cell is None:
            return True
        if kind is CellKind.TEXT:
            return not cell.strip()
        return cell[1] is None and not cell[0].strip()

    return empty


def _containing(place: int, kind: CellKind, part: str) -> Predicate:
    """Whether what the sheet shows contains a text."""

    def contains(cells: Cells) -> bool:
        cell = cells[place]
        return cell is not None and part in folded(cell if kind is CellKind.TEXT else cell[0])

    return contains


def _ordered(place: int, kind: CellKind, compare: Callable[[Any, Any], bool], wanted: Any) -> Predicate:
    read = _read(kind)

    def holds(cells: Cells) -> bool:
        cell = cells[place]
        value = None if cell is None else read(cell)
        return value is not None and value != "" and compare(value, wanted)

    return holds


def _among(place: int, kind: CellKind, wanted: frozenset[Any]) -> Predicate:
    read = _read(kind)
    of_empty = kind is CellKind.TEXT and "" in wanted

    def holds(cells: Cells) -> bool:
        cell = cells[place]
        return of_empty if cell is None else read(cell) in wanted

    return holds
