"""Taking in what lies in the inbox: each file becomes an import, and a campaign that waits where a rule says so.

A file whose content is a sheet of its list already is not imported again: a kill between import and move does no harm.
"""

import fnmatch
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from campaigns.actions.check import CheckResult, check
from campaigns.actions.create import create
from campaigns.actions.desk import Desk
from campaigns.actions.inbox import DONE, FAILED, Claimed, Inbox
from campaigns.actions.inbox_page import Taken, failed_page, imported_page
from campaigns.actions.occurrences import Tell
from campaigns.actions.rereading import import_as_last_time, sha256_of
from campaigns.clock import to_micros
from campaigns.errors import MergecastError, SpreadsheetError, StoreError, UsageError, Where
from campaigns.recipients.opening import printable
from campaigns.settings import LOCAL, InboxRule
from campaigns.store import campaigns, lists, sheets
from campaigns.store.engine import Connection
from campaigns.store.sheets import Sheet

_ENDS_US = SpreadsheetError(
    "Reading it needs more than there is: it has ended the process that reads three times.",
    remedy="Open it in Excel or LibreOffice, and save it as CSV.",
)


def take_in(desk: Desk, inbox: Inbox, names: Iterable[str], tell: Tell, *, spare: bool = False) -> None:
    """Take in these files, after what a kill left; each is moved to done or to failed, with a page.

    With `spare`, the first file that was left is not tried again: it has ended this process too often. StoreError, and
    then what was claimed stays for the next time.
    """
    for place, file in enumerate(inbox.claim(names)):
        try:
            if spare and place == 0:
                raise _ENDS_US
            taken = _taken(desk, file)
        except StoreError:
            raise
        except MergecastError as error:
            if not _goes_on_changing(inbox, file, tell):
                _fail(desk, inbox, file, error, tell)
        else:
            if not _goes_on_changing(inbox, file, tell):
                said = printable(file.name)
                inbox.put(file, DONE, imported_page(said, taken))
                tell("inbox.imported", file=said, list=taken.list, sheet=taken.sheet, campaign=taken.campaign or None)


def _fail(desk: Desk, inbox: Inbox, file: Claimed, error: MergecastError, tell: Tell) -> None:
    said = printable(file.name)
    with desk.store.read() as conn:
        known = lists.names(conn)
    where = inbox.put(file, FAILED, failed_page(said, error, known))
    tell("inbox.failed", file=said, reason=error.sentence, page=_page_beside(desk, where))


def _taken(desk: Desk, file: Claimed) -> Taken:
    if not file.is_file():
        raise SpreadsheetError(
            "This is a link or a device, and no file.", remedy="Put the spreadsheet itself into the inbox."
        )
    pattern = rule_for(desk.workspace.settings.inbox.rules, file.name)
    rule = desk.workspace.settings.inbox.rules[pattern] if pattern else None
    with desk.store.read() as conn:
        name = rule.list if rule else list_for(conn, file.name)
        found = lists.find(conn, name)
        last = sheets.latest(conn, found.id) if found else None
        there = _same(conn, file, last) if last else None
    imported = None if there else import_as_last_time(desk, file.path, name, last)
    number = imported.sheet if imported else there.n if there else 0
    if rule is None or not rule.template:
        return Taken(name, number, imported)
    campaign = f"{name}-sheet-{number}"
    try:
        return Taken(name, number, imported, campaign, _campaign(desk, rule, campaign))
    except MergecastError as error:
        return Taken(name, number, imported, campaign, trouble=error)


def rule_for(rules: Iterable[str], file_name: str) -> str:
    """The first pattern that a file's name meets, whatever its capitals; "" if none."""
    name = _folded(file_name)
    return next((pattern for pattern in rules if fnmatch.fnmatchcase(name, _folded(pattern))), "")


def list_for(conn: Connection, file_name: str) -> str:
    """The list that a file is named after: `customers.xlsx`, `Customers 2026-11-30.csv`; UsageError if there is none."""
    stem = _worded(Path(file_name).stem)
    known = lists.names(conn)
    fitting = [name for name in known if stem == _worded(name) or _goes_on(stem, _worded(name))]
    if fitting:
        return max(fitting, key=len)
    there = f"There is {', '.join(known[:5])}{', ...' if len(known) > 5 else ''}." if known else "There is no list yet."
    raise UsageError(
        "It is named after no list, and no rule of the settings is for it.",
        where=Where(file=printable(file_name)),
        remedy=f'{there} Name the file after one of them, or have a rule written: [inbox.rules."NAME*"] with its list.',
    )


def _goes_on(stem: str, name: str) -> bool:
    """Whether after the name comes no further letter of a word: a date, a number, `(2)`."""
    return stem.startswith(name) and bool(re.match(r"[\W\d_]", stem[len(name) :]))


def _same(conn: Connection, file: Claimed, last: Sheet) -> Sheet | None:
    """The list's sheet that this file is: its newest, or one that was made since the file lies here."""
    sha256 = sha256_of(file.path)
    if last.sha256 == sha256:
        return last
    made = sheets.of_content(conn, last.list_id, sha256)
    return made if made is not None and made.at >= to_micros(file.since) else None


def _campaign(desk: Desk, rule: InboxRule, name: str) -> CheckResult | None:
    """Make and check the rule's campaign, unless it is there: a person may have sent it already."""
    with desk.store.read() as conn:
        there = campaigns.find(conn, name)
    if there is None:
        create(desk, name, template=rule.template, list_name=rule.list, transport=rule.transport or LOCAL)
    elif there.prepared or there.queued_at is not None:
        return None
    return check(desk, name)


def _goes_on_changing(inbox: Inbox, file: Claimed, tell: Tell) -> bool:
    """Put a file back that somebody still writes to: it is taken in when it is whole."""
    if not file.has_changed():
        return False
    inbox.put_back(file)
    tell("inbox.changed", file=printable(file.name))
    return True


def _page_beside(desk: Desk, path: Path) -> str:
    root = desk.workspace.root
    return printable(f"{path.relative_to(root) if path.is_relative_to(root) else path}.html")


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _worded(text: str) -> str:
    """Words in small letters, with blanks between them whatever stood there."""
    return re.sub(r"[\s_-]+", " ", _folded(text)).strip()
