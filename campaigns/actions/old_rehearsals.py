"""Old mails of rehearsals, in the mailboxes on this computer: finding them, and what of them may go.

A mailbox may hold other mail, too. Ours are told by their names, which are their messages' handles.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from campaigns.actions.desk import Desk
from campaigns.message.message import read_handle
from campaigns.store import pruning
from campaigns.store.pruning import Amount
from campaigns.workspace import Workspace

_AT_ONCE = 500  # mails whose campaigns are asked for at once

Mail = tuple[Path, int]  # the file and its bytes


def old_rehearsals(desk: Desk, before: float) -> Iterator[list[Mail]]:
    """Mails written before an instant (epoch seconds) whose campaign is over, or is not known here; in batches."""
    mails = _written_before(desk, before)
    while batch := list(islice(mails, _AT_ONCE)):
        with desk.store.read() as conn:
            alive = pruning.alive(conn, {number: token for number, token, _ in batch})
        yield [mail for number, _, mail in batch if number not in alive]


def remove(mails: list[Mail]) -> Amount:
    """Those that are gone already count, too."""
    for path, _ in mails:
        path.unlink(missing_ok=True)
    return Amount(len(mails), sum(size for _, size in mails))


def mailboxes(workspace: Workspace) -> list[Path]:
    tables = workspace.settings.transports.values()
    return [workspace.root / table.path for table in tables if table.kind == "maildir"]


def _written_before(desk: Desk, before: float) -> Iterator[tuple[int, bytes, Mail]]:
    for mailbox in mailboxes(desk.workspace):
        for folder in ("new", "cur", "tmp"):
            with suppress(FileNotFoundError), os.scandir(mailbox / folder) as entries:
                for entry in entries:
                    stem, mark, _ = entry.name.partition(".eml")  # a mail program adds flags: "4d.0102.eml:2,S"
                    named = read_handle(stem) if mark else None
                    if named is None or not entry.is_file(follow_symlinks=False):
                        continue
                    status = entry.stat(follow_symlinks=False)
                    if status.st_mtime < before:
                        yield *named, (Path(entry.path), status.st_size)
