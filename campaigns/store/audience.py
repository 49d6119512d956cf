"""Who stands in a list, and who was mailed: the people that a campaign's audience leaves out."""

from collections.abc import Iterator

from sqlalchemy import Connection, or_, select

from campaigns.model.states import CampaignState, MessageState
from campaigns.store.steering import NO_PROOF, SETTLED
from campaigns.store.tables import campaigns, messages, recipients

_AT_ONCE = 5_000  # rows that are fetched together
_LEFT = (MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.BOUNCED, MessageState.COMPLAINED)


def people_of_sheet(conn: Connection, sheet_id: int) -> Iterator[int]:
    """The address ids of a sheet's rows, streamed; a person of several rows comes several times."""
    query = select(recipients.c.address_id).where(
        recipients.c.sheet_id == sheet_id, recipients.c.address_id.is_not(None)
    )
    for batch in conn.scalars(query.execution_options(yield_per=_AT_ONCE)).partitions():
        yield from batch


def mailed_since(conn: Connection, since: int) -> Iterator[int]:
    """The address ids of people whose mail a server has accepted since then (microseconds UTC), streamed.

    Rehearsals and proofs are no mail.
    """
    not_over = or_(campaigns.c.state != str(CampaignState.FINISHED), campaigns.c.finished_at >= since)
    leaving = select(campaigns.c.id).where(campaigns.c.leaves, campaigns.c.queued_at.is_not(None), not_over)
    for campaign_id in conn.scalars(leaving).all():
        query = select(messages.c.address_id).where(
            SETTLED,
            messages.c.campaign_id == campaign_id,
            messages.c.state.in_([int(state) for state in _LEFT]),
            messages.c.settled_at >= since,
            NO_PROOF,
        )
        for batch in conn.scalars(query.execution_options(yield_per=_AT_ONCE)).partitions():
            yield from batch
