"""Staging: messages and left-out rows while a check writes them, and their way into the queue.

Staged messages stand in state QUEUED while their campaign is a draft or checked: claims look only at campaigns that send,
so that queueing a million of them is one UPDATE of the campaign's row. `campaigns.checking` names the check that is
writing; each of its transactions asks first whether that is still so.
"""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, or_, select, text, update

from campaigns.model.canary import Canary
from campaigns.model.states import CampaignState, LeftOut, MessageState, Wave
from campaigns.store.bulk import insert_rows
from campaigns.store.tables import (
    QUEUED,
    addresses,
    attempts,
    campaigns,
    left_out,
    message_files,
    messages,
    recipients,
    suppressions,
)

COUNTED = text("wave > 0")  # proofs are no part of a campaign's rows; literal, for the partial index


class NewMessage(NamedTuple):
    """A row of `messages`, in the table's order."""

    campaign_id: int
    recipient_id: int
    address_id: int
    ordinal: int
    wave: int
    state: int
    due_at: int
    lane: int
    attempts: int
    shape_id: int
    to_addr: str | None  # null where it is the folded address
    slots: bytes
    token: bytes


class NewLeftOut(NamedTuple):
    campaign_id: int
    recipient_id: int
    code: int  # LeftOut
    note: str | None


class Frozen(NamedTuple):
    """What a copy of a message needs."""

    message_id: int  # 0 where nothing is copied
    recipient_id: int
    row: int
    shape_id: int
    slots: bytes


def begin(conn: Connection, campaign_id: int, token: str, *, allowed: Collection[CampaignState]) -> bool:
    """Make the campaign a draft whose messages only `token` may stage; False if its state is none of `allowed`."""
    begun = conn.execute(
        update(campaigns)
        .where(campaigns.c.id == campaign_id, campaigns.c.state.in_([str(state) for state in allowed]))
        .values(
            state=str(CampaignState.DRAFT),  # its reason stays: an occurrence is held until it is sent or cancelled
            checking=token,
            prepared="",
            rows=0,
            queued_at=None,
            finished_at=None,
            canary="",
            canary_mails=0,
            hold=0,
            holds_until=None,
        )
    )
    return begun.rowcount == 1


def is_ours(conn: Connection, campaign_id: int, token: str) -> bool:
    """Whether `token` may still stage messages; ask in each transaction that writes some."""
    query = select(campaigns.c.id).where(
        campaigns.c.id == campaign_id,
        campaigns.c.checking == token,
        campaigns.c.state == str(CampaignState.DRAFT),
    )
    return conn.scalar(query) is not None


def add(conn: Connection, new: Sequence[NewMessage], left: Sequence[NewLeftOut]) -> None:
    insert_rows(conn, messages, NewMessage._fields, new)
    insert_rows(conn, left_out, NewLeftOut._fields, left)


def name_mails_of_joined(conn: Connection, campaign_id: int, recipient_ids: Collection[int]) -> None:
    """Write down for rows that are joined which message they stand in, if there is one."""
    message = (
        select(messages.c.id)
        .join(recipients, recipients.c.address_id == messages.c.address_id)
        .where(recipients.c.id == left_out.c.recipient_id, messages.c.campaign_id == campaign_id, COUNTED)
        .limit(1)
        .scalar_subquery()
    )
    mine = and_(left_out.c.campaign_id == campaign_id, left_out.c.recipient_id.in_(recipient_ids))
    conn.execute(update(left_out).where(mine).values(message_id=message))


def finish(
    conn: Connection,
    campaign_id: int,
    token: str,
    *,
    state: CampaignState,
    rows: int,
    **frozen: Any,
) -> bool:
    """Close a check: the campaign is checked, or stays a draft; False if another check took over.

    `frozen` are the campaign's columns that say what its messages were made from.
    """
    finished = conn.execute(
        update(campaigns)
        .where(campaigns.c.id == campaign_id, campaigns.c.checking == token)
        .values(state=str(state), checking="", rows=rows, **frozen)
    )
    return finished.rowcount == 1


def remove_messages(conn: Connection, campaign_id: int, *, limit: int) -> int:
    """Remove up to `limit` messages of a campaign, proofs aside; how many it removed."""
    some = select(messages.c.id).where(messages.c.campaign_id == campaign_id, COUNTED).limit(limit)
    ids = conn.scalars(some).all()
    if ids:
        conn.execute(delete(attempts).where(attempts.c.message_id.in_(ids)))
        conn.execute(delete(message_files).where(message_files.c.message_id.in_(ids)))
        conn.execute(delete(messages).where(messages.c.id.in_(ids)))
    return len(ids)


def remove_left_out(conn: Connection, campaign_id: int, *, limit: int) -> int:
    """Remove up to `limit` left-out rows of a campaign; how many it removed."""
    some = select(left_out.c.recipient_id).where(left_out.c.campaign_id == campaign_id).limit(limit)
    mine = and_(left_out.c.campaign_id == campaign_id, left_out.c.recipient_id.in_(some))
    return conn.execute(delete(left_out).where(mine)).rowcount


