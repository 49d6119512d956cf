"""What a plan is made of, and what is kept of it: mails by lane and instant, how fast transports were, forecasts."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import NamedTuple

from sqlalchemy import Connection, case, func, select

from campaigns.model.states import CampaignState, MessageState, Wave
from campaigns.store import campaigns, tables
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import upsert
from campaigns.store.literal import literal
from campaigns.store.steering import SETTLED
from campaigns.store.tables import QUEUED, handovers, messages, plans

_SECOND = 1_000_000  # micros
_SAMPLE = 200  # messages of one campaign that say how long an answer takes
_CAMPAIGNS = 5  # of the newest, among which they are looked for


class Waiting(NamedTuple):
    """Queued or staged mails of one lane that are due in the same second; 0 where they are due already."""

    lane: int
    due_at: int
    mails: int


def waiting(conn: Connection, campaign_id: int, now: int) -> list[Waiting]:
    """The campaign's mails, proofs aside: one look along the index."""
    due = case((messages.c.due_at <= now, 0), else_=(messages.c.due_at + (_SECOND - 1)) // _SECOND * _SECOND)
    by_lane = select(messages.c.lane, due.label("due"), func.count()).group_by(messages.c.lane, due)
    found = {
        (lane, at): n for lane, at, n in conn.execute(by_lane.where(QUEUED, messages.c.campaign_id == campaign_id))
    }
    proofs = by_lane.where(QUEUED, messages.c.wave == literal(Wave.PROOF), messages.c.campaign_id + 0 == campaign_id)
    for lane, at, n in conn.execute(proofs):  # few, with an index of their own
        found[lane, at] -= n
    return [Waiting(lane, at, n) for (lane, at), n in sorted(found.items()) if n]


def under_way(conn: Connection) -> list[Campaign]:
    """All that send or are scheduled, in the order in which they were queued."""
    columns = tables.campaigns.c
    states = [str(CampaignState.SENDING), str(CampaignState.SCHEDULED)]
    query = select(columns.id).where(columns.state.in_(states)).order_by(columns.queued_at, columns.id)
    return [campaigns.needed(conn, campaign_id) for campaign_id in conn.scalars(query).all()]


def through_one_connection(conn: Connection, transport: str, *, since: int) -> float | None:
    """Mails a second that one connection of a transport carried of late; None where nothing has gone that way since.

    From a lease to its answer, as many as share them; looked for among the newest campaigns.
    """
    columns = tables.campaigns.c
    newest = select(columns.id).where(columns.queued_at.is_not(None)).order_by(columns.id.desc()).limit(_CAMPAIGNS)
    for campaign_id in conn.scalars(newest).all():
        last = (
            select(messages.c.leased_at, messages.c.settled_at, messages.c.handover_id)
            .where(
                SETTLED,
                messages.c.campaign_id == campaign_id,
                messages.c.state == literal(MessageState.ACCEPTED),
                messages.c.wave == literal(Wave.REST),
            )
            .order_by(messages.c.id.desc())
            .limit(_SAMPLE)
            .subquery()
        )
        mine = select(handovers.c.id).where(handovers.c.transport == transport)
        together = (
            select(func.count().label("mails"), (func.max(last.c.settled_at) - last.c.leased_at).label("took"))
            .where(last.c.leased_at >= since, last.c.handover_id.in_(mine))
            .group_by(last.c.leased_at, last.c.handover_id)
            .subquery()
        )
        mails, took = conn.execute(select(func.sum(together.c.mails), func.sum(together.c.took))).one()
        if mails and took is not None:
            carried, micros = float(mails), float(took)
            return carried * _SECOND / max(micros, 100.0 * carried)  # a clock may have been set meanwhile
    return None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is kept of a campaign's plan; instants are microseconds UTC."""

    campaign_id: int
    made_at: int  # when it was computed last
    begins_at: int  # when the first mail was to leave, as it was queued
    promised_at: int | None  # when the last one was, as it was queued
    ends_at: int | None  # when it will, by the newest plan; null where that does not say
    told_at: int | None  # the end that was told last: a slip is one from there


def forecast(conn: Connection, campaign_id: int) -> Forecast | None:
    row = conn.execute(_ALL.where(plans.c.campaign_id == campaign_id)).one_or_none()
    return None if row is None else Forecast(**row._asdict())


def keep(conn: Connection, one: Forecast) -> None:
    """Keep a forecast in place of the campaign's last one."""
    values = {field.name: getattr(one, field.name) for field in fields(Forecast)}
    statement = upsert(conn, plans).values(values)
    conn.execute(statement.on_conflict_do_update(index_elements=[plans.c.campaign_id], set_=values))


def forget(conn: Connection, campaign_id: int) -> None:
    """What was planned says nothing of what is to come."""
    conn.execute(plans.delete().where(plans.c.campaign_id == campaign_id))


def people_of_several(conn: Connection, of: Collection[int]) -> Counter[frozenset[int]]:
    """How many people get mail of which campaigns together, among the campaigns of these ids; only of several."""
    query = (
        select(messages.c.address_id, func.group_concat(messages.c.campaign_id.distinct()))
        .where(QUEUED, messages.c.campaign_id.in_(list(of)))
        .group_by(messages.c.address_id)
        .having(func.count(messages.c.campaign_id.distinct()) > 1)
    )
    return Counter(frozenset(map(int, str(together).split(","))) for _, together in conn.execute(query))


_ALL = select(*(plans.c[field.name] for field in fields(Forecast)))
