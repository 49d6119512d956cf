"""`mergecast plan`: when a campaign's first and last mail will leave, what limits it, and what lifting that would gain."""

from dataclasses import replace

from campaigns.actions.basis import basis_of
from campaigns.actions.desk import Desk
from campaigns.actions.naming import campaign_named
from campaigns.actions.outlook import Plan, plan_of
from campaigns.actions.prepare import PREPARABLE
from campaigns.actions.progress import Progress, silent
from campaigns.actions.rereading import read_again
from campaigns.actions.send import checked_now
from campaigns.actions.wished import Wish, as_wished
from campaigns.errors import CampaignError
from campaigns.model.states import CampaignState
from campaigns.store import campaigns, series
from campaigns.store.campaigns import Campaign

_QUEUED = (CampaignState.SCHEDULED, CampaignState.SENDING, CampaignState.PAUSED)


def plan(desk: Desk, name: str, *, transport: str = "", at: str = "", progress: Progress = silent) -> Plan:
    """Of a campaign as it would go, or goes on, now; it is checked if that is to be done.

    `transport` and `at`: what if. CampaignError for what is through, or comes round.
    """
    with desk.store.read() as conn:
        campaign = campaign_named(conn, name)
        comes_round = series.of_campaign(conn, campaign.id) is not None
    if comes_round:
        raise CampaignError(
            f"{name} comes round: each of its occurrences has a plan of its own once it is made.",
            remedy="`mergecast calendar` shows the next dates of one that runs; `mergecast send` starts it.",
        )
    if campaign.state in (CampaignState.FINISHED, CampaignState.CANCELLED):
        raise CampaignError(
            f"{name} is {campaign.state}: nothing of it leaves.", remedy="`mergecast report` accounts for it."
        )
    if at and campaign.has_own_times and campaign.state in _QUEUED:
        raise CampaignError(
            f"People of {name} have times of their own, which were settled when it was queued.",
            remedy=f"`mergecast reopen {name}`, then plan it with `--at`.",
        )
    if campaign.state not in _QUEUED or transport or at:
        campaign = _checked(desk, campaign, Wish(transport, at), progress)
    with desk.store.read() as conn:
        return plan_of(desk, conn, campaign)


def _checked(desk: Desk, campaign: Campaign, wish: Wish, progress: Progress) -> Campaign:
    """As `send` would find it, with its mails staged."""
    wished = as_wished(desk, campaign, wish)
    if campaign.state in PREPARABLE:
        read_again(desk, campaign, progress)
        checked_now(desk, basis_of(desk, wished), progress)
    with desk.store.read() as conn:
        found = campaigns.needed(conn, campaign.id)
    of_wish = {name: getattr(wished, name) for name in ("transport", "leaves", "starts_wall", "starts_at")}
    return replace(found, **of_wish)
