"""Pruning: the content of mails that are long settled goes; their states, tokens and instants stay.

Only campaigns that are finished or cancelled are touched, and each transaction asks again whether they still are. A
message without slots cannot be made again, nor sent again: so an uncertain one keeps its own, for a person may have
it sent once more. A shape stays as long as one message with slots has it; a version's constants as long as it has a
shape. Versions themselves stay: a version's number is its place among all of its template.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, or_, select, update

from campaigns.model.states import CampaignState, MessageState, Wave
from campaigns.store.literal import literal
from campaigns.store.steering import LEASED, SETTLED
from campaigns.store.tables import (
    QUEUED,
    campaign_files,
    campaigns,
    constants,
    files,
    message_files,
    messages,
    recipients,
    shapes,
    sheets,
    versions,
)

_OVER = campaigns.c.state.in_([str(CampaignState.FINISHED), str(CampaignState.CANCELLED)])
PRUNABLE = [state for state in MessageState if state > MessageState.LEASED and state is not MessageState.UNCERTAIN]
_HAS_CONTENT = messages.c.slots.is_not(None)
_EMPTY = "[]"


@dataclass(frozen=True, slots=True)
class Amount:
    """How many of something, and their bytes."""

    count: int = 0
    size: int = 0

    def __add__(self, more: "Amount") -> "Amount":
        return Amount(self.count + more.count, self.size + more.size)

    def __sub__(self, less: "Amount") -> "Amount":
        return Amount(self.count - less.count, self.size - less.size)


@dataclass(frozen=True, slots=True)
class OldSheet:
    id: int
    list_id: int
    n: int
    sha256: str
    file_name: str


# What there is to prune


def over(conn: Connection, *, before: int) -> list[tuple[int, str]]:
    """Id and name of each campaign that is over, was made before an instant, and has shapes or files left."""
    shape = exists().where(shapes.c.campaign_id == campaigns.c.id)
    file = exists().where(campaign_files.c.campaign_id == campaigns.c.id)
    query = select(campaigns.c.id, campaigns.c.name).where(_OVER, campaigns.c.made_at < before, or_(shape, file))
    return [(row.id, row.name) for row in conn.execute(query.order_by(campaigns.c.id))]


def content(conn: Connection, campaign_id: int, *, before: int) -> Amount:
    """The slots of a campaign's messages that were settled before an instant."""
    counted = select(func.count(), func.coalesce(func.sum(func.length(messages.c.slots)), 0))
    row = conn.execute(counted.where(_settled(campaign_id, before), messages.c.state.in_(map(int, PRUNABLE)))).one()
    return Amount(*row)


def needed_shapes(conn: Connection, campaign_id: int, *, before: int) -> set[int]:
    """The shapes of a campaign's messages that keep their slots."""
    mine = and_(messages.c.campaign_id == campaign_id, _HAS_CONTENT)
    goes = and_(messages.c.state.in_(map(int, PRUNABLE)), messages.c.settled_at < before)
    looks = (and_(QUEUED, mine), and_(LEASED, mine), and_(SETTLED, mine, ~goes))
    return {number for look in looks for number in conn.scalars(select(messages.c.shape_id).distinct().where(look))}


def unneeded_shapes(conn: Connection, campaign_id: int, needed: Collection[int]) -> Amount:
    """The shapes of a campaign besides those."""
    mine = select(shapes.c.id, func.length(shapes.c.parts)).where(shapes.c.campaign_id == campaign_id)
    sizes = [size for number, size in conn.execute(mine) if number not in needed]
    return Amount(len(sizes), sum(sizes))


def unneeded_files(conn: Connection, campaign_ids: Collection[int]) -> Amount:
    """The attachments that only these campaigns carry."""
    theirs = campaign_files.c.campaign_id.in_(campaign_ids)
    others = exists().where(campaign_files.c.file_id == files.c.id, ~theirs)
    mine = exists().where(campaign_files.c.file_id == files.c.id, theirs)
    counted = select(func.count(), func.coalesce(func.sum(files.c.size), 0))
    return Amount(*conn.execute(counted.where(mine, ~others)).one())


