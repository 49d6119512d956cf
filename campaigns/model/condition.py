"""Conditions on a row of a sheet, as trees: `country = 'DE' and (plan != 'free' or since < 2026-01-01)`.

    condition  = part { "or" part }                 `and` binds closer than `or`, `not` closer than both
    part       = one { "and" one }
    one        = "not" one | "(" condition ")" | comparison
    comparison = FIELD ( "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" ) VALUE
               | FIELD [ "not" ] "in" "(" VALUE { "," VALUE } ")"
               | FIELD "is" [ "not" ] "empty"
    VALUE      = text in quotes | number | date | "yes" | "no"

`str` of a tree is a condition that `condition_parser.py` reads back as the same tree.
"""

import dataclasses
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

Value = str | bool | int | float | date


class Operator(StrEnum):
    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    CONTAINS = "~"
    IN = "in"
    NOT_IN = "not in"
    EMPTY = "is empty"
    FILLED = "is not empty"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one field is asked; the places are offsets in the text that it was read from."""

    field: str
    operator: Operator
    values: tuple[Value, ...] = ()  # none for EMPTY and FILLED, any number for IN and NOT_IN, else one
    at: int = dataclasses.field(default=0, compare=False)
    operator_at: int = dataclasses.field(default=0, compare=False)
    values_at: tuple[int, ...] = dataclasses.field(default=(), compare=False)

    def __str__(self) -> str:
        if self.operator in (Operator.IN, Operator.NOT_IN):
            return f"{self.field} {self.operator} ({', '.join(map(say_value, self.values))})"
        return " ".join([self.field, self.operator, *map(say_value, self.values)])


@dataclass(frozen=True, slots=True)
class Not:
    part: "Condition"

    def __str__(self) -> str:
        return f"not {_inside(self.part, And, Or)}"


@dataclass(frozen=True, slots=True)
class And:
    """Two parts or more, joined by `and`."""

    parts: tuple["Condition", ...]

    def __str__(self) -> str:
        return " and ".join(_inside(part, And, Or) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    """Two parts or more, joined by `or`."""

    parts: tuple["Condition", ...]

    def __str__(self) -> str:
        return " or ".join(_inside(part, Or) for part in self.parts)


Condition = Comparison | Not | And | Or


def say_value(value: Value) -> str:
    """A value as it stands in a condition."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return format(Decimal(repr(value)), "f")  # a float as digits, never as 1e-07


def _inside(part: Condition, *bracketed: type) -> str:
    return f"({part})" if isinstance(part, bracketed) else str(part)
