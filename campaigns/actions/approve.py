"""`mergecast approve`: a person stands for a campaign as it is; whatever changes afterwards takes that back."""

from dataclasses import dataclass
from typing import Any

from campaigns.actions import approval
from campaigns.actions.approval import ApprovalTold
from campaigns.actions.basis import Basis, basis_of
from campaigns.actions.check import CheckResult
from campaigns.actions.desk import Desk
from campaigns.actions.naming import CampaignTold, campaign_named, told
from campaigns.actions.progress import Progress, silent
from campaigns.actions.send import checked_now, refuse_stops
from campaigns.actions.wished import Wish, as_wished
from campaigns.clock import to_micros
from campaigns.errors import CampaignError, UsageError
from campaigns.model.states import CampaignState
from campaigns.store import approvals, campaigns, history
from campaigns.store.engine import Connection

READY = (CampaignState.CHECKED, CampaignState.APPROVED)


@dataclass(frozen=True, slots=True)
class Approved:
    campaign: CampaignTold
    checked: CheckResult
    approval: ApprovalTold

    def as_json(self) -> dict[str, Any]:
        found = self.checked.as_json()
        return {**self.campaign.as_json(), "approval": self.approval.as_json(), "check": found}


def approve(
    desk: Desk, name: str, *, transport: str = "", at: str = "", note: str = "", progress: Progress = silent
) -> Approved:
    """Approve a campaign through a transport and at a time, its own unless given; it is checked if that is to be done.

    CampaignError if something stops it, or if it is queued already.
    """
    with desk.store.read() as conn:
        campaign = campaign_named(conn, name)
    if campaign.state is CampaignState.SCHEDULED:
        raise CampaignError(
            f"{name} is scheduled already: there is nothing left to approve.",
            remedy=f"To change it, `mergecast reopen {name}` first.",
        )
    if campaign.state is CampaignState.RECURRING:
        raise CampaignError(
            f"{name} comes round already.",
            remedy=f"An occurrence that is held is approved by its own name; to have the series itself approved anew, "
            f"`mergecast reopen {name}` first, and send it afterwards.",
        )
    basis = basis_of(desk, as_wished(desk, campaign, Wish(transport, at)))
    if at and basis.series is not None and campaign.series is None:
        raise UsageError("A series has no single start.", remedy="Leave `--at` out.")
    checked = checked_now(desk, basis, progress)
    refuse_stops(checked)
    with desk.store.write() as conn:
        given = _approve(desk, conn, basis, note)
        return Approved(told(conn, campaign.id), checked, given)


def _approve(desk: Desk, conn: Connection, basis: Basis, note: str) -> ApprovalTold:
    wished, now = basis.campaign, desk.clock.now()
    campaign = campaign_named(conn, wished.name)
    prepared = basis.prepared(prints_today=campaign.prints_today)
    if campaign.state not in READY or campaign.checking or campaign.prepared != prepared:
        raise CampaignError(f"{wished.name} was changed meanwhile.", remedy="Look at it again, then approve it.")
    parts = approval.parts_of(conn, basis, prints_today=campaign.prints_today)
    sha256 = approval.hash_of(parts)
    campaigns.change_state(conn, campaign.id, CampaignState.APPROVED, allowed=READY)
    campaigns.update(
        conn,
        campaign.id,
        transport=wished.transport,
        leaves=wished.leaves,
        starts_wall=wished.starts_wall,
        starts_at=wished.starts_at,
    )
    approvals.withdraw(conn, campaign.id, at=to_micros(now))  # the one before
    approvals.add(conn, campaign.id, sha256=sha256, parts=parts, who=desk.who, at=to_micros(now), note=note)
    detail = {"name": campaign.name, "hash": sha256, "transport": wished.transport, "note": note}
    history.record(conn, at=now, who=desk.who, verb="approve", thing="campaign", thing_id=campaign.id, detail=detail)
    return ApprovalTold(desk.who, to_micros(now), note)
