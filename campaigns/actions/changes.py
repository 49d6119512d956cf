"""What is new, changed and gone in a list since its last sheet: how many rows, and which come first."""

import json
import operator
from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from campaigns.model.column import Column
from campaigns.model.finding import FIRST_ROWS
from campaigns.model.states import RowVerdict
from campaigns.store import recipients, sheets
from campaigns.store.engine import Connection


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """A row that is new, changed or gone; a row that is gone by its number in the sheet before."""

    row: int
    address: str
    fields: tuple[str, ...] = ()  # what has changed


@dataclass(frozen=True, slots=True)
class Changes:
    """What a sheet says of people, compared with the sheet before it in its list."""

    new: int
    changed: int
    gone: int
    first_new: tuple[ChangedRow, ...] = ()
    first_changed: tuple[ChangedRow, ...] = ()
    first_gone: tuple[ChangedRow, ...] = ()

    def as_json(self) -> dict[str, int]:
        return {"new": self.new, "changed": self.changed, "gone": self.gone}

    def first_as_json(self) -> dict[str, list[dict[str, Any]]]:
        """The first rows of each kind."""
        kinds = {"new": self.first_new, "changed": self.first_changed, "gone": self.first_gone}
        return {kind: [asdict(one) for one in rows] for kind, rows in kinds.items()}


def changes_since(conn: Connection, before: sheets.Sheet | None, sheet_id: int, columns: tuple[Column, ...]) -> Changes:
    """Compare two sheets person by person; both are read once, in the order of people, side by side."""
    if before is None:
        counted = recipients.count(conn, sheet_id)
        return Changes(new=counted.get(RowVerdict.GOOD, 0) + counted.get(RowVerdict.JOINED, 0), changed=0, gone=0)
    old = recipients.by_person(conn, before.id)
    now = recipients.by_person(conn, sheet_id)
    old_columns = sheets.columns_of(conn, before.id)
    alike = _alike(old_columns, columns)
    new, changed, gone = _Rows(), _Rows(), _Rows()
    one, other = next(old, None), next(now, None)
    while one or other:
        if other is None or (one and one[0] < other[0]):
            assert one is not None
            gone.add(one[2])
            one = next(old, None)
        elif one is None or other[0] < one[0]:
            new.add(other[2])
            other = next(now, None)
        else:
            if not alike(one[1], other[1]):
                changed.add(other[2], partial(_fields, old_columns, one[1], columns, other[1]))
            one, other = next(old, None), next(now, None)
    return Changes(
        new.count,
        changed.count,
        gone.count,
        new.told(conn, sheet_id),
        changed.told(conn, sheet_id),
        gone.told(conn, before.id),
    )


@dataclass(slots=True)
class _Rows:
    """Rows of one kind: how many, and the first of them, with the fields that changed."""

    count: int = 0
    first: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)

    def add(self, row: int, fields: Callable[[], tuple[str, ...]] = tuple) -> None:
        self.count += 1
        if len(self.first) < FIRST_ROWS or row < self.first[-1][0]:
            insort(self.first, (row, fields()))
            del self.first[FIRST_ROWS:]

    def told(self, conn: Connection, sheet_id: int) -> tuple[ChangedRow, ...]:
        found = [(recipients.at_row(conn, sheet_id, row), fields) for row, fields in self.first]
        return tuple(ChangedRow(one.row, one.given or one.folded or "", fields) for one, fields in found if one)


def _alike(before: Sequence[Column], after: Sequence[Column]) -> Callable[[str, str], bool]:
    """Whether a person's cells say the same, field by field; a column that is not there is a blank cell."""
    old, new = [column.field for column in before], [column.field for column in after]
    if old == new:
        return operator.eq  # the same cells are the same JSON
    return lambda then, now: _by_field(before, then) == _by_field(after, now)


def _fields(before: Sequence[Column], then: str, after: Sequence[Column], now: str) -> tuple[str, ...]:
    """The fields in which a person's cells differ, in the order of the new sheet."""
    old, new = _by_field(before, then), _by_field(after, now)
    names = dict.fromkeys(column.field for column in (*after, *before))
    return tuple(name for name in names if old.get(name) != new.get(name))


def _by_field(columns: Sequence[Column], cells: str) -> dict[str, Any]:
    of_fields = zip(columns, json.loads(cells), strict=True)
    return {column.field: cell for column, cell in of_fields if cell is not None}
