"""Pause, resume, reopen and cancel: the campaign's row changes in one transaction, and the worker sees it at once."""

import secrets
from collections.abc import Collection
from contextlib import suppress

from campaigns.actions.clearing import clear, keep_ours
from campaigns.actions.desk import Desk
from campaigns.actions.naming import CampaignTold, campaign_named, told
from campaigns.actions.prepare import PREPARABLE
from campaigns.actions.progress import Progress, silent
from campaigns.actions.series import go_on
from campaigns.actions.timing import draft_start
from campaigns.clock import to_micros
from campaigns.errors import CampaignError
from campaigns.model.states import CampaignState, PauseReason
from campaigns.store import campaigns, history, series, staging, steering
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection

_AT_ONCE = 5_000  # messages of one transaction: 15 ms
_UNDER_WAY = (CampaignState.SCHEDULED, CampaignState.SENDING, CampaignState.RECURRING)


def pause(desk: Desk, name: str) -> CampaignTold:
    """Hold a scheduled or sending campaign until somebody resumes it."""
    with desk.store.write() as conn:
        campaign = campaign_named(conn, name)
        _demand(campaign, _UNDER_WAY, "paused", "Only a scheduled, sending or recurring campaign can be paused.")
        _change(desk, conn, campaign, "pause", CampaignState.PAUSED, reason=str(PauseReason.PERSON))
        return told(conn, campaign.id)


def resume(desk: Desk, name: str) -> CampaignTold:
    """Let a paused campaign go on, or one that holds after its canary; one whose start has passed sends at once."""
    with desk.store.write() as conn:
        campaign = campaign_named(conn, name)
        now = desk.clock.micros()
        if campaign.state is CampaignState.SENDING and campaign.holds_until is not None and campaign.canary_alone(now):
            campaigns.update(conn, campaign.id, holds_until=now)
            _remember(desk, conn, campaign, "resume")
            return told(conn, campaign.id)
        is_held = campaign.series is not None and campaign.state in PREPARABLE
        remedy = f"`mergecast send {name}` sends it." if is_held else "Only what is paused, or holds, can be."
        _demand(campaign, (CampaignState.PAUSED,), "resumed", remedy)
        if series.of_campaign(conn, campaign.id) is not None:
            _change(desk, conn, campaign, "resume", CampaignState.RECURRING)
            go_on(desk, conn, campaign)
            return told(conn, campaign.id)
        waits = campaign.starts_at is not None and campaign.starts_at > now
        _change(desk, conn, campaign, "resume", CampaignState.SCHEDULED if waits else CampaignState.SENDING)
        return told(conn, campaign.id)


def reopen(desk: Desk, name: str) -> CampaignTold:
    """Take a queued campaign back as a draft, if nothing of it was ever on its way; its messages are removed."""
    with desk.store.read() as conn:  # a look at every message, so outside of any writer's time
        campaign = campaign_named(conn, name)
        _demand_untouched(
            campaign, steering.anything_left(conn, campaign.id) or steering.anything_tried(conn, campaign.id)
        )
    token = secrets.token_hex(8)
    with desk.store.write() as conn:
        campaign = campaign_named(conn, name)
        _demand_untouched(campaign, steering.anything_left(conn, campaign.id))
        staging.begin(conn, campaign.id, token, allowed={campaign.state})
        if campaign.has_own_times:  # it was the first of them
            at = draft_start(campaign)
            campaigns.update(conn, campaign.id, starts_at=None if at is None else to_micros(at))
        _remember(desk, conn, campaign, "reopen")
    _take_back(desk, campaign, token)
    with desk.store.read() as conn:
        return told(conn, campaign.id)


def cancel(desk: Desk, name: str, on_progress: Progress = silent) -> CampaignTold:
    """Stop a campaign for good; what is queued never leaves."""
    with desk.store.write() as conn:
        campaign = campaign_named(conn, name)
        over = (CampaignState.FINISHED, CampaignState.CANCELLED)
        allowed = [state for state in CampaignState if state not in over]
        _demand(campaign, allowed, "cancelled", "Nothing of it is waiting.")
        _change(desk, conn, campaign, "cancel", CampaignState.CANCELLED)
        campaigns.update(conn, campaign.id, checking="")  # a check that is staging messages just now gives up
    _cancel_messages(desk, campaign.id, on_progress)
    with desk.store.read() as conn:
        return told(conn, campaign.id)


def _demand(campaign: Campaign, allowed: Collection[CampaignState], verb: str, remedy: str) -> None:
    if campaign.state not in allowed:
        why = f" ({campaign.reason})" if campaign.reason else ""
        raise CampaignError(f"{campaign.name} is {campaign.state}{why}: it cannot be {verb}.", remedy=remedy)


def _demand_untouched(campaign: Campaign, left: bool) -> None:
    allowed = (CampaignState.SCHEDULED, CampaignState.PAUSED, CampaignState.RECURRING)
    _demand(campaign, allowed, "reopened", "Only a scheduled campaign, or one paused before anything left, can be.")
    if left:
        raise CampaignError(
            f"Mail of {campaign.name} has left already: it cannot be a draft again.",
            remedy=f"Go on with `mergecast resume {campaign.name}`, or end it with `mergecast cancel {campaign.name}`.",
        )


def _change(
    desk: Desk, conn: Connection, campaign: Campaign, verb: str, to: CampaignState, *, reason: str = ""
) -> None:
    campaigns.change_state(conn, campaign.id, to, allowed=(campaign.state,), reason=reason)
    _remember(desk, conn, campaign, verb)


def _remember(desk: Desk, conn: Connection, campaign: Campaign, verb: str) -> None:
    detail = {"name": campaign.name, "was": str(campaign.state)} | (
        {"reason": campaign.reason} if campaign.reason else {}
    )
    history.record(
        conn, at=desk.clock.now(), who=desk.who, verb=verb, thing="campaign", thing_id=campaign.id, detail=detail
    )


def _take_back(desk: Desk, campaign: Campaign, token: str) -> None:
    """Remove what was prepared, unless a check took the draft over meanwhile and does the same."""
    with suppress(CampaignError):
        clear(desk, campaign, token)
        with desk.store.write() as conn:
            keep_ours(conn, campaign, token)
            campaigns.update(conn, campaign.id, checking="")


def _cancel_messages(desk: Desk, campaign_id: int, on_progress: Progress) -> None:
    done = 0
    while True:
        with desk.store.write() as conn:
            stopped = steering.cancel_queued(conn, campaign_id, at=desk.clock.now(), limit=_AT_ONCE)
        done += stopped
        on_progress(done, None)
        if stopped < _AT_ONCE:
            return
