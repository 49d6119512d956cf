"""A sheet that is read again and again from one path: it becomes the list's next sheet when it has changed."""

import hashlib
from pathlib import Path

from campaigns.actions.desk import Desk
from campaigns.actions.import_list import ImportResult, import_list
from campaigns.actions.progress import Progress, silent
from campaigns.errors import SpreadsheetError
from campaigns.recipients.sheet import ReadOptions
from campaigns.store import lists, series, sheets
from campaigns.store.campaigns import Campaign
from campaigns.store.sheets import Sheet


def read_again(desk: Desk, campaign: Campaign, progress: Progress = silent) -> None:
    """Let a series, or an occurrence of one, have what its file says now; SpreadsheetError. Others keep their sheet."""
    with desk.store.read() as conn:
        mine = series.named(conn, campaign.series or campaign.name)
        name = lists.by_id(conn, campaign.list_id).name
    if mine is not None and mine.sheet_path:
        read_from(desk, name, mine.sheet_path, progress)


def read_from(desk: Desk, list_name: str, path: str, progress: Progress = silent) -> ImportResult | None:
    """Import the file unless it is the list's newest sheet already; a relative path lies in the workspace."""
    file = desk.workspace.root / path
    with desk.store.read() as conn:
        found = lists.find(conn, list_name)
        last = sheets.latest(conn, found.id) if found else None
    if last is not None and sha256_of(file) == last.sha256:
        return None
    return import_as_last_time(desk, file, list_name, last, progress)


def import_as_last_time(
    desk: Desk, file: Path, list_name: str, last: Sheet | None, progress: Progress = silent
) -> ImportResult:
    """Import without asking anybody: what a person said of the list's last sheet holds where the file leaves it open."""
    try:
        return import_list(desk, file, list_name, progress=progress)
    except SpreadsheetError as error:
        if last is None or not (last.worksheet or last.encoding):
            raise
        as_then = ReadOptions(worksheet=last.worksheet or None, encoding=last.encoding or None)
        try:
            return import_list(desk, file, list_name, as_then, progress=progress)
        except SpreadsheetError:
            raise error from None  # the first says what is wrong, the second what was tried


def sha256_of(file: Path) -> str:
    """Of what stands in the file; "" for what is no file that can be read."""
    try:
        if not file.is_file():
            return ""
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""
