"""A sheet given back: the person's own workbook with columns for what was found in each row.

Only the parts that must change are edited, in place and streamed; all others are copied as they are. So nothing is lost
of what openpyxl does not know (charts, pictures, macros, results of formulas), and a million rows fit.
"""

import shutil
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from xml.parsers.expat import ExpatError
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from campaigns.errors import SpreadsheetError
from campaigns.recipients import annotated_parts as parts
from campaigns.recipients.annotated_parts import Relation
from campaigns.recipients.annotated_sheet import LEFT_OUT, SheetScissors
from campaigns.recipients.annotated_survey import Plan, RowNote, Survey, survey
from campaigns.recipients.annotated_table import widened
from campaigns.recipients.cells import MOST_COLUMNS, shown
from campaigns.recipients.own_columns import HEADERS, own_places
from campaigns.recipients.xlsx_file import Workbook
from campaigns.recipients.xml_edit import UnfitError

__all__ = ["LEFT_OUT", "RowNote", "UnfitError", "annotate", "suffix_of"]

_LEVEL = 4  # of deflate: a tenth larger than the default, in half the time
_TYPES, _BOOK, _STYLES = "[Content_Types].xml", "xl/workbook.xml", "xl/styles.xml"
_SUFFIXES = {b"sheet.macroEnabled.": ".xlsm", b"template.macroEnabled.": ".xltm", b"spreadsheetml.template.": ".xltx"}


def suffix_of(path: Path) -> str:
    """What the name of a workbook must end with, for Excel to open it: macros are only taken from an .xlsm."""
    with ZipFile(path) as archive:
        types = archive.read(_TYPES)
    return next((suffix for sign, suffix in _SUFFIXES.items() if sign in types), ".xlsx")


def annotate(
    source: Path,
    out: Path,
    *,
    worksheet: str,
    header_row: int,
    fields: Sequence[str],
    notes: Iterator[RowNote],
    heading: str = "",
) -> int:
    """Write the workbook at `source` to `out` with notes beside the rows of a worksheet, in their order.

    `fields` are the merge fields of its columns; `heading` is said once, at the header of our columns. How many rows have no comment because there would be too many.
    UnfitError for a workbook that is not written as the standard has it; OSError.
    """
    try:
        with source.open("rb") as file, TemporaryFile() as sheet, ZipFile(source) as archive:
            book = Workbook(file, source, worksheet)
            header = _header(book, header_row)
            with archive.open(book.part_name) as part:
                seen = survey(part)
            changed = _Changed(archive, book.part_name)
            plan = _plan(changed, seen, header, header_row=header_row, fields=fields, heading=heading)
            with archive.open(book.part_name) as part:
                scissors = SheetScissors(part, sheet, plan, seen, notes)
                scissors.cut()
            _comment(changed, scissors, seen, plan)
            if scissors.filter:
                changed.parts[_BOOK] = parts.with_filter(changed.read(_BOOK), book.worksheet, scissors.filter)
            _assemble(archive, out, changed, sheet)
            return scissors.uncommented
    except (
        ExpatError,
        BadZipFile,
        zlib.error,
        LookupError,
        ValueError,
        EOFError,
        RuntimeError,
        SpreadsheetError,
    ) as error:
        raise UnfitError(str(error)) from error


class _Changed:
    """The parts that are written otherwise than they stand in the archive."""

    def __init__(self, archive: ZipFile, worksheet: str) -> None:
        self.worksheet = worksheet
        self.parts: dict[str, bytes] = {}
        self._archive = archive
        self.names = set(archive.namelist())

    def read(self, name: str) -> bytes:
        return self.parts.get(name) or self._archive.read(name)

    def find(self, name: str) -> bytes | None:
        return self.read(name) if name in self.names else None

    def free(self, pattern: str) -> str:
        return next(name for n in range(1, 1 << 20) if (name := pattern.format(n)) not in self.names)


def _header(book: Workbook, header_row: int) -> list[str]:
    for row, cells in book.rows():
        if row == header_row:
            return [shown(cell) for cell in cells]
    raise UnfitError("no header row")