def old_sheets(conn: Connection, *, before: int, emptied: Collection[int] = ()) -> list[OldSheet]:
    """Sheets from before an instant that are no list's newest, and that no campaign with content has.

    `emptied` are campaigns whose content goes first.
    """
    own = sheets.alias("own")
    newest = select(func.max(sheets.c.n)).where(sheets.c.list_id == own.c.list_id).scalar_subquery()
    shape = exists().where(shapes.c.campaign_id == campaigns.c.id, shapes.c.campaign_id.not_in(emptied))
    in_use = exists().where(campaigns.c.sheet_id == own.c.id, or_(~_OVER, shape))
    old = and_(own.c.n < newest, own.c.at < before, own.c.pruned_at.is_(None), ~in_use)
    query = select(own.c.id, own.c.list_id, own.c.n, own.c.sha256, own.c.file_name).where(old).order_by(own.c.id)
    return [OldSheet(*row) for row in conn.execute(query)]


def cells(conn: Connection, sheet_id: int) -> Amount:
    counted = select(func.count(), func.coalesce(func.sum(func.length(recipients.c.cells)), 0))
    mine = and_(recipients.c.sheet_id == sheet_id, recipients.c.cells != _EMPTY)
    return Amount(*conn.execute(counted.where(mine)).one())


# What is found of it, a batch at a time, and dropped


def settled_page(
    conn: Connection, campaign_id: int, state: MessageState, wave: Wave, *, before: int, after: int, limit: int
) -> Sequence[int]:
    """The next ids, above `after`, of a campaign's messages in a state and a wave whose slots go: a place in the index."""
    mine = and_(_settled(campaign_id, before), messages.c.state == int(state), messages.c.wave == int(wave))
    query = select(messages.c.id).where(mine, messages.c.id > after).order_by(messages.c.id).limit(limit)
    return conn.scalars(query).all()


def begin(conn: Connection, campaign_id: int, *, at: int) -> bool | None:
    """Mark a campaign as pruned; None if it is not over any more, False if it was marked before."""
    if conn.scalar(select(campaigns.c.id).where(campaigns.c.id == campaign_id, _OVER)) is None:
        return None
    mark = update(campaigns).where(campaigns.c.id == campaign_id, campaigns.c.pruned_at.is_(None))
    return conn.execute(mark.values(pruned_at=at)).rowcount == 1


def drop_slots(conn: Connection, ids: Sequence[int], *, before: int) -> Amount:
    """Drop the slots of those messages that are still settled since before an instant; how many, and their bytes."""
    mine = and_(
        messages.c.id.in_(ids),
        messages.c.state.in_(map(int, PRUNABLE)),
        messages.c.settled_at < before,
        _HAS_CONTENT,
    )
    rows = conn.execute(select(messages.c.id, func.length(messages.c.slots).label("size")).where(mine))
    dropped = {row.id: row.size for row in rows}
    conn.execute(update(messages).where(messages.c.id.in_(dropped)).values(slots=None))
    conn.execute(delete(message_files).where(message_files.c.message_id.in_(dropped)))
    return Amount(len(dropped), sum(dropped.values()))


def last_message(conn: Connection) -> int:
    return conn.scalar(select(func.max(messages.c.id))) or 0


def shape_ids(conn: Connection, campaign_id: int) -> Sequence[int]:
    return conn.scalars(select(shapes.c.id).where(shapes.c.campaign_id == campaign_id)).all()