def count_messages(conn: Connection, campaign_id: int) -> int:
    """How many wait, proofs aside."""
    query = select(func.count()).select_from(messages)
    return conn.scalar(query.where(messages.c.campaign_id == campaign_id, COUNTED, QUEUED)) or 0


def count_left_out(conn: Connection, campaign_id: int) -> dict[LeftOut, int]:
    query = select(left_out.c.code, func.count()).where(left_out.c.campaign_id == campaign_id)
    return {LeftOut(code): n for code, n in conn.execute(query.group_by(left_out.c.code))}


def suppress_some(conn: Connection, campaign_id: int, *, after: int, limit: int, at: int) -> tuple[int, int | None]:
    """Settle the staged messages of people suppressed by now, among the `limit` people whose ids follow `after`.

    Returns how many, and the id to go on after; None at the end.
    """
    mine = and_(messages.c.campaign_id == campaign_id, COUNTED, messages.c.address_id > after)
    last: int | None = conn.scalar(
        select(messages.c.address_id).where(mine).order_by(messages.c.address_id).offset(limit - 1).limit(1)
    )
    stretch = mine if last is None else and_(mine, messages.c.address_id <= last)
    settled = conn.execute(
        update(messages)
        .where(stretch, messages.c.state == int(MessageState.QUEUED), _suppressed())
        .values(state=int(MessageState.SUPPRESSED), settled_at=at)
    )
    return settled.rowcount, last


def queue(
    conn: Connection,
    campaign: int,
    *,
    prepared: str,
    checked_for: str,
    transport: str,
    leaves: bool,
    zone: str,
    starts_wall: str,
    starts_at: int,
    at: int,
    canary: Canary | None = None,
    canary_mails: int = 0,
    hold: int = 0,
) -> bool:
    """The one UPDATE that makes a checked campaign's messages the outbox's; False if it is no longer as it was checked."""
    queued = conn.execute(
        update(campaigns)
        .where(
            campaigns.c.id == campaign,
            campaigns.c.state.in_([str(CampaignState.CHECKED), str(CampaignState.APPROVED)]),
            campaigns.c.checking == "",
            campaigns.c.prepared == prepared,
        )
        .values(
            state=str(CampaignState.SCHEDULED),
            reason="",
            checked_for=checked_for,
            transport=transport,
            leaves=leaves,
            zone=zone,
            starts_wall=starts_wall,
            starts_at=starts_at,
            queued_at=at,
            canary=canary.text if canary else "",
            canary_mails=canary_mails,
            hold=canary.hold if canary else hold,
            holds_until=None,
        )
    )
    return queued.rowcount == 1


def add_proof(conn: Connection, message: NewMessage) -> int:
    """One message outside of the campaign's rows, first in line; its id."""
    assert message.wave == Wave.PROOF
    made: int = conn.scalars(messages.insert().values(message._asdict()).returning(messages.c.id)).one()
    return made


def frozen(conn: Connection, campaign_id: int, row: int | None) -> Frozen | None:
    """What the message of a spreadsheet row was frozen as, or the first message of the campaign; a look at all of them."""
    query = _FROZEN.where(messages.c.campaign_id == campaign_id, COUNTED).order_by(recipients.c.row).limit(1)
    found = conn.execute(query if row is None else query.where(recipients.c.row == row)).one_or_none()
    return Frozen._make(found) if found else None


def frozen_page(conn: Connection, campaign_id: int, *, after: int, limit: int) -> list[tuple[int, Frozen]]:
    """The next messages of a campaign behind a person's id, in the order of persons: each with that id."""
    page = (
        _FROZEN.add_columns(messages.c.address_id)
        .where(messages.c.campaign_id == campaign_id, COUNTED, messages.c.address_id > after)
        .order_by(messages.c.address_id)
        .limit(limit)
    )
    return [(row[-1], Frozen._make(row[:-1])) for row in conn.execute(page)]


def frozen_rows(conn: Connection, campaign_id: int, sheet_id: int, rows: Collection[int]) -> list[Frozen]:
    """What the messages of some spreadsheet rows were frozen as, in the order of the rows."""
    some = and_(
        recipients.c.sheet_id == sheet_id, recipients.c.row.in_(rows), recipients.c.address_id == messages.c.address_id
    )
    found = conn.execute(_FROZEN.where(some, messages.c.campaign_id == campaign_id, COUNTED).order_by(recipients.c.row))
    return [Frozen._make(row) for row in found]


_FROZEN = (
    select(messages.c.id, messages.c.recipient_id, recipients.c.row, messages.c.shape_id, messages.c.slots)
    .join(recipients, recipients.c.id == messages.c.recipient_id)
    .where(messages.c.slots.is_not(None))  # else its content was pruned
)


def _suppressed() -> ColumnElement[bool]:
    person = exists().where(suppressions.c.address_id == messages.c.address_id)
    domain = exists(
        select(suppressions.c.id)
        .join(addresses, addresses.c.domain_id == suppressions.c.domain_id)
        .where(addresses.c.id == messages.c.address_id)
    )
    return or_(person, domain)
