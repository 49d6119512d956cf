"""Resend: what was rejected, or expired, is queued once more."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns.actions.desk import Desk
from campaigns.actions.held import before_queueing
from campaigns.actions.naming import campaign_named, starts
from campaigns.errors import CampaignError
from campaigns.model.states import CampaignState
from campaigns.store import campaigns, history, planned, reporting, steering, workers
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection

_AT_ONCE = 2_000  # messages of one transaction: 10 ms
_ALLOWED = (CampaignState.FINISHED, CampaignState.SENDING, CampaignState.PAUSED)


@dataclass(frozen=True, slots=True)
class Resent:
    campaign: Campaign
    queued: int  # how many were queued once more
    left_out: int
    worker_running: bool

    def as_json(self) -> dict[str, Any]:
        told = self.campaign
        return {
            "campaign": told.name,
            "state": str(told.state),
            "starts": starts(told),
            "transport": told.transport,
            "leaves": told.leaves,
            "queued": self.queued,
            "left_out": self.left_out,
            "worker_running": self.worker_running,
        }


def resend_failed(desk: Desk, name: str) -> Resent:
    """Queue the rejected and expired messages of a campaign again; a finished campaign sends again."""
    began = desk.clock.now()  # what the worker sees rejected again meanwhile is left alone
    queued = _queue_some(desk, name, began, first=True)
    while more := _queue_some(desk, name, began, first=False):
        queued += more
    with desk.store.read() as conn:
        campaign = campaign_named(conn, name)
        return Resent(
            campaign,
            queued,
            sum(reporting.count_left_out(conn, campaign.id).values()),
            workers.alive(conn, desk.clock.now()) is not None,
        )


def _queue_some(desk: Desk, name: str, until: datetime, *, first: bool) -> int:
    """One transaction: some messages, and the campaign's state with them."""
    with desk.store.write() as conn:
        campaign = campaign_named(conn, name)
        if campaign.state not in _ALLOWED:
            raise CampaignError(
                f"{name} is {campaign.state}: nothing of it can be sent again.",
                remedy="A finished, sending or paused campaign can resend what failed.",
            )
        ids = steering.failed(conn, campaign.id, until=until, limit=_AT_ONCE)
        if not ids and first:
            refuse_pruned(campaign)
            raise CampaignError(
                f"Nothing of {name} was rejected or expired.", remedy=f"Look at `mergecast report {name}`."
            )
        before_queueing(desk, conn)
        queued = steering.queue_again(conn, ids, steering.FAILED, at=desk.clock.now())
        if queued:
            send_again(conn, campaign)
            history.record(
                conn,
                at=desk.clock.now(),
                who=desk.who,
                verb="resend",
                thing="campaign",
                thing_id=campaign.id,
                detail={"name": name, "messages": queued},
            )
        return queued


def refuse_pruned(campaign: Campaign) -> None:
    """CampaignError if the content of its mails was pruned."""
    if campaign.pruned_at is not None:
        raise CampaignError(
            f"The mails of {campaign.name} were pruned: what they said is not kept any more.",
            remedy=f"`mergecast report {campaign.name} --rows out.csv` says what became of each.",
        )


def send_again(conn: Connection, campaign: Campaign) -> None:
    """A finished campaign that has queued messages sends again."""
    if campaigns.change_state(conn, campaign.id, CampaignState.SENDING, allowed=(CampaignState.FINISHED,)):
        campaigns.update(conn, campaign.id, finished_at=None)
        planned.forget(conn, campaign.id)
