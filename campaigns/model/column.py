"""What an import found out about a column."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class CellKind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    YES_NO = "yes_no"


class Role(StrEnum):
    """What a column says of a person, whatever its header is called."""

    NONE = ""
    ADDRESS = "address"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    FULL_NAME = "full_name"
    SALUTATION = "salutation"
    COMPANY = "company"
    LANGUAGE = "language"
    PHONE = "phone"
    STREET = "street"
    POSTCODE = "postcode"
    CITY = "city"
    COUNTRY = "country"


class Why(StrEnum):
    """Why a column was taken for what it was."""

    SAID = "said"  # by the person, just now
    LAST = "last"  # as in the list's last sheet
    NAME = "name"
    CONTENT = "content"


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
    role: Role = Role.NONE
    why: Why = Why.CONTENT
    holds: str = (
        ""  # what the list's next sheet keeps: "field", "kind" (a person said so), "writing" (the cells prove it)
    )

    def as_json(self) -> dict[str, Any]:
        return {
            "header": self.header,
            "field": self.field,
            "kind": str(self.kind),
            "empty": self.empty,
            "role": str(self.role),
            "why": str(self.why),
        }
