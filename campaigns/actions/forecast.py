"""When a campaign that sends will be through: as fast as it goes, and no faster than what it waits for lets it."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any

from campaigns.actions.warm_up_ends import warm_up_end
from campaigns.actions.window import windows_of
from campaigns.clock import from_micros, to_micros
from campaigns.model.domain_group import NO_LIMITS, Limits
from campaigns.model.routes import WaysOut
from campaigns.model.throttle import Throttle
from campaigns.settings import Settings
from campaigns.store import lanes, reporting
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection

_FARTHEST = 3_650 * 86_400  # seconds


def ends(
    conn: Connection,
    campaign: Campaign,
    settings: Settings,
    ways: WaysOut,
    *,
    rate: float,
    slowed: Iterable[Mapping[str, Any]],
    now: datetime,
) -> datetime | None:
    """The instant; None where nothing says how fast it goes, or its canary has not left yet. Retries are left out.

    `ways`: what carries which of its mail; an outage shows in the rate alone. None, too, where people have times or
    windows of their own: then their clocks decide more than any rate.
    """
    windows = windows_of(settings, campaign)
    if campaign.has_own_times or windows.by_recipients:
        return None
    if campaign.canary and campaign.holds_until is None:
        return None
    limits = settings.all_limits if campaign.leaves else NO_LIMITS
    paces = {str(one["whose"]): float(one["rate"]) for one in slowed if one["rate"]}
    queued, groups = reporting.count_queued(conn, campaign.id), lanes.names(conn)
    if not rate or campaign.canary_alone(to_micros(now)):  # then its rate says nothing of the others
        rate = math.inf
    seconds = sum(queued.values()) / min(_speed(_shared(campaign, limits)), rate)
    through: Counter[str] = Counter()
    for number, waiting in queued.items():
        home = ways.home(groups.get(number, ""))
        through[home] += waiting
        group = groups.get(number, "other domains")
        pace = paces.get(f"{group} through {home}", math.inf)
        seconds = max(seconds, waiting / min(_speed(limits.groups.get(group, ())), pace))
    for name, waiting in through.items():
        transport = settings.transports.get(name)
        speed = _speed(transport.throttle if transport else ())
        seconds = max(seconds, waiting / min(speed, paces.get(name, math.inf)))
    if not 0 <= seconds < _FARTHEST:
        return None
    begins = now if campaign.holds_until is None else max(now, from_micros(campaign.holds_until))
    by_rate = windows.after(begins, timedelta(seconds=seconds)) if seconds else None
    warm_up = warm_up_end(conn, settings, campaign, through=through, windows=windows, begins=begins)
    return max((end for end in (by_rate, warm_up.last if warm_up else None) if end is not None), default=None)


def _shared(campaign: Campaign, limits: Limits) -> list[Throttle]:
    """The throttles that all of the campaign's mail stands under, whatever carries it."""
    return [
        *map(Throttle.parse, campaign.throttles.splitlines()),
        *limits.senders.get(parseaddr(campaign.sender)[1].lower(), ()),
    ]


def _speed(throttles: Iterable[Throttle]) -> float:
    """Hand-overs a second that they let through together."""
    return min((throttle.speed for throttle in throttles), default=math.inf)
