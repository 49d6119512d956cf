"""Cells: what a spreadsheet's own types become."""

from typing import NamedTuple

from campaigns.model.column import CellKind

LONGEST_CELL = 32_767  # characters; Excel's own limit
MOST_COLUMNS = 16_384  # Excel's own limit, A to XFD

# What Excel and LibreOffice write for a formula that failed, in English, German and French; LibreOffice numbers some.
ERROR_TEXTS = frozenset(f"Err:{number}" for number in range(501, 541)) | frozenset(
    "#N/A #REF! #VALUE! #NAME? #DIV/0! #NUM! #NULL! #SPILL! #CALC! #GETTING_DATA #NV #BEZUG! #WERT! #ZAHL! "  # noqa: SIM905  one word a line would fill the page
    "#VALEUR! #NOM? #NOMBRE! #NUL!".split()
)


class Typed(NamedTuple):
    """A cell that the spreadsheet itself gave a type."""

    shown: str  # as the person sees it
    value: float | str | bool  # a number, an ISO date, or true/false
    kind: CellKind


class Trouble(NamedTuple):
    """A cell that has nothing to give, and why; it counts as blank."""

    shown: str
    code: str  # of the Finding


Cell = str | Typed | Trouble


def shown(cell: Cell) -> str:
    """What a person sees in the cell; an error is seen, too."""
    return cell if isinstance(cell, str) else cell.shown


def is_blank(cell: Cell) -> bool:
    return type(cell) is str and (not cell or cell.isspace())
