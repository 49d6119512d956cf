"""The hold after a canary: once all of it was tried, the others wait for a while, and go on by themselves.

What the canary showed is judged here: where too many of it ended badly, the campaign is paused instead.
"""

from collections.abc import Iterable

import structlog

from campaigns.clock import Clock, from_micros
from campaigns.model.states import CampaignState
from campaigns.store import canaries, history
from campaigns.store.engine import Store
from campaigns.store.underway import SendingCampaign
from scheduler.blame import too_many

log = structlog.get_logger()


def hold_back(store: Store, sending: Iterable[SendingCampaign], clock: Clock) -> list[tuple[SendingCampaign, str]]:
    """Begin the hold of each campaign whose canary has left; returns those that are to be paused, with the reason."""
    bad_ones = []
    for campaign in sending:
        if campaign.canary is None or campaign.holds_until is not None or campaign.state is not CampaignState.SENDING:
            continue
        with store.read() as connection:
            if canaries.waits(connection, campaign.id):
                continue
            bad, tried = canaries.ends(connection, campaign.id)
        limit = campaign.pause_above
        if limit is not None and limit.passed(bad, tried):
            bad_ones.append((campaign, too_many(bad, tried, limit, "")))
        _begin(store, campaign, campaign.canary.hold, clock)
    return bad_ones


def _begin(store: Store, campaign: SendingCampaign, seconds: int, clock: Clock) -> None:
    until = clock.micros() + seconds * 1_000_000
    with store.write() as connection:
        if not canaries.hold(connection, campaign.id, until=until):
            return
        told = {"until": from_micros(until).isoformat()}
        history.record(
            connection,
            at=clock.now(),
            who="worker",
            verb="hold",
            thing="campaign",
            thing_id=campaign.id,
            detail=told,
        )
    log.info("campaign.holds", campaign=campaign.name, **told)
