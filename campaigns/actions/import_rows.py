"""Every row of a list's newest sheet as a file: what the import made of it, and why."""

from collections.abc import Iterator
from pathlib import Path

from campaigns.actions.desk import Desk
from campaigns.actions.rows_file import inert, write_lines
from campaigns.model.states import RowVerdict
from campaigns.store import lists, recipients, sheets
from campaigns.store.recipients import Recipient

HEADER = ("row", "address", "state", "reason")
PAGE = 5_000  # rows that are read together


def write_import_rows(desk: Desk, list_name: str, path: Path) -> None:
    """Write the rows of the list's newest sheet to `path`, as CSV."""
    with desk.store.read() as conn:
        into = lists.find(conn, list_name)
        sheet = sheets.latest(conn, into.id) if into else None
    if sheet is not None:
        write_lines(path, HEADER, (_line(row) for row in _rows(desk, sheet.id)))


def _rows(desk: Desk, sheet_id: int) -> Iterator[Recipient]:
    after = 0
    while True:
        with desk.store.read() as conn:  # a page at a time: a long look would keep the WAL from being written back
            page = recipients.page(conn, sheet_id, after=after, limit=PAGE)
        if not page:
            return
        yield from page
        after = page[-1].row


def _line(row: Recipient) -> tuple[object, ...]:
    state = RowVerdict(row.verdict).name.lower()
    return row.row, inert(row.given or row.folded or ""), state, inert(row.note or "")
