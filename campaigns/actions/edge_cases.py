"""The rows whose mails differ most: what a person should look at before anything leaves."""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from campaigns.actions.audience import Filter
from campaigns.actions.desk import Desk
from campaigns.actions.joined import with_joined
from campaigns.actions.prepare import PAGE
from campaigns.compose.attachments import AttachmentFolder, Named, NoFileError
from campaigns.compose.job import RenderJob
from campaigns.compose.renderer import Renderer, Row
from campaigns.message.message import unpack_values
from campaigns.model.finding import FindingTally
from campaigns.store import files, recipients, staging
from campaigns.store.sheets import Sheet

MOST = 12
_HUGE = 1 << 40  # bytes: more than any file has

_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]")

Chosen = dict[int, tuple[str, ...]]  # spreadsheet row -> why, in words


class Carried(NamedTuple):
    """A file that a row has and not all others have."""

    name: str
    size: int
    personal: bool  # nobody else has it


class EdgeCases:
    """Picks rows out of a stream: the furthest in each direction, the first of each shape, those whose files differ."""

    def __init__(self) -> None:
        self._largest = self._smallest = (0, 0, "")  # how far, row, name of the file
        self._with_file: dict[str, int] = {}  # a file of several people -> its first row
        self._without_file = 0  # the first row
        self._shapes: dict[int, list[int]] = {}  # shape -> its first row, and how many rows have it
        self._furthest: dict[str, tuple[int, int]] = {}  # direction -> how far, row

    def look(self, row: int, shape: int, joined: str) -> None:
        """Consider a row by its values, each ended by a NUL."""
        if shape in self._shapes:
            self._shapes[shape][1] += 1
        elif len(self._shapes) < MOST:
            self._shapes[shape] = [row, 1]
        self._compare("longest", len(joined), row)
        self._compare("shortest", 1_000_000 - len(joined), row)
        self._compare("most empty values", joined.count("\0\0") + joined.startswith("\0"), row)
        self._compare("most apostrophes", joined.count("'") + joined.count("’"), row)
        if not joined.isascii():
            self._compare("most letters beyond ASCII", sum(letter > "\x7f" for letter in joined), row)
            self._compare("right to left", len(_RIGHT_TO_LEFT.findall(joined)), row)

    def carry(self, row: int, carried: Sequence[Carried]) -> None:
        """Consider a row by the files that not all rows have."""
        if not carried:
            self._without_file = self._without_file or row
        for one in carried:
            if one.personal:
                self._largest = max(self._largest, (one.size + 1, -row, one.name))
                self._smallest = max(self._smallest, (_HUGE - one.size, -row, one.name))
            elif len(self._with_file) < MOST:
                self._with_file.setdefault(one.name, row)

    def chosen(self) -> Chosen:
        """At most twelve rows in their order, each with every reason for it."""
        why: dict[int, list[str]] = {}
        for direction, (_, row) in self._furthest.items():
            why.setdefault(row, []).append(direction)
        for pair in zip_longest(self._by_files(), self._by_shapes()):  # in turn, so that there is room for both
            for row, reason in filter(None, pair):
                if row in why or len(why) < MOST:
                    why.setdefault(row, []).append(reason)
        return {row: tuple(why[row]) for row in sorted(why)}

    def _by_files(self) -> Iterator[tuple[int, str]]:
        for what, (_, row, name) in (("largest", self._largest), ("smallest", self._smallest)):
            if name:
                yield -row, f"{what} file of one's own: {name}"
        if self._without_file and (self._with_file or self._largest[0]):
            yield self._without_file, "no file where others have one"
        for name, row in self._with_file.items():
            yield row, f"first with the file {name}"

    def _by_shapes(self) -> Iterator[tuple[int, str]]:
        for number, (row, rows) in enumerate(self._shapes.values(), 1):
            yield row, f"first of shape {number} ({rows:,} {'row' if rows == 1 else 'rows'})"

    def _compare(self, direction: str, how_far: int, row: int) -> None:
        if how_far > self._furthest.get(direction, (0, 0))[0]:
            self._furthest[direction] = how_far, row


def of_sheet(desk: Desk, sheet: Sheet, kept_out: Filter, job: RenderJob, tally: FindingTally) -> Chosen:
    """Among the good rows of an audience, each rendered once to see; what is found goes into the tally."""
    cases, folder = EdgeCases(), AttachmentFolder(desk.workspace.root)
    with Renderer(job) as renderer:
        for page in _pages(desk, sheet, kept_out):
            batch = renderer.render(page)
            tally.extend(batch.findings)
            for rendered in batch.rows:
                if rendered.problem is not None:
                    tally.add(rendered.problem)
                elif (carried := _carried(folder, rendered.files)) is not None:
                    cases.look(rendered.row, rendered.shape, rendered.values)
                    cases.carry(rendered.row, carried)
        tally.extend(renderer.conclude())
    return cases.chosen()


def of_outbox(desk: Desk, campaign_id: int) -> Chosen:
    """Among the messages of a campaign, as they were frozen."""
    cases, after = EdgeCases(), 0
    with desk.store.read() as conn:
        several = files.of_several(conn, campaign_id)
    while True:
        with desk.store.read() as conn:
            page = staging.frozen_page(conn, campaign_id, after=after, limit=PAGE)
            own = files.own(conn, [mail.message_id for _, mail in page])
        for _, mail in page:
            cases.look(mail.row, mail.shape_id, "".join(f"{value}\0" for value in unpack_values(mail.slots)))
            carried = own[mail.message_id]
            cases.carry(mail.row, [Carried(one.name, one.size, one.sha256 not in several) for one in carried])
        if len(page) < PAGE:
            return cases.chosen()
        after = page[-1][0]


def _carried(folder: AttachmentFolder, named: Sequence[Named]) -> list[Carried] | None:
    """The files of a row; None if one is missing: a check leaves the row out, and says so."""
    try:
        found = [(folder.find(one.path), one.personal) for one in named]
    except NoFileError:
        return None
    return [Carried(one.name, one.size, personal) for one, personal in found]


def _pages(desk: Desk, sheet: Sheet, kept_out: Filter) -> Iterator[list[Row]]:
    after = 0
    while True:
        with desk.store.read() as conn:
            page = recipients.page(conn, sheet.id, after=after, limit=PAGE)
            stay, _ = kept_out.part([one for one in page if not one.verdict])
            rows = with_joined(conn, sheet, stay)
        if not page:
            return
        yield rows
        after = page[-1].row
