"""The list's sheet given back to the person who made it: `check --sheet`, with what was found beside each row."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campaigns.actions.desk import Desk
from campaigns.actions.import_list import kept_file
from campaigns.actions.naming import campaign_named
from campaigns.actions.row_notes import RowNotes, shown_cells
from campaigns.errors import SpreadsheetError, UsageError, Where
from campaigns.model.finding import Finding
from campaigns.recipients.annotated import UnfitError, annotate, suffix_of
from campaigns.recipients.csv_file import CsvFile
from campaigns.recipients.opening import FileKind, is_open_elsewhere, open_file
from campaigns.recipients.plain_book import write_plain
from campaigns.store import history, recipients, sheets

PAGE = 5_000  # rows that are read together

Rows = Iterable[tuple[int, Sequence[str]]]


@dataclass(slots=True)
class SheetBack:
    """The file that was written, and what is to be said of it."""

    file: Path
    original: bool = True  # whether it is the person's own workbook
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {"file": str(self.file), "original": self.original, "notes": self.notes}


def refuse_what_does_not_fit(desk: Desk, sheet: sheets.Sheet, out: Path) -> None:
    """Raise what is wrong with the name of the file to write, before anything is done.

    A file that is there is only written over if Mergecast wrote it and nobody has touched it since.
    """
    original, kind = _original(desk, sheet)
    suffix = suffix_of(original) if original and kind is FileKind.XLSX else ".xlsx"
    if out.suffix.lower() != suffix:
        why = f"{sheet.file_name} is such a workbook" if suffix != ".xlsx" else "the sheet comes as a workbook"
        raise UsageError(f"{out.name} must end in {suffix}: {why}.", remedy=f"Name it {out.with_suffix(suffix).name}.")
    if is_open_elsewhere(out):
        raise SpreadsheetError(
            f"{out.name} is open in another program.", where=Where(file=out.name), remedy="Close it in Excel."
        )
    if out.exists() and not _is_untouched(desk, sheet, out):
        raise UsageError(
            f"{out.name} is there already, and holds what somebody made or changed.", remedy="Name another file."
        )


def give_back(desk: Desk, name: str, found: Sequence[Finding], out: Path) -> SheetBack:
    """Write the sheet that a campaign was checked with to `out`, whole or not at all.

    `found` names all of its rows. The original is taken where it is kept and can be written; else the rows are, as text.
    """
    half = out.with_name(f".{out.name}.half")
    back = SheetBack(out)
    try:
        with desk.store.read() as conn:  # one look, so that all lines agree
            campaign = campaign_named(conn, name)
            assert campaign.sheet_id is not None
            notes = RowNotes(conn, campaign, sheets.by_id(conn, campaign.sheet_id), found)
            if not _write_original(desk, notes, back, half):
                _write_as_text(desk, notes, back, half)
        sha256 = _sha256(half)
        half.replace(out)
    finally:
        half.unlink(missing_ok=True)
    detail = {"file": out.name, "sha256": sha256}
    with desk.store.write() as conn:
        history.record(
            conn,
            at=desk.clock.now(),
            who=desk.who,
            verb="give back",
            thing="campaign",
            thing_id=campaign.id,
            detail=detail,
        )
    return back


def _write_original(desk: Desk, notes: RowNotes, back: SheetBack, half: Path) -> bool:
    """The notes in the person's own workbook; False where there is none, or none that can be written."""
    original, kind = _original(desk, notes.sheet)
    if original is None or kind is not FileKind.XLSX:
        return False
    try:
        _annotate(original, half, notes.sheet.worksheet, notes, back)
    except UnfitError:
        return False
    return True


def _write_as_text(desk: Desk, notes: RowNotes, back: SheetBack, half: Path) -> None:
    """The notes in a plain workbook: the rows of a text file, else the rows as they were imported."""
    sheet, back.original = notes.sheet, False
    original, kind = _original(desk, sheet)
    if original is not None and kind is FileKind.CSV:
        rows = _rows_of_file(original, sheet.encoding)
    else:
        rows = _rows_of_store(notes)
        why = "is written in a way that Mergecast cannot add to" if original else "is not kept in the workspace"
        back.notes.append(f"{sheet.file_name} {why}: this is a plain workbook with its rows as they were imported.")
    plain = half.with_name(f"{half.name}.plain")
    try:
        title = write_plain(plain, sheet.worksheet or Path(sheet.file_name).stem, sheet.header_row, rows)
        _annotate(plain, half, title, notes, back)
    except UnfitError:
        raise SpreadsheetError(
            f"{sheet.file_name} has more rows or columns than a workbook holds.",
            where=Where(file=sheet.file_name),
            remedy="Take `--rows out.csv` instead.",
        ) from None
    finally:
        plain.unlink(missing_ok=True)


def _annotate(source: Path, half: Path, worksheet: str, notes: RowNotes, back: SheetBack) -> None:
    fields, row = [column.field for column in notes.columns], notes.sheet.header_row
    quiet = annotate(
        source, half, worksheet=worksheet, header_row=row, fields=fields, notes=iter(notes), heading=notes.heading
    )
    if quiet:
        back.notes.append(f"{quiet:,} more rows have no comment at their cells: with them, Excel would open slowly.")


def _original(desk: Desk, sheet: sheets.Sheet) -> tuple[Path | None, FileKind | None]:
    """The imported file and its kind; None unless it is kept, and still the one that was imported."""
    path = kept_file(desk.workspace.sheets, sheet.sha256, sheet.file_name)
    if not path.exists() or _sha256(path) != sheet.sha256:
        return None, None
    file, kind = open_file(path)
    file.close()
    return path, kind


def _rows_of_file(original: Path, encoding: str) -> Rows:
    file, _ = open_file(original)
    with closing(CsvFile(file, original, encoding)) as source:
        yield from source.rows()


def _rows_of_store(notes: RowNotes) -> Iterator[tuple[int, list[str]]]:
    yield notes.sheet.header_row, [column.header for column in notes.columns]
    after = 0
    while page := recipients.page(notes.conn, notes.sheet.id, after=after, limit=PAGE):
        yield from ((one.row, shown_cells(one)) for one in page)
        after = page[-1].row


def _is_untouched(desk: Desk, sheet: sheets.Sheet, out: Path) -> bool:
    """Whether a file is as `give_back` wrote it, and no sheet that somebody has imported since."""
    sha256 = _sha256(out)
    with desk.store.read() as conn:
        return sha256 != sheet.sha256 and history.mentions(conn, "give back", sha256)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
