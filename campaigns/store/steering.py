"""What a person's hand does to queued and settled messages: cancel, resend, confirm.

Many messages are changed in batches, each a short transaction; the campaign's row, changed first, already keeps the
worker away from all of them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, exists, func, or_, select, update

from campaigns.clock import from_micros, to_micros
from campaigns.message.message import handle
from campaigns.model.states import MessageState
from campaigns.store.literal import literal
from campaigns.store.tables import QUEUED, addresses, attempts, campaigns, messages, recipients

FAILED = (MessageState.REJECTED, MessageState.EXPIRED)
LEASED = messages.c.state == literal(MessageState.LEASED)
SETTLED = messages.c.state > literal(MessageState.LEASED)
NO_PROOF = messages.c.wave + 0 > 0  # the sum keeps SQLite off the index of persons, which counts six times slower
_NEVER_LEFT = (MessageState.HELD, MessageState.SUPPRESSED, MessageState.EXPIRED, MessageState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Uncertain:
    """A message that was handed over and never answered."""

    message_id: int
    handle: str
    campaign_id: int
    campaign: str
    row: int
    to: str
    proof: bool
    leased_at: datetime | None
    words: str  # the last thing a server said about it


def anything_left(conn: Connection, campaign_id: int) -> bool:
    """Whether any message of the campaign is on its way or was settled by a server."""
    mine = and_(messages.c.campaign_id == campaign_id, NO_PROOF)
    gone = [int(state) for state in MessageState if state > MessageState.LEASED and state not in _NEVER_LEFT]
    settled = exists().where(mine, SETTLED, messages.c.state.in_(gone))
    leased = exists().where(mine, LEASED)
    return bool(conn.scalar(select(or_(settled, leased))))


def anything_tried(conn: Connection, campaign_id: int) -> bool:
    """Whether any queued message of the campaign was leased before; reads every one of them."""
    tried = or_(messages.c.attempts > 0, messages.c.leased_at.is_not(None))
    one = exists().where(QUEUED, messages.c.campaign_id == campaign_id, tried, NO_PROOF)
    return bool(conn.scalar(select(one)))


def cancel_queued(conn: Connection, campaign_id: int, *, at: datetime, limit: int) -> int:
    """Settle up to `limit` queued messages of a campaign, proofs too, as cancelled; how many."""
    return conn.execute(_CANCEL, {"campaign": campaign_id, "limit": limit, "at": to_micros(at)}).rowcount


def failed(conn: Connection, campaign_id: int, *, until: datetime, limit: int) -> Sequence[int]:
    """Ids of messages of a campaign that were rejected or expired up to an instant, and can be made once more."""
    query = select(messages.c.id).where(
        SETTLED,
        messages.c.campaign_id == campaign_id,
        messages.c.state.in_([int(state) for state in FAILED]),
        messages.c.settled_at <= to_micros(until),
        messages.c.slots.is_not(None),  # else its content was pruned
        NO_PROOF,
    )
    return conn.scalars(query.limit(limit)).all()


def queue_again(conn: Connection, ids: Collection[int], states: Collection[MessageState], *, at: datetime) -> int:
    """Queue messages that are in one of `states` once more, as if they had never been tried; how many.

    What was tried before keeps its place in `attempts` under numbers up to 0, so that retries and `give_up_after`
    count from now on.
    """
    if not ids:
        return 0
    again = and_(messages.c.id.in_(ids), messages.c.state.in_([int(state) for state in states]))
    tries = select(messages.c.attempts).where(messages.c.id == attempts.c.message_id).scalar_subquery()
    conn.execute(
        update(attempts)
        .where(attempts.c.message_id.in_(select(messages.c.id).where(again)))
        .values(n=attempts.c.n - tries)
    )
    return conn.execute(
        update(messages)
        .where(again)
        .values(
            state=int(MessageState.QUEUED),
            due_at=to_micros(at),
            attempts=0,
            settled_at=None,
            worker_id=None,
            handover_id=None,
            remote_id=None,
        )
    ).rowcount


def confirm(conn: Connection, ids: Collection[int], *, at: datetime) -> int:
    """Settle uncertain messages as accepted, on a person's word; how many."""
    if not ids:
        return 0
    return conn.execute(
        update(messages)
        .where(messages.c.id.in_(ids), messages.c.state == int(MessageState.UNCERTAIN))
        .values(state=int(MessageState.ACCEPTED), settled_at=to_micros(at))
    ).rowcount


def uncertain(
    conn: Connection,
    *,
    campaign_id: int | None = None,
    message_id: int | None = None,
    after: int = 0,
    limit: int = 1_000,
) -> list[Uncertain]:
    """Uncertain messages in the order of their ids, proofs too."""
    query = _UNCERTAIN.where(messages.c.id > after).limit(limit)
    if campaign_id is not None:
        query = query.where(messages.c.campaign_id == campaign_id)
    if message_id is not None:
        query = query.where(messages.c.id == message_id)
    return [
        Uncertain(
            message_id=row.id,
            handle=handle(row.id, row.token),
            campaign_id=row.campaign_id,
            campaign=row.name,
            row=row.row,
            to=row.to,
            proof=row.wave == 0,
            leased_at=None if row.leased_at is None else from_micros(row.leased_at),
            words=row.words or "",
        )
        for row in conn.execute(query)
    ]


_CANCEL = (
    update(messages)
    .where(
        messages.c.id.in_(
            select(messages.c.id)
            .where(QUEUED, messages.c.campaign_id == bindparam("campaign"))
            .limit(bindparam("limit"))
        )
    )
    .values(state=int(MessageState.CANCELLED), settled_at=bindparam("at"))
)

LAST_WORDS = (
    select(func.trim(attempts.c.code + " " + attempts.c.text))
    .where(attempts.c.message_id == messages.c.id)
    .order_by(attempts.c.n.desc())
    .limit(1)
    .scalar_subquery()
)

_UNCERTAIN: Select[Any] = (
    select(
        messages.c.id,
        messages.c.token,
        messages.c.campaign_id,
        campaigns.c.name,
        recipients.c.row,
        func.coalesce(messages.c.to_addr, addresses.c.folded).label("to"),
        messages.c.wave,
        messages.c.leased_at,
        LAST_WORDS.label("words"),
    )
    .join(campaigns, campaigns.c.id == messages.c.campaign_id)
    .join(recipients, recipients.c.id == messages.c.recipient_id)
    .join(addresses, addresses.c.id == messages.c.address_id)
    .where(SETTLED, messages.c.state == int(MessageState.UNCERTAIN))
    .order_by(messages.c.id + 0)
)
