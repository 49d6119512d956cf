"""The send windows that a campaign's mail waits for: its own, its transport's and the workspace's."""

from datetime import datetime

from campaigns.model.send_window import SendWindow, SendWindows, refuse_never
from campaigns.settings import Settings
from campaigns.store.campaigns import Campaign
from campaigns.windows import of_campaign


def windows_of(settings: Settings, campaign: Campaign) -> SendWindows:
    """All of them; those by the recipients' clocks still say so."""
    own = of_campaign(campaign.windows.splitlines(), campaign.holidays, zone_of(campaign))
    return SendWindows((*own, *settings.windows_of(campaign.transport, leaves=campaign.leaves).windows))


def zone_of(campaign: Campaign) -> str:
    """The zone of everybody whose row says none."""
    return campaign.default_zone or campaign.zone


def refuse_shut(settings: Settings, campaign: Campaign, now: datetime) -> None:
    """WindowError if the campaign's windows are never open together, for people in its own zone."""
    refuse_never(windows_of(settings, campaign).for_recipient(zone_of(campaign)), now)


def typed_windows(texts: tuple[str, ...], zone: str) -> str:
    """What is kept of the windows that a person typed: each with its zone, a line each. WindowError, WhenError."""
    return "\n".join(str(SendWindow.parse(text).in_zone(zone)) for text in texts)
