"""What is new, changed and gone in a list since its last sheet."""

import json
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from campaigns.model.column import Column
from campaigns.model.states import RowVerdict
from campaigns.store import recipients, sheets
from campaigns.store.engine import Connection


@dataclass(frozen=True, slots=True)
class Changes:
    """What a sheet says of people, compared with the sheet before it in its list."""

    new: int
    changed: int
    gone: int

    def as_json(self) -> dict[str, int]:
        return {"new": self.new, "changed": self.changed, "gone": self.gone}


def changes_since(conn: Connection, before: sheets.Sheet | None, sheet_id: int, columns: tuple[Column, ...]) -> Changes:
    """Compare two sheets person by person; both are read once, in the order of people, side by side."""
    if before is None:
        counted = recipients.count(conn, sheet_id)
        return Changes(new=counted.get(RowVerdict.GOOD, 0) + counted.get(RowVerdict.JOINED, 0), changed=0, gone=0)
    old = recipients.by_person(conn, before.id)
    now = recipients.by_person(conn, sheet_id)
    alike = _alike(sheets.columns_of(conn, before.id), columns)
    new = changed = gone = 0
    one, other = next(old, None), next(now, None)
    while one or other:
        if other is None or (one and one[0] < other[0]):
            gone += 1
            one = next(old, None)
        elif one is None or other[0] < one[0]:
            new += 1
            other = next(now, None)
        else:
            changed += not alike(one[1], other[1])
            one, other = next(old, None), next(now, None)
    return Changes(new, changed, gone)


def _alike(before: tuple[Column, ...], after: tuple[Column, ...]) -> Callable[[str, str], bool]:
    """Whether a person's cells say the same, field by field; a column that is not there is a blank cell."""
    old, new = [column.field for column in before], [column.field for column in after]
    if old == new:
        return operator.eq  # the same cells are the same JSON

    def by_field(fields: list[str], cells: str) -> dict[str, Any]:
        return {field: cell for field, cell in zip(fields, json.loads(cells), strict=True) if cell is not None}

    return lambda then, now: by_field(old, then) == by_field(new, now)
