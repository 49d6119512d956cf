"""One message with all that its mail was made from, as it is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, func, select

from campaigns.message.shape import Shape
from campaigns.model.states import LeftOut, MessageState
from campaigns.store import outbox
from campaigns.store.literal import literal
from campaigns.store.tables import addresses, attempts, handovers, left_out, messages, recipients, shapes


@dataclass(frozen=True, slots=True)
class Kept:
    """A message; instants are microseconds UTC."""

    id: int
    token: bytes
    campaign_id: int
    wave: int
    state: MessageState
    attempts: int
    row: int | None
    to: str
    leased_at: int | None  # of the last time that it was handed over
    settled_at: int | None
    remote_id: str  # what the server called it
    transport: str | None  # which one took it; None before any did
    shape_id: int
    version_id: int | None  # None where the shape is not kept any more
    slots: bytes | None


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt that was not plainly accepted; `at` is microseconds UTC."""

    at: int
    outcome: str
    code: str
    text: str


def by_id(conn: Connection, message_id: int, token: bytes) -> Kept | None:
    """The message of a handle."""
    return _first(conn, _KEPT.where(messages.c.id == message_id, messages.c.token == token))


def to_person(conn: Connection, campaign_id: int, folded: str) -> Kept | None:
    """A campaign's mail to a folded address; where there is none, the last proof that went there."""
    mine = and_(addresses.c.folded == folded, messages.c.campaign_id + literal(0) == campaign_id)
    return _first(conn, _KEPT.where(mine).order_by((messages.c.wave == literal(0)), messages.c.id.desc()))


def of_row(conn: Connection, campaign_id: int, sheet_id: int, row: int) -> Kept | None:
    """A campaign's mail to a spreadsheet row's person; no proof."""
    person = and_(
        recipients.c.sheet_id == sheet_id, recipients.c.row == row, recipients.c.address_id == messages.c.address_id
    )
    mine = and_(messages.c.campaign_id + literal(0) == campaign_id, messages.c.wave > literal(0))
    return _first(conn, _KEPT.where(person, mine))


def why_left_out(conn: Connection, campaign_id: int, sheet_id: int, row: int) -> tuple[LeftOut, str] | None:
    """Why a spreadsheet row got no mail, and the words about it."""
    query = (
        select(left_out.c.code, func.coalesce(left_out.c.note, recipients.c.note, ""))
        .join(recipients, recipients.c.id == left_out.c.recipient_id)
        .where(left_out.c.campaign_id == campaign_id, recipients.c.sheet_id == sheet_id, recipients.c.row == row)
    )
    found = conn.execute(query).one_or_none()
    return (LeftOut(found[0]), found[1]) if found else None


def shape_of(conn: Connection, kept: Kept) -> Shape | None:
    """The message's shape; None where it is not kept any more."""
    return None if kept.version_id is None else outbox.shape(conn, kept.shape_id, {})


def tries(conn: Connection, message_id: int) -> Sequence[Try]:
    """The attempts that were not plainly accepted, the first one first."""
    query = select(attempts.c.at, attempts.c.outcome, attempts.c.code, attempts.c.text)
    rows = conn.execute(query.where(attempts.c.message_id == message_id).order_by(attempts.c.n))
    return [Try(*row) for row in rows]


def _first(conn: Connection, query: Select[Any]) -> Kept | None:
    found = conn.execute(query.limit(1)).one_or_none()
    if found is None:
        return None
    columns = found._asdict()
    return Kept(**{**columns, "state": MessageState(columns["state"]), "remote_id": columns["remote_id"] or ""})


_KEPT: Select[Any] = (
    select(
        messages.c.id,
        messages.c.token,
        messages.c.campaign_id,
        messages.c.wave,
        messages.c.state,
        messages.c.attempts,
        recipients.c.row,
        func.coalesce(messages.c.to_addr, addresses.c.folded).label("to"),
        messages.c.leased_at,
        messages.c.settled_at,
        func.coalesce(messages.c.remote_id, handovers.c.remote_id).label("remote_id"),
        handovers.c.transport,
        messages.c.shape_id,
        shapes.c.version_id,
        messages.c.slots,
    )
    .join(addresses, addresses.c.id == messages.c.address_id)
    .join(recipients, recipients.c.id == messages.c.recipient_id, isouter=True)
    .join(handovers, handovers.c.id == messages.c.handover_id, isouter=True)
    .join(shapes, shapes.c.id == messages.c.shape_id, isouter=True)
)