def _plan(
    changed: _Changed, seen: Survey, header: Sequence[str], *, header_row: int, fields: Sequence[str], heading: str
) -> Plan:
    """Our columns where they stood the last time, else behind all that the worksheet holds."""
    ours = own_places(header)
    known = {title: place for place, title in reversed(ours.items())}
    end, places = max(seen.width, len(header)), []
    for title in HEADERS:
        if title not in known:
            known[title], end = end, end + 1
        places.append(known[title])
    if end > MOST_COLUMNS:
        raise UnfitError("no room for columns")
    columns = [place for place in range(end) if place not in ours and place not in places]
    changed.parts[_STYLES], cell_style, red, amber = parts.with_styles(changed.read(_STYLES))
    return Plan(
        header_row=header_row,
        places=tuple(places),
        columns=tuple(columns[: len(fields)]),
        fields=tuple(fields),
        cell_style=cell_style,
        red=red,
        amber=amber,
        filter_from=_widen_tables(changed, places, header_row),
        heading=heading,
        drawing="mergecastNotes",
    )


def _widen_tables(changed: _Changed, places: Sequence[int], header_row: int) -> int | None:
    """Our columns become part of the list's table; what is returned is the plan's `filter_from`."""
    relations = parts.relations_of(changed.find(parts.relations_name(changed.worksheet)), changed.worksheet)
    tables = [one.target for one in relations if one.kind == "table"]
    for name in tables:
        if (table := widened(changed.read(name), header_row, places)) is not None:
            changed.parts[name] = table
            return None
    return min(places) if tables else 0  # a table has a filter of its own, and Excel takes no second one over it


def _comment(changed: _Changed, scissors: SheetScissors, seen: Survey, plan: Plan) -> None:
    """The parts for the comments, those of the last time taken away."""
    names = parts.relations_name(changed.worksheet)
    relations = parts.relations_of(changed.find(names), changed.worksheet)
    comments = next((one.target for one in relations if one.kind == "comments"), None)
    drawing = next((one.target for one in relations if one.id == seen.legacy_drawing), None)
    if not (scissors.comments or comments):
        return
    new = []
    if comments is None:
        comments = changed.free("xl/comments{}.xml")
        new.append(Relation("mergecastComments", "comments", comments))
    if drawing is None:
        drawing = changed.free("xl/drawings/vmlDrawing{}.vml")
        new.append(Relation(plan.drawing, "vmlDrawing", drawing))
    part, gone, written = parts.with_comments(changed.find(comments), scissors.comments)
    changed.parts[drawing] = parts.with_drawing(changed.find(drawing), gone, written)
    changed.parts[comments] = part
    if new:
        kinds = {one.kind for one in new}
        changed.parts[names] = parts.with_relations(changed.find(names), changed.worksheet, new)
        changed.parts[_TYPES] = parts.with_types(
            changed.read(_TYPES), comments if "comments" in kinds else None, drawing="vmlDrawing" in kinds
        )


def _assemble(archive: ZipFile, out: Path, changed: _Changed, sheet: IO[bytes]) -> None:
    """The archive with the changed parts in their places, and the new ones behind them."""
    sheet.seek(0)
    done: set[str] = set()
    with ZipFile(out, "w", ZIP_DEFLATED, compresslevel=_LEVEL) as target:
        for member in archive.infolist():
            if member.filename in done or member.is_dir():
                continue
            done.add(member.filename)
            if member.filename in changed.parts:
                target.writestr(_like(member), changed.parts[member.filename])
                continue
            large = member.file_size > 1 << 30
            with target.open(_like(member), "w", force_zip64=large) as copy:
                if member.filename == changed.worksheet:
                    shutil.copyfileobj(sheet, copy, 1 << 20)
                else:
                    with archive.open(member) as part:
                        shutil.copyfileobj(part, copy, 1 << 20)
        for name in changed.parts.keys() - done:
            target.writestr(name, changed.parts[name])


def _like(member: ZipInfo) -> ZipInfo:
    """The entry of a member that is written again."""
    like = ZipInfo(member.filename, member.date_time)
    like.compress_type, like.external_attr = ZIP_DEFLATED, 0o600 << 16
    return like
