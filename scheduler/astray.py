"""Campaigns that have no way out: their transport is gone, cannot be used, or is not what their mails were checked for.

The settings may have changed since a campaign was queued; then it is paused before a mail goes where it should not.
"""

from collections.abc import Mapping, Sequence

from campaigns.model.states import CampaignState, PauseReason
from campaigns.store import lanes, outbox
from campaigns.store.engine import Connection
from campaigns.store.underway import SendingCampaign
from scheduler.routing import Routing


def astray(
    connection: Connection, campaigns: Sequence[SendingCampaign], routing: Routing, broken: Mapping[str, str]
) -> dict[int, str]:
    """Those campaigns, by id, with the reason to pause them for; `broken`: what is wrong with transports, by name."""
    found = {}
    for campaign in campaigns:
        reason = _gone(campaign, routing, broken) or _on_its_routes(connection, campaign, routing, broken)
        if reason:
            found[campaign.id] = reason
    return found


def _gone(campaign: SendingCampaign, routing: Routing, broken: Mapping[str, str]) -> str:
    """What is wrong with the campaign's own transport; "" for nothing."""
    name = campaign.transport
    own = routing.transports.get(name)
    if own is None:
        return _missing(name, broken)
    if own.leaves == campaign.leaves or campaign.state is not CampaignState.SENDING:  # else it is here for a proof
        return ""
    was, now = ("real", "a rehearsal") if campaign.leaves else ("a rehearsal", "real")
    return f"{PauseReason.ERRORS}: It was queued as {was}, and “{name}” is {now} in the settings now."


def _on_its_routes(
    connection: Connection, campaign: SendingCampaign, routing: Routing, broken: Mapping[str, str]
) -> str:
    """What is wrong with a transport that mail of the campaign, queued still, must go through; "" for nothing."""
    if campaign.state is not CampaignState.SENDING:
        return ""
    ways = routing.ways(campaign)
    if all(routing.may_carry(name, campaign) for name in ways.homes):
        return ""
    parts = lanes.parts(connection)
    groups = {lanes.group_of(lane, parts) for lane in outbox.lanes(connection, campaign.id)}
    names = lanes.names(connection)
    for group in sorted(names.get(number, "") for number in groups):
        home = ways.home(group)
        if home not in routing.transports:
            return _missing(home, broken)
        if not routing.may_carry(home, campaign):
            return _unchecked(campaign, home, routing.transports[home].kind, group)
    return ""


def _missing(name: str, broken: Mapping[str, str]) -> str:
    if wrong := broken.get(name):
        return f"{PauseReason.KEY}: {wrong}"
    return f"{PauseReason.ERRORS}: There is no transport “{name}” in the settings."


def _unchecked(campaign: SendingCampaign, home: str, kind: str, group: str) -> str:
    whose = f"Its mail to {group}" if group else "Its mail"
    kinds = " and ".join(campaign.checked_for) or "another kind"
    return (
        f"{PauseReason.ERRORS}: {whose} goes through “{home}” ({kind}) by the settings now, and was checked for {kinds}"
        " alone. Put the settings back and start the worker anew; or, if none of its mails left, reopen it and send it."
    )
