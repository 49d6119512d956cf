"""The send windows that a campaign's mail waits for: its own, those of the transport that carries it, and the workspace's."""

from datetime import datetime
from email.utils import parseaddr

from campaigns.clock import from_micros, to_micros
from campaigns.errors import WindowError
from campaigns.model.routes import WaysOut
from campaigns.model.send_window import SendWindows, refuse_never
from campaigns.settings import Settings
from campaigns.store import lanes, outbox
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection
from campaigns.windows import of_campaign


def ways_of(settings: Settings, campaign: Campaign) -> WaysOut:
    """The transports that a campaign's mail may take."""
    return settings.all_routes.of(campaign.transport, parseaddr(campaign.sender)[1], leaves=campaign.leaves)


def windows_of(settings: Settings, campaign: Campaign, through: str = "") -> SendWindows:
    """All of them on the way through a transport, the campaign's own unless said; those by the recipients' clocks still say so."""
    own = of_campaign(campaign.windows.splitlines(), campaign.holidays, campaign.zone)
    return SendWindows((*own, *settings.windows_of(through or campaign.transport, leaves=campaign.leaves).windows))


def refuse_shut(settings: Settings, campaign: Campaign, now: datetime) -> None:
    """WindowError if windows are never open together, for people in the campaign's own zone, where all is well."""
    ways = ways_of(settings, campaign)
    for home in ways.homes:
        try:
            refuse_never(windows_of(settings, campaign, home).for_recipient(campaign.zone), now)
        except WindowError as error:
            if home == ways.own:
                raise
            raise WindowError(
                f"A route leads mail of {campaign.name} through {home}. {error.sentence}",
                remedy=f"Widen one of them, or change the route in mergecast.toml. {error.remedy}",
            ) from None


def opens_later(settings: Settings, campaign: Campaign, now: datetime) -> datetime | None:
    """When the first of the campaign's mail may leave, if windows are shut for everybody at its start, or now if that has come."""
    begins = now if campaign.starts_at is None else max(now, from_micros(campaign.starts_at))
    opens = []
    for home in ways_of(settings, campaign).homes:
        windows = windows_of(settings, campaign, home)
        if windows.by_recipients or windows.is_open(begins):
            return None
        opens.append(windows.next_opening(begins))
    return min((at for at in opens if at is not None), default=None)


def next_leave(conn: Connection, settings: Settings, campaign: Campaign, now: datetime) -> tuple[datetime, bool] | None:
    """When the next mail of a campaign that sends may leave, and whether it is due already and waits for a window.

    `now` where one could leave at once; None where nothing is queued or no window opens. Throttles are not asked.
    """
    ways, zones, names = ways_of(settings, campaign), lanes.parts(conn), lanes.names(conn)
    windows = {home: windows_of(settings, campaign, home) for home in {ways.own, *ways.homes}}
    alone = campaign.canary_alone(to_micros(now))
    found: list[tuple[datetime, bool]] = []
    for lane in outbox.lanes(conn, campaign.id):
        due_at = outbox.next_due(conn, campaign.id, lane)
        if due_at is None or (alone and lane >= 0):
            continue
        due = max(now, from_micros(due_at))
        _, zone = zones.get(lanes.plain(lane), (0, campaign.zone))
        home = ways.home(names.get(lanes.group_of(lane, zones), ""))
        opens = windows[home].for_recipient(zone).next_opening(due)
        if opens is not None:
            found.append((opens, opens > due == now))
    return min(found, default=None)
