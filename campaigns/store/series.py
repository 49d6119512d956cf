"""Series: what comes round, and whom its occurrences have mailed."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from campaigns.model.late import Late
from campaigns.model.series import Whom
from campaigns.model.states import CampaignState, MessageState
from campaigns.store import tables
from campaigns.store.staging import COUNTED
from campaigns.store.tables import campaigns, messages, recipients

_AT_ONCE = 5_000  # rows that are fetched together
_TAKEN_BACK = [int(state) for state in (MessageState.CANCELLED, MessageState.SUPPRESSED, MessageState.HELD)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A series as it stands in the store; instants are microseconds UTC. Its campaign is the pattern."""

    campaign_id: int
    every: str
    whom: Whom
    sheet_path: str
    late: Late
    first_rows: int
    since: int | None
    latest: str | None  # ISO date
    next_at: int | None
    put_off_until: int | None
    preparing: int | None
    due_at: int | None


class Sent(NamedTuple):
    """An occurrence that was queued."""

    campaign_id: int
    sheet_id: int
    rows: int


class MailedRow(NamedTuple):
    """A row that somebody's mail was made from."""

    address_id: int
    cells: str


def of_campaign(conn: Connection, campaign_id: int) -> Series | None:
    """The series whose pattern a campaign is."""
    return _one(conn, tables.series.c.campaign_id == campaign_id)


def named(conn: Connection, name: str) -> Series | None:
    pattern = select(campaigns.c.id).where(campaigns.c.name == name).scalar_subquery()
    return _one(conn, tables.series.c.campaign_id == pattern)


def that_run(conn: Connection) -> list[Series]:
    """Those that go on, and those that a kill left in the middle of an occurrence, in the order of their making."""
    running = campaigns.c.state == str(CampaignState.RECURRING)
    rows = conn.execute(
        _ALL.join(campaigns, campaigns.c.id == tables.series.c.campaign_id)
        .where(or_(running, tables.series.c.preparing.is_not(None)))
        .order_by(tables.series.c.campaign_id)
    )
    return [_series(row) for row in rows]


def wakes_at(conn: Connection) -> int | None:
    """The first instant at which something is to be done for a series; 0 if a kill left one in the middle."""
    left = select(tables.series.c.campaign_id).where(tables.series.c.preparing.is_not(None))
    if conn.scalar(left.limit(1)) is not None:
        return 0
    running = (
        select(func.min(tables.series.c.next_at))
        .join(campaigns, campaigns.c.id == tables.series.c.campaign_id)
        .where(campaigns.c.state == str(CampaignState.RECURRING))
    )
    first: int | None = conn.scalar(running)
    return first


def add(conn: Connection, **columns: Any) -> None:
    conn.execute(insert(tables.series).values(columns))


def remove(conn: Connection, campaign_id: int) -> None:
    """The campaign is none that comes round any more."""
    conn.execute(tables.series.delete().where(tables.series.c.campaign_id == campaign_id))


def change(conn: Connection, campaign_id: int, **columns: Any) -> None:
    conn.execute(update(tables.series).where(tables.series.c.campaign_id == campaign_id).values(columns))


def occurrence_on(conn: Connection, name: str, day: str) -> int | None:
    """The campaign of a series for a local date, if there is one."""
    found: int | None = conn.scalar(
        select(campaigns.c.id).where(campaigns.c.series == name, campaigns.c.occurrence == day)
    )
    return found


def last_occurrence(conn: Connection, name: str) -> str | None:
    """The name of the campaign for a series' newest date."""
    query = select(campaigns.c.name).where(campaigns.c.series == name).order_by(campaigns.c.occurrence.desc())
    found: str | None = conn.scalar(query.limit(1))
    return found


def sent(conn: Connection, name: str, *, leaves: bool, but: int) -> list[Sent]:
    """The queued occurrences of a series, the last queued first, without the campaign `but`.

    Rehearsals have reached nobody: they count among themselves alone.
    """
    mine = and_(*_queued(name, leaves=leaves, but=but))
    query = select(campaigns.c.id, campaigns.c.sheet_id, campaigns.c.rows).where(mine)
    return [Sent._make(row) for row in conn.execute(query.order_by(campaigns.c.queued_at.desc()))]


def mailed(conn: Connection, name: str, *, leaves: bool, but: int) -> Iterator[int]:
    """The address ids of everybody whom these occurrences mail or have mailed, rejected ones too, streamed."""
    return _people(conn, and_(*_queued(name, leaves=leaves, but=but)))


def mailed_by(conn: Connection, campaign_id: int) -> Iterator[int]:
    """The same of one occurrence."""
    return _people(conn, campaigns.c.id == campaign_id)


def mailed_rows(conn: Connection, campaign_id: int) -> Iterator[MailedRow]:
    """The rows that an occurrence's mails were made from, streamed; rows that were joined into a mail are not among them."""
    query = (
        select(messages.c.address_id, recipients.c.cells)
        .select_from(_OF_CAMPAIGNS.join(recipients, recipients.c.id == messages.c.recipient_id))
        .where(campaigns.c.id == campaign_id, _MAILED)
        .execution_options(yield_per=_AT_ONCE)
    )
    for row in conn.execute(query):
        yield MailedRow._make(row)


def _people(conn: Connection, which: Any) -> Iterator[int]:
    query = select(messages.c.address_id).select_from(_OF_CAMPAIGNS).where(which, _MAILED)
    for batch in conn.scalars(query.execution_options(yield_per=_AT_ONCE)).partitions():
        yield from batch


def _queued(name: str, *, leaves: bool, but: int) -> tuple[Any, ...]:
    return (
        campaigns.c.series == name,
        campaigns.c.id != but,
        campaigns.c.queued_at.is_not(None),
        campaigns.c.leaves if leaves else ~campaigns.c.leaves,
    )


def _one(conn: Connection, condition: Any) -> Series | None:
    row = conn.execute(_ALL.where(condition)).one_or_none()
    return None if row is None else _series(row)


def _series(row: Any) -> Series:
    columns = row._asdict()
    return Series(**{**columns, "whom": Whom(columns["whom"]), "late": Late(columns["late"])})


_ALL = select(*(tables.series.c[field.name] for field in fields(Series)))

_OF_CAMPAIGNS = messages.join(campaigns, campaigns.c.id == messages.c.campaign_id)
_NEVER = and_(campaigns.c.state == str(CampaignState.CANCELLED), messages.c.state == int(MessageState.QUEUED))
_MAILED = and_(COUNTED, messages.c.state.not_in(_TAKEN_BACK), ~_NEVER)
