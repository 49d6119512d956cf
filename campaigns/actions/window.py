"""The send windows that a campaign's mail waits for: its own, its transport's and the workspace's."""

from datetime import datetime

from campaigns.clock import from_micros
from campaigns.model.send_window import SendWindows, refuse_never
from campaigns.settings import Settings
from campaigns.store.campaigns import Campaign
from campaigns.windows import of_campaign


def windows_of(settings: Settings, campaign: Campaign) -> SendWindows:
    """All of them; those by the recipients' clocks still say so."""
    own = of_campaign(campaign.windows.splitlines(), campaign.holidays, campaign.zone)
    return SendWindows((*own, *settings.windows_of(campaign.transport, leaves=campaign.leaves).windows))


def refuse_shut(settings: Settings, campaign: Campaign, now: datetime) -> None:
    """WindowError if the campaign's windows are never open together, for people in its own zone."""
    refuse_never(windows_of(settings, campaign).for_recipient(campaign.zone), now)


def opens_later(settings: Settings, campaign: Campaign, now: datetime) -> datetime | None:
    """When the campaign's windows open for everybody, if they are shut at its start, or now if that has come."""
    windows = windows_of(settings, campaign)
    begins = now if campaign.starts_at is None else max(now, from_micros(campaign.starts_at))
    if windows.by_recipients or windows.is_open(begins):
        return None
    return windows.next_opening(begins)
