"""The send windows that a campaign's mail waits for: its own, its transport's and the workspace's."""

from datetime import datetime

from campaigns.clock import from_micros, to_micros
from campaigns.model.send_window import SendWindows, refuse_never
from campaigns.settings import Settings
from campaigns.store import lanes, outbox
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection
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


def next_leave(conn: Connection, settings: Settings, campaign: Campaign, now: datetime) -> tuple[datetime, bool] | None:
    """When the next mail of a campaign that sends may leave, and whether it is due already and waits for a window.

    `now` where one could leave at once; None where nothing is queued or no window opens. Throttles are not asked.
    """
    windows, zones = windows_of(settings, campaign), lanes.parts(conn)
    alone = campaign.canary_alone(to_micros(now))
    found: list[tuple[datetime, bool]] = []
    for lane in outbox.lanes(conn, campaign.id):
        due_at = outbox.next_due(conn, campaign.id, lane)
        if due_at is None or (alone and lane >= 0):
            continue
        due = max(now, from_micros(due_at))
        _, zone = zones.get(lanes.plain(lane), (0, campaign.zone))
        opens = windows.for_recipient(zone).next_opening(due)
        if opens is not None:
            found.append((opens, opens > due == now))
    return min(found, default=None)
