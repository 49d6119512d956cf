"""The rows whose mails differ most: what a person should look at before anything leaves."""

import re
from collections.abc import Iterator

from campaigns.actions.audience import Filter
from campaigns.actions.desk import Desk
from campaigns.actions.joined import with_joined
from campaigns.actions.prepare import PAGE
from campaigns.compose.job import RenderJob
from campaigns.compose.renderer import Renderer, Row
from campaigns.message.message import unpack_values
from campaigns.model.finding import FindingTally
from campaigns.store import recipients, staging
from campaigns.store.sheets import Sheet

MOST = 12

_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]")

Chosen = dict[int, tuple[str, ...]]  # spreadsheet row -> why, in words


class EdgeCases:
    """Picks rows out of a stream: the furthest in each direction, and the first of each shape."""

    def __init__(self) -> None:
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

    def chosen(self) -> Chosen:
        """At most twelve rows in their order, each with every reason for it."""
        why: dict[int, list[str]] = {}
        for direction, (_, row) in self._furthest.items():
            why.setdefault(row, []).append(direction)
        for number, (row, rows) in enumerate(self._shapes.values(), 1):
            if row in why or len(why) < MOST:
                why.setdefault(row, []).append(f"first of shape {number} ({rows:,} {'row' if rows == 1 else 'rows'})")
        return {row: tuple(why[row]) for row in sorted(why)}

    def _compare(self, direction: str, how_far: int, row: int) -> None:
        if how_far > self._furthest.get(direction, (0, 0))[0]:
            self._furthest[direction] = how_far, row


def of_sheet(desk: Desk, sheet: Sheet, kept_out: Filter, job: RenderJob, tally: FindingTally) -> Chosen:
    """Among the good rows of an audience, each rendered once to see; what is found goes into the tally."""
    cases = EdgeCases()
    with Renderer(job) as renderer:
        for page in _pages(desk, sheet, kept_out):
            batch = renderer.render(page)
            tally.extend(batch.findings)
            for rendered in batch.rows:
                if rendered.problem is None:
                    cases.look(rendered.row, rendered.shape, rendered.values)
                else:
                    tally.add(rendered.problem)
        tally.extend(renderer.conclude())
    return cases.chosen()


def of_outbox(desk: Desk, campaign_id: int) -> Chosen:
    """Among the messages of a campaign, as they were frozen."""
    cases, after = EdgeCases(), 0
    while True:
        with desk.store.read() as conn:
            page = staging.frozen_page(conn, campaign_id, after=after, limit=PAGE)
        for _, mail in page:
            cases.look(mail.row, mail.shape_id, "".join(f"{value}\0" for value in unpack_values(mail.slots)))
        if len(page) < PAGE:
            return cases.chosen()
        after = page[-1][0]


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
