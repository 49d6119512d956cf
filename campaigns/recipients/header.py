"""The header row: found below title lines, by the names and the addresses in it."""

from collections.abc import Iterable, Sequence

from campaigns.errors import SpreadsheetError, Where
from campaigns.model.column import Role
from campaigns.recipients.addresses import looks_like_address
from campaigns.recipients.columns import field_name
from campaigns.recipients.names import Names

SEARCHED = 50  # rows in which the header must stand

Rows = Sequence[tuple[int, Sequence[str]]]


def find_header(sample: Rows, known: Iterable[str], names: Names, where: Where) -> int:
    """The index in the sample of the header row. `sample` are the first rows as shown, `known` the headers that the
    person named, and those of the list's last sheet."""
    filled = [index for index, (_, cells) in enumerate(sample) if any(map(str.strip, cells))]
    if not filled:
        raise SpreadsheetError("The sheet is empty.", where=where, remedy="Choose another file or worksheet.")
    # Nothing that holds an address may stand above the header: it would be dropped in silence.
    first = next((index for index in filled if _has_address(sample[index][1])), len(sample))
    candidates = [index for index in filled if index < min(first, SEARCHED)]
    wanted = {field_name(name) for name in known} - {""}
    best = max(
        candidates,
        key=lambda index: (
            _says(sample[index][1], wanted),
            any(names.role_of(cell) is Role.ADDRESS for cell in sample[index][1]),
            _fills(sample, index),
            -index,
        ),
        default=None,
    )
    if best is None:
        row = sample[filled[0]][0]
        raise SpreadsheetError(
            "The first row holds an address already: there is no header row.",
            where=Where(file=where.file, sheet=where.sheet, row=row),
            remedy="Put a row above it that names the columns, like: First name, E-Mail.",
        )
    return best


def _has_address(cells: Sequence[str]) -> bool:
    return any(map(looks_like_address, cells))


def _says(cells: Sequence[str], names: Iterable[str]) -> int:
    fields = {field_name(cell) for cell in cells}
    return sum(name in fields for name in names)


def _fills(sample: Rows, index: int) -> bool:
    """Whether a row is about as wide as the rows below it; a title above a table is not."""
    below = [sum(bool(cell.strip()) for cell in cells) for _, cells in sample[index + 1 : index + 20]]
    return sum(bool(cell.strip()) for cell in sample[index][1]) * 2 > max(below, default=0)
