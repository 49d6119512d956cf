"""Taking a campaign into one's hands, and taking away what was staged for it."""

import secrets
from collections.abc import Callable, Collection
from functools import partial

from campaigns.actions.desk import Desk
from campaigns.errors import CampaignError
from campaigns.model.states import CampaignState
from campaigns.store import campaigns, files, findings, shapes, staging
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection
from campaigns.store.kept_files import KeptFiles

AT_ONCE = 2_500  # rows of one transaction: about 30 ms


def take_over(desk: Desk, campaign: Campaign, *, allowed: Collection[CampaignState]) -> str:
    """Make the campaign a draft that only the holder of the returned token may stage messages for."""
    token = secrets.token_hex(8)
    with desk.store.write() as conn:
        if not staging.begin(conn, campaign.id, token, allowed=allowed):
            now = campaigns.by_id(conn, campaign.id) or campaign
            takes_back = now.state in (CampaignState.SCHEDULED, CampaignState.PAUSED, CampaignState.RECURRING)
            verb = "reopen" if takes_back else "status"
            raise CampaignError(
                f"{now.name} is {now.state}: it is not prepared again.", remedy=f"See `mergecast {verb} {now.name}`."
            )
    return token


def clear(desk: Desk, campaign: Campaign, token: str) -> None:
    """Remove the campaign's messages (proofs aside), left-out rows, shapes, files and findings, in short transactions."""
    forget_files = partial(files.forget_some, kept=KeptFiles(desk.workspace.root))
    for remove in (staging.remove_messages, staging.remove_left_out, shapes.remove_some, forget_files):
        _batch_by_batch(desk, campaign, token, remove)
    with desk.store.write() as conn:
        keep_ours(conn, campaign, token)
        findings.forget(conn, campaign.id)


def keep_ours(conn: Connection, campaign: Campaign, token: str) -> None:
    """CampaignError if somebody else prepares the campaign by now."""
    if not staging.is_ours(conn, campaign.id, token):
        raise CampaignError(
            f"Another check of {campaign.name} took over.", remedy="Wait until it is done; it speaks for this one too."
        )


def _batch_by_batch(desk: Desk, campaign: Campaign, token: str, remove: Callable[..., int]) -> None:
    removed = AT_ONCE
    while removed == AT_ONCE:
        with desk.store.write_page() as conn:
            keep_ours(conn, campaign, token)
            removed = remove(conn, campaign.id, limit=AT_ONCE)
