"""`mergecast import`: a spreadsheet becomes the next sheet of a list."""

import hashlib
import os
import shutil
from array import array
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from campaigns.actions.changes import Changes, changes_since
from campaigns.actions.desk import Desk
from campaigns.actions.progress import Progress, silent
from campaigns.actions.reading import as_last_time
from campaigns.checks import people
from campaigns.errors import SpreadsheetError, StoreError, UsageError, Where
from campaigns.model.column import Column
from campaigns.model.finding import FIRST_ROWS, KEPT_ROWS, Finding, FindingTally
from campaigns.model.states import Repeated, RowVerdict
from campaigns.recipients.sheet import ReadOptions, Sheet, SheetRow, open_sheet
from campaigns.store import addresses, findings, history, lists, recipients, sheets
from campaigns.store.engine import Connection
from campaigns.store.recipients import NewRecipient

BATCH = 2_500  # rows of one transaction: about 25 ms
REMOVED_AT_ONCE = 5_000

_GOOD, _REJECTED, _DUPLICATE, _JOINED = (
    int(verdict) for verdict in (RowVerdict.GOOD, RowVerdict.REJECTED, RowVerdict.DUPLICATE, RowVerdict.JOINED)
)


@dataclass(frozen=True, slots=True)
class ImportResult:
    list: str
    sheet: int  # its number in the list
    rows: int
    good: int
    left_out: int
    repeated: Repeated
    joined: int  # good rows that stand in the mail of an earlier one
    columns: tuple[Column, ...]
    changes: Changes
    findings: tuple[Finding, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "list": self.list,
            "sheet": self.sheet,
            "rows": self.rows,
            "good": self.good,
            "left_out": self.left_out,
            "repeated": str(self.repeated),
            "joined": self.joined,
            "columns": [column.as_json() for column in self.columns],
            "changes": self.changes.as_json(),
            "first_changes": self.changes.first_as_json(),
            "findings": [finding.as_json() for finding in self.findings],
        }


Confirm = Callable[[ImportResult], bool]


def import_list(
    desk: Desk,
    path: Path,
    name: str,
    options: ReadOptions | None = None,
    *,
    repeated: Repeated | None = None,
    confirm: Confirm = lambda _: True,
    progress: Progress = silent,
) -> ImportResult:
    """Read the sheet at `path` into the list `name`; SpreadsheetError, and then nothing has changed.

    `repeated` says what becomes of a person's further rows; None: what became of them in the list's last sheet.
    `confirm` sees the result before it becomes the list's next sheet; UsageError if it says no.
    """
    name = _list_name(name)
    with open_sheet(path, as_last_time(desk, name, options or ReadOptions())) as sheet:
        coming = _begin(desk, sheet, name, repeated)
        try:
            for batch in _batches(sheet.rows()):
                _store(desk, coming, batch)
                progress(coming.rows, _expected(coming.rows, *sheet.progress()))
            result = _confirmed(_result(desk, coming, sheet), confirm)
            if desk.workspace.settings.keep_sheets:
                _keep_file(path, desk.workspace.sheets, sheet.sha256, coming.sheet_id)
            return _finish(desk, coming, sheet, result)
        except BaseException:
            with suppress(StoreError):
                _remove(desk, coming.sheet_id)
            raise


@dataclass(slots=True)
class _Rejected:
    """Rows without a usable address: how many, and why the first ones."""

    rows: int = 0
    first: list[SheetRow] = field(default_factory=list)

    def add(self, row: SheetRow) -> None:
        self.rows += 1
        if len(self.first) < FIRST_ROWS:
            self.first.append(row)

    def findings(self) -> Iterator[Finding]:
        if self.rows:
            reasons = " ".join(f"Row {row.row}: {row.note}" for row in self.first)
            first_rows = tuple(row.row for row in self.first)
            found = people.REJECTED
            yield replace(found, sentence=f"{found.sentence} {reasons}", rows=self.rows, first_rows=first_rows)


@dataclass(slots=True)
class _Coming:
    """A sheet on its way in."""

    list: lists.List
    sheet_id: int
    before: sheets.Sheet | None
    repeated: Repeated
    rows: int = 0
    good: int = 0
    joined: int = 0  # of the good ones
    first_rows: "array[int]" = field(default_factory=lambda: array("I"))  # by address id: where the person stood first
    rejected: _Rejected = field(default_factory=_Rejected)
    tally: FindingTally = field(default_factory=lambda: FindingTally(KEPT_ROWS))


def _list_name(name: str) -> str:
    tidy = " ".join(name.split())
    if not tidy or not tidy.isprintable():
        raise UsageError("A list needs a name.", remedy="Name it: `--list customers`.")
    return tidy


def _begin(desk: Desk, sheet: Sheet, name: str, repeated: Repeated | None) -> _Coming:
    _remove_leftovers(desk, name)
    with desk.store.write() as conn:
        into = lists.keep(conn, name)
        before = sheets.latest(conn, into.id)
        repeated = repeated or (before.repeated if before else Repeated.FIRST)
        sheet_id = sheets.begin(
            conn,
            into.id,
            sha256=sheet.sha256,
            file_name=sheet.file_name,
            kept=desk.workspace.settings.keep_sheets,
            worksheet=sheet.worksheet,
            encoding=sheet.encoding,
            delimiter=sheet.delimiter,
            header_row=sheet.header_row,
            repeated=repeated,
            at=desk.clock.micros(),
            who=desk.who,
        )
        return _Coming(into, sheet_id, before, repeated)


