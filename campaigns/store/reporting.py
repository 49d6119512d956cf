"""Counting and listing what became of a campaign's rows; proofs are no part of them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, func, select

from campaigns.clock import from_micros, to_micros
from campaigns.model.states import CampaignState, LeftOut, MessageState
from campaigns.store import lanes
from campaigns.store.literal import literal
from campaigns.store.steering import LAST_WORDS, LEASED, NO_PROOF, SETTLED
from campaigns.store.tables import QUEUED, addresses, left_out, messages, recipients

_PAGE = 2_000
_NOT_YET_QUEUED = (CampaignState.DRAFT, CampaignState.CHECKED, CampaignState.APPROVED)
PROOF = messages.c.wave == literal(0)


@dataclass(frozen=True, slots=True)
class RowTold:
    """One row of the sheet, and what became of it."""

    row: int
    address: str
    state: MessageState | None  # None where the row has no message
    left_out: LeftOut | None
    words: str  # why it was left out, or the last thing a server said
    leased_at: datetime | None
    settled_at: datetime | None


def shown_as(state: MessageState, campaign: CampaignState) -> MessageState:
    """The state that a person is told: what stands queued is only staged, or cancelled with its campaign."""
    if state in (MessageState.STAGED, MessageState.QUEUED):
        if campaign in _NOT_YET_QUEUED:
            return MessageState.STAGED
        if campaign is CampaignState.CANCELLED:
            return MessageState.CANCELLED
    return state


def count_messages(conn: Connection, campaign_id: int, campaign: CampaignState) -> dict[MessageState, int]:
    """How many messages are in each state, as a person is told them; three covering scans, no table rows but leased ones."""
    mine = messages.c.campaign_id == campaign_id
    total = select(func.count()).select_from(messages)
    found = {
        MessageState.QUEUED: (conn.scalar(total.where(QUEUED, mine)) or 0) - queued_proofs(conn, campaign_id),
        MessageState.LEASED: conn.scalar(total.where(LEASED, mine, NO_PROOF)) or 0,
    }
    settled = select(messages.c.state, func.count()).where(SETTLED, mine, NO_PROOF).group_by(messages.c.state)
    found |= {MessageState(state): n for state, n in conn.execute(settled)}
    shown = dict.fromkeys(MessageState, 0)
    for state, n in found.items():
        shown[shown_as(state, campaign)] += n
    return shown


def count_shared(conn: Connection, campaign_id: int, other_id: int, other: CampaignState) -> dict[MessageState, int]:
    """How many people of a campaign have a message of another one, too, by that one's state as a person is told it."""
    shown = dict.fromkeys(MessageState, 0)
    for state, n in conn.execute(_SHARED, {"campaign": campaign_id, "other": other_id}):
        shown[shown_as(MessageState(state), other)] += n
    return shown


def queued_proofs(conn: Connection, campaign_id: int) -> int:
    query = select(func.count()).select_from(messages)
    return conn.scalar(query.where(QUEUED, PROOF, messages.c.campaign_id + 0 == campaign_id)) or 0


def count_left_out(conn: Connection, campaign_id: int) -> dict[LeftOut, int]:
    query = select(left_out.c.code, func.count()).where(left_out.c.campaign_id == campaign_id)
    return {LeftOut(code): n for code, n in conn.execute(query.group_by(left_out.c.code))}


def count_queued(conn: Connection, campaign_id: int, *, proofs: bool = True) -> dict[int, int]:
    """How many wait for each recipient-domain group, by its number; `proofs`: those with them."""
    by_lane = select(messages.c.lane, func.count()).group_by(messages.c.lane)
    found: Counter[int] = Counter()
    parts = lanes.parts(conn)
    for lane, n in conn.execute(by_lane.where(QUEUED, messages.c.campaign_id == campaign_id)):
        found[lanes.group_of(lane, parts)] += n
    if not proofs:  # few, with an index of their own
        for lane, n in conn.execute(by_lane.where(QUEUED, PROOF, messages.c.campaign_id + 0 == campaign_id)):
            found[lanes.group_of(lane, parts)] -= n
    return found


def has_due(conn: Connection, campaign_id: int, now: datetime, *, of_canary: bool = False) -> bool:
    """Whether a queued message of the campaign, or of its canary alone, could leave now."""
    query = select(messages.c.id).where(
        QUEUED, messages.c.campaign_id == campaign_id, messages.c.due_at <= to_micros(now)
    )
    if of_canary:
        query = query.where(messages.c.lane < 0)
    return conn.scalar(query.limit(1)) is not None


def rows_of(conn: Connection, campaign_id: int, campaign: CampaignState, sheet_id: int) -> Iterator[RowTold]:
    """Every row of the campaign's sheet in order, read a page at a time."""
    after = -1
    while True:
        page = conn.execute(_ROWS, {"campaign": campaign_id, "sheet": sheet_id, "after": after, "limit": _PAGE}).all()
        for row in page:
            state = None if row.state is None else shown_as(MessageState(row.state), campaign)
            yield RowTold(
                row=row.row,
                address=row.to_addr or row.given or row.folded or "",
                state=state,
                left_out=None if row.code is None else LeftOut(row.code),
                words=row.words or row.note or row.row_note or "",
                leased_at=None if row.leased_at is None else from_micros(row.leased_at),
                settled_at=None if row.settled_at is None else from_micros(row.settled_at),
            )
        if len(page) < _PAGE:
            return
        after = page[-1].row


_THEIRS = messages.alias("theirs")
_SHARED = (
    select(_THEIRS.c.state, func.count(messages.c.address_id.distinct()))
    .select_from(messages)
    .join(
        _THEIRS,
        and_(
            _THEIRS.c.campaign_id == bindparam("other"),
            _THEIRS.c.address_id == messages.c.address_id,
            _THEIRS.c.wave > literal(0),
        ),
    )
    .where(
        messages.c.campaign_id == bindparam("campaign"),
        messages.c.wave > literal(0),
        messages.c.state == literal(MessageState.QUEUED),
    )
    .group_by(_THEIRS.c.state)
)

_ROWS = (
    select(
        recipients.c.row,
        recipients.c.given,
        recipients.c.note.label("row_note"),
        addresses.c.folded,
        left_out.c.code,
        left_out.c.note,
        messages.c.to_addr,
        messages.c.state,
        messages.c.leased_at,
        messages.c.settled_at,
        LAST_WORDS.label("words"),
    )
    .join(addresses, addresses.c.id == recipients.c.address_id, isouter=True)
    .join(
        left_out,
        and_(left_out.c.campaign_id == bindparam("campaign"), left_out.c.recipient_id == recipients.c.id),
        isouter=True,
    )
    .join(
        messages,
        and_(
            messages.c.campaign_id == bindparam("campaign"),
            messages.c.address_id == recipients.c.address_id,
            messages.c.recipient_id == recipients.c.id,
            messages.c.wave > literal(0),
        ),
        isouter=True,
    )
    .where(recipients.c.sheet_id == bindparam("sheet"), recipients.c.row > bindparam("after"))
    .order_by(recipients.c.row)
    .limit(bindparam("limit"))
)
