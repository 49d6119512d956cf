"""Whom of a sheet an occurrence is for: people whom its series has not mailed yet, or whose rows have changed since."""

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence

from campaigns.checks import people
from campaigns.model.column import Column
from campaigns.model.finding import Finding
from campaigns.model.series import Whom
from campaigns.model.states import Repeated
from campaigns.store import recipients, series, sheets
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection
from campaigns.store.sheets import Sheet

_NOBODY, _PRUNED = 0, 1  # instead of what a person's rows say


def served(
    conn: Connection, occurrence: Campaign, whom: Whom, sheet: Sheet, columns: Sequence[Column]
) -> tuple[Finding, Iterable[int]] | None:
    """Why some people are left out of an occurrence, and their address ids; None where it is for all."""
    if whom is Whom.ALL or occurrence.series is None:
        return None
    if whom is Whom.NEW:
        there = series.mailed(conn, occurrence.series, leaves=occurrence.leaves, but=occurrence.id)
        return people.SERVED, there
    sent = series.sent(conn, occurrence.series, leaves=occurrence.leaves, but=occurrence.id)
    return people.UNCHANGED, _unchanged(conn, _last_words(conn, sent), sheet, columns)


def _last_words(conn: Connection, sent: Sequence[series.Sent]) -> "array[int]":
    """By address id: a number that stands for the person's rows when the series mailed her last."""
    words = array("Q")
    for one in sent:  # the newest first: whoever has a number already has a later mail
        sheet = sheets.by_id(conn, one.sheet_id)
        columns = sheets.columns_of(conn, sheet.id)
        is_pruned, rows = sheet.pruned_at is not None, dict[int, int]()
        for row in _rows(conn, one, sheet):
            if _at(words, row.address_id) == _NOBODY:
                said = 0 if is_pruned else _number(columns, row.cells)
                rows[row.address_id] = rows.get(row.address_id, 0) + said
        for person, said in rows.items():
            _put(words, person, _PRUNED if is_pruned else _within(said))
    return words


def _rows(conn: Connection, one: series.Sent, sheet: Sheet) -> Iterator[series.MailedRow]:
    """All rows of the people of an occurrence, in its sheet: those that were left out or joined, too."""
    if sheet.repeated is Repeated.FIRST:
        yield from series.mailed_rows(conn, one.campaign_id)
        return
    there = set(series.mailed_by(conn, one.campaign_id))
    for address_id, cells, _ in recipients.by_person(conn, sheet.id):
        if address_id in there:
            yield series.MailedRow(address_id, cells)


def _unchanged(conn: Connection, words: "array[int]", sheet: Sheet, columns: Sequence[Column]) -> Iterator[int]:
    """People who were mailed, and whose rows say the same now; where what they said then is pruned, they count as such."""
    person, said = 0, 0
    for address_id, cells, _ in recipients.by_person(conn, sheet.id):
        if address_id != person:
            if _same(words, person, said):
                yield person
            person, said = address_id, 0
        said += _number(columns, cells)
    if _same(words, person, said):
        yield person


def _same(words: "array[int]", person: int, said: int) -> bool:
    before = _at(words, person)
    return before == _PRUNED or (before != _NOBODY and before == _within(said))


def _number(columns: Sequence[Column], cells: str) -> int:
    """Equal, in this process, for rows that say the same in every field, whatever the order of their columns."""
    by_field = zip((column.field for column in columns), json.loads(cells), strict=True)
    return hash(json.dumps(sorted((name, cell) for name, cell in by_field if cell is not None)))


def _within(said: int) -> int:
    """As an array keeps it, beside the two numbers that mean something else."""
    return max(said % (1 << 64), _PRUNED + 1)


def _at(words: "array[int]", person: int) -> int:
    return words[person] if person < len(words) else _NOBODY


def _put(words: "array[int]", person: int, said: int) -> None:
    if person >= len(words):
        words.frombytes(bytes(words.itemsize * (person + 1 - len(words))))
    words[person] = said