def _batches(rows: Iterator[SheetRow]) -> Iterator[list[SheetRow]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _expected(rows: int, done: int, total: int) -> int | None:
    """How many rows it will be, judged by the bytes."""
    return round(rows * total / done) if done else None


def _store(desk: Desk, coming: _Coming, batch: list[SheetRow]) -> None:
    with desk.store.write_page() as conn:
        _keep_ours(conn, coming)
        ids = addresses.keep(conn, {row.address.folded: row.address.domain for row in batch if row.address})
        recipients.add(conn, _judged(coming, batch, ids))
    coming.rows += len(batch)


def _keep_ours(conn: Connection, coming: _Coming) -> None:
    """StoreError if another import into the list has begun to take this one's rows away."""
    if not sheets.is_coming_in(conn, coming.sheet_id):
        raise StoreError(
            f"Another import into the list {coming.list.name} took over.", remedy="Import one file after the other."
        )


def _judged(coming: _Coming, batch: list[SheetRow], ids: dict[str, int]) -> list[NewRecipient]:
    """The rows as they are stored, those of people who stood in an earlier row marked as such."""
    sheet_id, first_rows = coming.sheet_id, coming.first_rows
    beyond = max(ids.values(), default=0) + 1 - len(first_rows)
    if beyond > 0:
        first_rows.frombytes(bytes(beyond * first_rows.itemsize))
    new: list[NewRecipient] = []
    for row in batch:
        address = row.address
        if address is None:
            coming.rejected.add(row)
            new.append(NewRecipient(sheet_id, row.row, None, row.given, row.cells, _REJECTED, row.note))
            continue
        address_id, verdict, note = ids[address.folded], _GOOD, None
        first = first_rows[address_id]
        if not first:
            first_rows[address_id] = row.row
        elif coming.repeated is Repeated.FIRST:
            verdict, note = _DUPLICATE, f"same address as row {first}"
            coming.tally.add(people.DUPLICATE, row.row)
        elif coming.repeated is Repeated.TOGETHER:
            verdict, note = _JOINED, f"stands in the mail of row {first}"
            coming.joined += 1
        coming.good += verdict != _DUPLICATE
        given = None if row.given == address.folded else row.given
        new.append(NewRecipient(sheet_id, row.row, address_id, given, row.cells, verdict, note))
    return new


def _result(desk: Desk, coming: _Coming, sheet: Sheet) -> ImportResult:
    """What the import comes to once its sheet is made."""
    columns = sheet.final_columns()
    with desk.store.read() as conn:
        changes = changes_since(conn, coming.before, coming.sheet_id, columns)
    coming.tally.extend(coming.rejected.findings())
    coming.tally.extend(sheet.findings())
    return ImportResult(
        list=coming.list.name,
        sheet=coming.before.n + 1 if coming.before else 1,
        rows=coming.rows,
        good=coming.good,
        left_out=coming.rows - coming.good,
        repeated=coming.repeated,
        joined=coming.joined,
        columns=columns,
        changes=changes,
        findings=tuple(coming.tally.findings()),
    )


def _confirmed(result: ImportResult, confirm: Confirm) -> ImportResult:
    if not confirm(result):
        raise UsageError(f"The list {result.list} stays as it was: nobody said yes.")
    return result


def _finish(desk: Desk, coming: _Coming, sheet: Sheet, result: ImportResult) -> ImportResult:
    """Make the sheet the list's newest."""
    now = desk.clock.now()
    with desk.store.write() as conn:
        _keep_ours(conn, coming)
        n = sheets.finish(conn, coming.sheet_id, rows=coming.rows, found=result.columns)
        findings.keep(conn, result.findings, sheet_id=coming.sheet_id)
        detail = {"sheet": n, "file": sheet.file_name, "rows": coming.rows, "good": coming.good}
        history.record(conn, at=now, who=desk.who, verb="import", thing="list", thing_id=coming.list.id, detail=detail)
    return replace(result, sheet=n)


def _keep_file(path: Path, folder: Path, sha256: str, sheet_id: int) -> None:
    """Copy an imported file under its hash, whole or not at all; the same file is kept once."""
    kept = kept_file(folder, sha256, path.name)
    if kept.exists():
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    half = _half(folder, sheet_id)
    try:
        with (
            os.fdopen(os.open(half, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as copy,
            path.open("rb") as original,
        ):
            shutil.copyfileobj(original, copy)
        with half.open("rb") as copy:
            if hashlib.file_digest(copy, "sha256").hexdigest() != sha256:
                raise SpreadsheetError(
                    "The file changed while it was read.", where=Where(file=path.name), remedy="Import it again."
                )
        half.replace(kept)
    finally:
        half.unlink(missing_ok=True)


def kept_file(folder: Path, sha256: str, file_name: str) -> Path:
    """Where an imported file is kept."""
    return folder / f"{sha256}{Path(file_name).suffix.lower()}"


def _half(folder: Path, sheet_id: int) -> Path:
    """The copy while it is written; named after its sheet, so that it is found when that import has crashed."""
    return folder / f".{sheet_id}"


def _remove_leftovers(desk: Desk, name: str) -> None:
    """What imports into this list left behind when they crashed."""
    with desk.store.read() as conn:
        into = lists.find(conn, name)
        left = sheets.leftovers(conn, into.id) if into else ()
    for sheet_id in left:
        _remove(desk, sheet_id)


def _remove(desk: Desk, sheet_id: int) -> None:
    """Take back a sheet that never became whole; one that did stays."""
    with desk.store.write() as conn:
        if not sheets.withdraw(conn, sheet_id):
            return
    _half(desk.workspace.sheets, sheet_id).unlink(missing_ok=True)
    removed = REMOVED_AT_ONCE
    while removed == REMOVED_AT_ONCE:
        with desk.store.write() as conn:
            removed = recipients.remove_some(conn, sheet_id, limit=REMOVED_AT_ONCE)
            if removed < REMOVED_AT_ONCE:
                sheets.remove(conn, sheet_id)
