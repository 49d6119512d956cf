"""Campaigns on their way: which send now, what starts next, and what is through."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, exists, func, or_, select, update

from campaigns.message.message import Sender
from campaigns.model.canary import Canary
from campaigns.model.late import Late
from campaigns.model.pause_above import PauseAbove
from campaigns.model.states import CampaignKind, CampaignState, MessageState, Wave
from campaigns.store import outbox
from campaigns.store.literal import literal
from campaigns.store.tables import QUEUED, campaigns, messages


@dataclass(frozen=True, slots=True)
class SendingCampaign:
    """A campaign that the worker may take messages from."""

    id: int
    name: str
    state: CampaignState
    transport: str
    leaves: bool  # False for a rehearsal
    throttles: tuple[str, ...]
    give_up_after: int  # seconds
    starts_at: int
    sender: Sender
    pause_above: PauseAbove | None = None
    canary: Canary | None = None
    holds_until: int | None = None  # None until the canary has left
    checked_for: tuple[str, ...] = ()  # kinds of transports; () for a campaign of before routes: its own transport's
    zone: str = "UTC"
    windows: tuple[str, ...] = ()  # its own, in text forms
    holidays: str = ""  # on which those are shut
    has_own_times: bool = False  # people have instants of their own
    late: Late = Late.ASK
    late_after: int = 3_600  # seconds
    queued_at: int = 0

    def canary_alone(self, now: int) -> bool:
        """Whether only its canary may leave."""
        return self.canary is not None and (self.holds_until is None or now < self.holds_until)


def sending_campaigns(connection: Connection) -> list[SendingCampaign]:
    """All that send now, and all that have a proof waiting, in the order in which they were queued."""
    proofs = select(messages.c.campaign_id).where(QUEUED, messages.c.wave == literal(Wave.PROOF))
    query = (
        select(campaigns)
        .where(or_(campaigns.c.state == CampaignState.SENDING, campaigns.c.id.in_(proofs)))
        .order_by(campaigns.c.queued_at, campaigns.c.id)
    )
    return [_sending(row) for row in connection.execute(query).mappings()]


def due_before(
    connection: Connection,
    instant: int,
    transports: Collection[str],
    *,
    opens: Callable[[SendingCampaign, int], bool] = lambda _campaign, _lane: True,
) -> bool:
    """Whether anything is leased, or may leave by one of `transports` before an instant.

    `opens`: whether the send windows of a campaign's lane do until then.
    """
    if connection.execute(
        select(messages.c.id).where(messages.c.state == literal(MessageState.LEASED)).limit(1)
    ).first():
        return True
    for campaign in sending_campaigns(connection):
        if campaign.transport not in transports:
            continue
        if outbox.proofs(connection, campaign.id, limit=1):
            return True
        if campaign.state is CampaignState.SENDING:
            alone = campaign.canary_alone(instant)
            lanes = [lane for lane in outbox.lanes(connection, campaign.id) if lane < 0 or not alone]
            open_ones = [lane for lane in lanes if opens(campaign, lane)]
            if campaign.canary and campaign.holds_until is None and (open_ones or not lanes):
                return True
            due = [outbox.next_due(connection, campaign.id, lane) for lane in open_ones]
            if any(d is not None and d <= instant for d in due):
                return True
    return False


def due_campaigns(connection: Connection, now: int) -> list[SendingCampaign]:
    """Scheduled campaigns whose start has come."""
    query = (
        select(campaigns)
        .where(campaigns.c.state == CampaignState.SCHEDULED, campaigns.c.starts_at <= now)
        .order_by(campaigns.c.starts_at)
    )
    return [_sending(row) for row in connection.execute(query).mappings()]


def next_start(connection: Connection) -> int | None:
    """The earliest start among the scheduled campaigns."""
    query = select(func.min(campaigns.c.starts_at)).where(campaigns.c.state == CampaignState.SCHEDULED)
    return connection.execute(query).scalar()


def finish(connection: Connection, campaign_id: int, at: int) -> bool:
    """Mark a sending campaign finished; False if it does not send any more."""
    statement = (
        update(campaigns)
        .where(campaigns.c.id == campaign_id, campaigns.c.state == CampaignState.SENDING)
        .values(state=CampaignState.FINISHED, finished_at=at)
    )
    return connection.execute(statement).rowcount == 1


def has_open_messages(connection: Connection, campaign_id: int) -> bool:
    """Whether anything of a campaign is still queued or leased, proofs aside."""
    mine = and_(messages.c.campaign_id == campaign_id, messages.c.wave != literal(Wave.PROOF))
    queued = exists(select(messages.c.id).where(QUEUED, mine))
    leased = exists(select(messages.c.id).where(messages.c.state == literal(MessageState.LEASED), mine))
    return bool(connection.execute(select(or_(queued, leased))).scalar())


def sender_of(row: Mapping[Any, Any]) -> Sender:
    """What all mails of a campaign share, from its columns."""
    name, address = parseaddr(row["sender"])
    return Sender(
        campaign_id=row["id"],
        campaign=row["name"],
        bulk=row["kind"] == CampaignKind.BULK,
        name=name,
        address=address,
        reply_to=row["reply_to"],
        public_url=row["public_url"],
        tag_salt=row["tag_salt"],
    )


def _sending(row: RowMapping) -> SendingCampaign:
    return SendingCampaign(
        id=row["id"],
        name=row["name"],
        state=CampaignState(row["state"]),
        transport=row["transport"],
        leaves=row["leaves"],
        throttles=tuple(row["throttles"].splitlines()),
        give_up_after=row["give_up_after"],
        starts_at=row["starts_at"] or 0,
        sender=sender_of(row),
        pause_above=PauseAbove.parse(row["pause_above"]) if row["pause_above"] else None,
        canary=Canary(row["canary"], row["hold"]) if row["canary"] else None,
        holds_until=row["holds_until"],
        checked_for=tuple(row["checked_for"].split()),
        zone=row["zone"],
        windows=tuple(row["windows"].splitlines()),
        holidays=row["holidays"],
        has_own_times=bool((row["starts_by"] and row["starts_wall"]) or row["at_column"]),
        late=Late(row["late"] or Late.ASK),
        late_after=row["late_after"],
        queued_at=row["queued_at"] or 0,
    )
