"""What an import found out about a column."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class CellKind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    YES_NO = "yes_no"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a sheet, and the merge field that it became.

    A recipient's cells are a JSON array in column order. A blank cell is null. A text cell is a string.
    A typed cell is `[shown, value]`: value is a JSON number, an ISO date ("2026-12-01" or
    "2026-12-01T09:00:00"), or true/false; null where the shown text could not be read as the column's kind.
    """

    place: int  # 0 for the first column
    header: str  # as it stands in the sheet
    field: str  # what templates call it
    kind: CellKind = CellKind.TEXT
    format: str = ""  # the date pattern or number format the cells were read with, for a person to see
    locale: str = ""  # "de", "en_US": how the cells' numbers and dates are written; empty for text
    empty: int = 0  # how many rows have nothing here

    def as_json(self) -> dict[str, Any]:
        return {"header": self.header, "field": self.field, "kind": str(self.kind), "empty": self.empty}
