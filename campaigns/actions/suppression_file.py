"""Reading the file of people who must not be mailed: whatever another program exported, an address a line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from campaigns.errors import SpreadsheetError, UsageError, Where
from campaigns.model.states import SuppressionReason

_BETWEEN = re.compile(r"[,;\t]")  # stands in no address, so quotes and delimiters need no guess
_REASONS = {str(reason): reason for reason in SuppressionReason}


@dataclass(frozen=True, slots=True)
class Line:
    row: int
    what: str  # an address or `@domain` as typed
    reason: SuppressionReason | None


def lines_of(path: Path) -> Iterator[Line]:
    """The lines that hold anything, but for a first line without an address: that is a header.

    The whole file is decoded before the first line is given, so that a wrong one changes nothing.
    """
    encoding = _encoding(path)
    try:
        with path.open(encoding=encoding) as file:
            for _ in file:
                pass
        with path.open(encoding=encoding) as file:
            for row, text in enumerate(file, start=1):
                pieces = [piece.strip().strip("\"'") for piece in _BETWEEN.split(text)]
                what = next((piece for piece in pieces if "@" in piece), "")
                if not text.strip() or (row == 1 and not what):
                    continue
                reason = next((_REASONS[piece] for piece in pieces if piece in _REASONS), None)
                yield Line(row, what or text.strip(), reason)
    except UnicodeDecodeError:
        raise SpreadsheetError(
            "The file is not in UTF-8.", where=Where(file=str(path)), remedy="Save it as “CSV UTF-8” and try again."
        ) from None


def _encoding(path: Path) -> str:
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except FileNotFoundError:
        raise UsageError(f"There is no file {path}.", remedy="Look at its name and folder.") from None
    if start.startswith((b"PK", b"\xd0\xcf\x11\xe0", b"%PDF")):
        raise SpreadsheetError(
            "This is no text file.", where=Where(file=str(path)), remedy="Save the list as CSV and try again."
        )
    return "utf-16" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
