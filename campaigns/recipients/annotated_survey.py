"""What a worksheet is like before notes are written into it, and what is written where."""

from dataclasses import dataclass, field
from typing import IO
from xml.parsers import expat

from campaigns.recipients.columns import place_of_letters

DIGITS = "0123456789"


@dataclass(frozen=True, slots=True)
class RowNote:
    """What is written beside a row of the sheet, and said at its guilty cells."""

    row: int
    texts: tuple[str, ...]  # one for each of the columns
    comments: tuple[tuple[int, str], ...] = ()  # by column of the sheet, counted without ours


@dataclass(slots=True)
class Survey:
    """What the worksheet is like, seen before anything is written."""

    width: int = 0  # columns that hold any cell
    last_row: int = 0
    priority: int = 0  # the highest number of a conditional format
    children: set[str] = field(default_factory=set)
    legacy_drawing: str = ""  # the relation of its comments' drawing


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write where."""

    header_row: int
    places: tuple[int, ...]  # our columns in the file, one for each header
    columns: tuple[int, ...]  # the sheet's own columns in the file
    fields: tuple[str, ...]  # their merge fields
    cell_style: int
    red: int  # differential formats
    amber: int
    filter_from: int | None  # the first column of the filter to put in; None where a table's own does
    heading: str  # what is said once, of all rows; "" for nothing
    drawing: str  # the relation to give to the comments' drawing, if there is none yet


def survey(part: IO[bytes]) -> Survey:
    """One pass over the worksheet; UnfitError, expat.ExpatError."""
    seen, parser = Survey(), expat.ParserCreate()
    depth = 0
    place = -1
    cell = row = ""

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, place, cell, row
        depth += 1
        if tag == cell:
            name = attributes.get("r")
            place = place + 1 if name is None else place_of_letters(name.rstrip(DIGITS))
            if place >= seen.width:
                seen.width = place + 1
            return
        if tag == row:
            place = -1
            seen.last_row = int(attributes.get("r") or seen.last_row + 1)
            return
        prefix, colon, tag = tag.rpartition(":")
        if depth == 1:
            cell, row = f"{prefix}{colon}c", f"{prefix}{colon}row"
        elif tag == "cfRule":
            seen.priority = max(seen.priority, int(attributes.get("priority") or 0))
        elif depth == 2:
            seen.children.add(tag)
            if tag == "legacyDrawing":
                seen.legacy_drawing = next((v for k, v in attributes.items() if k.endswith(":id")), "")

    def end(_tag: str) -> None:
        nonlocal depth
        depth -= 1

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.ParseFile(part)
    return seen
