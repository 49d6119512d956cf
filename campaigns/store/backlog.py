"""What is still to be done, campaign by campaign, in numbers that cost little: for somebody who asks all the time."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from campaigns.model.states import CampaignState, MessageState
from campaigns.store import outbox
from campaigns.store.literal import literal
from campaigns.store.reporting import queued_proofs
from campaigns.store.steering import LEASED, NO_PROOF, SETTLED
from campaigns.store.tables import QUEUED, campaigns, messages

_BEFORE_QUEUEING = (CampaignState.DRAFT, CampaignState.CHECKED, CampaignState.APPROVED)
_OPEN = (CampaignState.SCHEDULED, CampaignState.SENDING, CampaignState.PAUSED)


@dataclass(frozen=True, slots=True)
class Backlog:
    """One campaign's messages that are not settled for good; proofs are no part of them."""

    campaign: str
    queued: int
    leased: int
    uncertain: int
    due_since: int | None  # micros: since when the oldest of them could have left; None while nothing is due


def backlog(connection: Connection, now: int) -> list[Backlog]:
    """All campaigns that are scheduled, sending or paused, and all that have uncertain messages.

    What is settled is never counted: the cost follows what is queued, a few milliseconds for 100,000 messages.
    """
    mine = messages.c.campaign_id == campaigns.c.id
    uncertain = messages.c.state == literal(MessageState.UNCERTAIN)
    counted = select(func.count()).select_from(messages).where(SETTLED, mine, uncertain, NO_PROOF).scalar_subquery()
    query = (
        select(campaigns, counted.label("uncertain"))
        .where(campaigns.c.state.not_in(_BEFORE_QUEUEING))
        .order_by(campaigns.c.id)
    )
    found = []
    for row in connection.execute(query).all():
        is_open = CampaignState(row.state) in _OPEN
        if not is_open and not row.uncertain:
            continue
        queued, leased = _waiting(connection, row.id) if is_open else (0, 0)
        since = _due_since(connection, row, now) if row.state == CampaignState.SENDING else None
        found.append(Backlog(row.name, queued, leased, row.uncertain, since))
    return found


def _waiting(connection: Connection, campaign_id: int) -> tuple[int, int]:
    """How many are queued, and how many leased."""
    mine = messages.c.campaign_id == campaign_id
    total = select(func.count()).select_from(messages)
    queued = (connection.scalar(total.where(QUEUED, mine)) or 0) - queued_proofs(connection, campaign_id)
    return queued, connection.scalar(total.where(LEASED, mine, NO_PROOF)) or 0


def _due_since(connection: Connection, campaign: Any, now: int) -> int | None:
    """Messages that were never tried are due at 0: they could leave when their campaign was queued and its start came."""
    due = [outbox.next_due(connection, campaign.id, lane) for lane in outbox.lanes(connection, campaign.id)]
    since = max(
        min((d for d in due if d is not None), default=now + 1), campaign.starts_at or 0, campaign.queued_at or 0
    )
    return since if since <= now else None
