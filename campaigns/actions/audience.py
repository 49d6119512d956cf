"""Whom a campaign's audience leaves out: each row's condition, and people of excluded lists or lately mailed."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from campaigns.checks import people
from campaigns.clock import to_micros
from campaigns.model.audience import Audience
from campaigns.model.column import Column
from campaigns.model.duration import in_words
from campaigns.model.finding import Finding
from campaigns.model.predicate import Predicate, rules_of
from campaigns.store import audience as kept
from campaigns.store import lists, sheets
from campaigns.store.engine import Connection
from campaigns.store.recipients import Recipient

LONGEST_NOTE = 120  # characters of a rule that a left-out row repeats
_MORE = 4_096  # bytes that marks grow by, so that they seldom grow


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked of each row, and of each person."""

    conditions: tuple[tuple[Predicate, Finding], ...]
    of_people: tuple[Finding, ...]
    marks: bytearray  # by address id: 0, or which of `of_people` keeps the person out, counted from 1
    unmet: bytearray = field(default_factory=bytearray)  # by address id: 1 where the person's row meets no condition

    def part(self, rows: list[Recipient]) -> tuple[list[Recipient], list[tuple[Recipient, Finding]]]:
        """The rows that stay, and those that are left out, each with the first thing that keeps it out."""
        if not (self.conditions or self.of_people):
            return rows, []
        stay, left = [], []
        for one, cells in zip(rows, self._cells(rows), strict=True):
            why = self._first_unmet(cells)
            if why:
                _mark(self.unmet, 1, (one.address_id or 0,))
            why = why or self._kept_out(one)
            if why is None:
                stay.append(one)
            else:
                left.append((one, why))
        return stay, left

    def passed_over(self, doubles: list[Recipient]) -> list[Recipient]:
        """Of later rows of people, those that meet the condition where the person's first row did not."""
        missed = [one for one in doubles if _marked(self.unmet, one)]
        cells = self._cells(missed)
        return [
            one
            for one, there in zip(missed, cells, strict=True)
            if not (self._first_unmet(there) or self._kept_out(one))
        ]

    def keeps_out(self, later: Recipient) -> Finding | None:
        """What keeps a person out, asked for a later row that would stand in the same mail: the first row decided."""
        return people.CONDITION if _marked(self.unmet, later) else self._kept_out(later)

    def with_their_first_row(self, later: list[Recipient]) -> list[tuple[Recipient, Finding]]:
        """Of later rows that are joined, those whose person is kept out."""
        return [(one, why) for one in later if (why := self.keeps_out(one))]

    def without(self, address_ids: Iterable[int], why: Finding) -> "Filter":
        """The same, and these people are kept out, too."""
        marks = bytearray(self.marks)
        _mark(marks, len(self.of_people) + 1, address_ids)
        return replace(self, of_people=(*self.of_people, why), marks=marks)

    def digest(self) -> str:
        """Equal as long as the same people are kept out."""
        return hashlib.sha256(self.marks.rstrip(b"\0")).hexdigest()

    def _cells(self, rows: list[Recipient]) -> list[Sequence[object]]:
        found: list[Sequence[object]] = [()] * len(rows)
        return json.loads(f"[{','.join(one.cells for one in rows)}]") if self.conditions else found

    def _first_unmet(self, cells: Sequence[object]) -> Finding | None:
        """The first condition that does not hold."""
        for holds, finding in self.conditions:
            if not holds(cells):
                return finding
        return None

    def _kept_out(self, one: Recipient) -> Finding | None:
        mark = _marked(self.marks, one)
        return self.of_people[mark - 1] if mark else None


def filter_of(
    conn: Connection,
    audience: Audience,
    columns: Sequence[Column],
    excluded: Sequence[tuple[lists.List, sheets.Sheet]],
    *,
    now: datetime,
) -> Filter:
    """Compile the condition and look everybody up, once a campaign. ConditionError."""
    rules = rules_of(audience.where, columns) if audience.where else ()
    conditions = tuple((rule.holds, replace(people.CONDITION, where=rule.text)) for rule in rules)
    of_people, marks = [], bytearray()
    for one, sheet in excluded:
        of_people.append(replace(people.EXCLUDED, where=f"list {one.name}"))
        _mark(marks, len(of_people), kept.people_of_sheet(conn, sheet.id))
    if audience.not_mailed_in:
        of_people.append(replace(people.MAILED, where=f"in the last {in_words(audience.not_mailed_in)}"))
        _mark(marks, len(of_people), kept.mailed_since(conn, to_micros(now - audience.not_mailed_in)))
    return Filter(conditions, tuple(of_people), marks)


def _mark(marks: bytearray, number: int, address_ids: Iterable[int]) -> None:
    """Note by which rule people are kept out; the first one stays. A byte an address, whatever their number."""
    for person in address_ids:
        if person >= len(marks):
            marks.extend(bytes(person + 1 - len(marks) + _MORE))
        if not marks[person]:
            marks[person] = number


def _marked(marks: bytearray, one: Recipient) -> int:
    person = one.address_id or 0
    return marks[person] if person < len(marks) else 0


def note_of(why: Finding) -> str:
    """What is kept with a left-out row."""
    rule = why.where if len(why.where) <= LONGEST_NOTE else f"{why.where[:LONGEST_NOTE]}…"
    return f"{why.sentence.removesuffix('.')}: {rule}"
