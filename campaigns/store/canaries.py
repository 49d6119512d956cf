"""Canaries: the messages that leave first and alone, and the hold after them."""

from collections.abc import Collection

from sqlalchemy import Connection, and_, exists, func, or_, select, update

from campaigns.model.states import MessageState, Wave
from campaigns.store.literal import literal
from campaigns.store.prepared import among, numbers
from campaigns.store.tables import QUEUED, campaigns, messages

_OF_CANARY = messages.c.lane < 0  # see `lanes.py`
_LEASED = messages.c.state == literal(MessageState.LEASED)
_SETTLED = messages.c.state > literal(MessageState.LEASED)
_CANARY = messages.c.wave == literal(Wave.CANARY)


def evenly(conn: Connection, campaign_id: int, number: int, of: int) -> list[int]:
    """Ids of `number` of a campaign's `of` queued messages, evenly over the people in the order of their ids."""
    query = (
        select(messages.c.id)
        .where(messages.c.campaign_id == campaign_id, messages.c.wave > literal(0), QUEUED)
        .order_by(messages.c.address_id, messages.c.id)
        .execution_options(yield_per=10_000)
    )
    return [
        message_id
        for place, message_id in enumerate(conn.scalars(query))
        if place * number // of != (place + 1) * number // of
    ]


def mark(conn: Connection, ids: Collection[int]) -> None:
    """Let queued messages stand in the canary."""
    conn.execute(_MARK, {"ids": numbers(ids)})


def unmark(conn: Connection, campaign_id: int, *, limit: int) -> int:
    """Let up to `limit` queued messages stand among all others again; how many."""
    some = select(messages.c.id).where(QUEUED, messages.c.campaign_id == campaign_id, _OF_CANARY).limit(limit)
    back = {"wave": int(Wave.REST), "lane": -1 - messages.c.lane}
    return conn.execute(update(messages).where(messages.c.id.in_(some)).values(back)).rowcount


def waits(conn: Connection, campaign_id: int) -> bool:
    """Whether any of a canary has not been tried yet, or is on its way."""
    mine = messages.c.campaign_id == campaign_id
    untried = exists(select(messages.c.id).where(QUEUED, mine, _OF_CANARY, messages.c.attempts == 0))
    leased = exists(select(messages.c.id).where(_LEASED, mine, _CANARY))
    return bool(conn.scalar(select(or_(untried, leased))))


def ends(conn: Connection, campaign_id: int) -> tuple[int, int]:
    """How many of a canary that was tried were rejected or deferred, and how many were tried."""
    mine = messages.c.campaign_id == campaign_id
    tried = select(func.count()).select_from(messages)
    deferred = conn.scalar(tried.where(QUEUED, mine, _OF_CANARY, messages.c.attempts > 0)) or 0
    settled = select(messages.c.state, func.count()).where(_SETTLED, mine, _CANARY).group_by(messages.c.state)
    found = {MessageState(state): n for state, n in conn.execute(settled)}
    bad = deferred + sum(found.get(state, 0) for state in (MessageState.REJECTED, MessageState.BOUNCED))
    return bad, bad + sum(found.get(state, 0) for state in _WELL)


def gone(conn: Connection, campaign_id: int) -> int:
    """How many of a canary are settled."""
    mine = and_(_SETTLED, messages.c.campaign_id == campaign_id, _CANARY)
    return conn.scalar(select(func.count()).select_from(messages).where(mine)) or 0


def hold(conn: Connection, campaign_id: int, *, until: int) -> bool:
    """The canary has left: the others wait until then; False if they do already."""
    holds = and_(campaigns.c.id == campaign_id, campaigns.c.canary != "", campaigns.c.holds_until.is_(None))
    return conn.execute(update(campaigns).where(holds).values(holds_until=until)).rowcount == 1


_WELL = (MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.COMPLAINED)
_MARK = (
    update(messages)
    .where(messages.c.id.in_(among("ids")), QUEUED, messages.c.lane >= 0)
    .values(wave=int(Wave.CANARY), lane=-1 - messages.c.lane)
)