def drop_shapes(conn: Connection, campaign_id: int, ids: Sequence[int], *, since: int) -> Amount:
    """Drop those shapes of a campaign that no message with an id above `since` has; how many, and their bytes."""
    new = select(messages.c.shape_id).where(messages.c.id > since, messages.c.campaign_id + literal(0) == campaign_id)
    mine = and_(shapes.c.campaign_id == campaign_id, shapes.c.id.in_(ids), shapes.c.id.not_in(new))
    sizes = conn.scalars(delete(shapes).where(mine).returning(func.length(shapes.c.parts))).all()
    return Amount(len(sizes), sum(sizes))


def has_shapes(conn: Connection, campaign_id: int) -> bool:
    return conn.scalar(select(shapes.c.id).where(shapes.c.campaign_id == campaign_id).limit(1)) is not None


def versions_without_shapes(conn: Connection) -> list[int]:
    """Versions that have constants, and no shapes any more."""
    used = set(conn.scalars(select(shapes.c.version_id).distinct()))
    found = conn.scalars(select(versions.c.id).where(exists().where(constants.c.version_id == versions.c.id)))
    return [number for number in found if number not in used]


def drop_constants(conn: Connection, version_id: int, *, limit: int) -> Amount:
    """Drop up to `limit` constants of a version, unless a shape of it has come meanwhile; how many, and their bytes."""
    if conn.scalar(select(shapes.c.id).where(shapes.c.version_id == version_id).limit(1)) is not None:
        return Amount()
    some = select(constants.c.id).where(constants.c.version_id == version_id).limit(limit)
    gone = delete(constants).where(constants.c.id.in_(some)).returning(func.length(constants.c.body))
    sizes = conn.scalars(gone).all()
    return Amount(len(sizes), sum(sizes))


def empty_rows(conn: Connection, sheet_id: int, *, after: int, limit: int) -> tuple[Amount, int | None]:
    """Drop the cells of the next rows of a sheet; how many and their bytes, and the row to go on after, None at the end."""
    page = select(recipients.c.id, recipients.c.row, func.length(recipients.c.cells), recipients.c.cells != _EMPTY)
    mine = and_(recipients.c.sheet_id == sheet_id, recipients.c.row > after)
    rows = conn.execute(page.where(mine).order_by(recipients.c.row).limit(limit)).all()
    full = {number: size for number, _, size, has_cells in rows if has_cells}
    conn.execute(update(recipients).where(recipients.c.id.in_(full)).values(cells=_EMPTY))
    return Amount(len(full), sum(full.values())), rows[-1].row if len(rows) == limit else None


def finish_sheet(conn: Connection, sheet: OldSheet, *, at: int) -> None:
    conn.execute(update(sheets).where(sheets.c.id == sheet.id).values(pruned_at=at, kept=False))


def has_file_alone(conn: Connection, sheet: OldSheet, besides: Collection[int] = ()) -> bool:
    """Whether no other sheet has the same file, `besides` those and the ones that were pruned before."""
    others = and_(sheets.c.sha256 == sheet.sha256, sheets.c.pruned_at.is_(None), sheets.c.id != sheet.id)
    return conn.scalar(select(sheets.c.id).where(others, sheets.c.id.not_in(besides)).limit(1)) is None


def is_old(conn: Connection, sheet: OldSheet, *, before: int) -> bool:
    """Whether a sheet is still one of `old_sheets`; ask in each transaction that takes something of it."""
    return any(one.id == sheet.id for one in old_sheets(conn, before=before))


def alive(conn: Connection, named: dict[int, bytes]) -> set[int]:
    """Of messages by id and token, those whose campaign is not over."""
    query = (
        select(messages.c.id, messages.c.token)
        .join(campaigns, campaigns.c.id == messages.c.campaign_id)
        .where(messages.c.id.in_(named), ~_OVER)
    )
    return {row.id for row in conn.execute(query) if row.token == named[row.id]}


def _settled(campaign_id: int, before: int) -> ColumnElement[bool]:
    return and_(SETTLED, messages.c.campaign_id == campaign_id, messages.c.settled_at < before, _HAS_CONTENT)
