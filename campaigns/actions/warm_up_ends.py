"""How many days warm-ups need for a campaign: what each day or hour lets through, one after the other, inside its windows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import parseaddr
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.actions.warm_ups import tables
from campaigns.clock import from_micros, to_micros
from campaigns.model.send_window import SendWindows
from campaigns.model.warm_up import WarmUp
from campaigns.settings import Settings
from campaigns.store import warm_ups
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection


@dataclass(frozen=True, slots=True)
class WarmUpEnd:
    """What the slowest warm-up of a campaign makes of it, if nothing else counts against that meanwhile."""

    whose: str
    first: date  # of its zone: the first day
    mails: int  # that leave on it
    last: datetime  # when the last may leave
    zone: str

    def as_json(self) -> dict[str, Any]:
        return {
            "whose": self.whose,
            "first": self.first.isoformat(),
            "mails": self.mails,
            "last": self.last.isoformat(),
            "zone": self.zone,
        }


def warm_up_end(
    conn: Connection,
    settings: Settings,
    campaign: Campaign,
    *,
    through: Mapping[str, int],
    windows: SendWindows,
    begins: datetime,
) -> WarmUpEnd | None:
    """Of the mails `through` each transport; None where no warm-up makes any of them wait, or windows never open."""
    if not campaign.leaves or campaign.has_own_times:
        return None
    known, sender = tables(settings), f"sender {parseaddr(campaign.sender)[1].lower()}"
    shares = [([f"transport {name}", sender], mails) for name, mails in through.items()]
    shares.append(([sender], sum(through.values())))
    windows = windows.for_recipient(campaign.zone)
    found = [
        _end(conn, {whose: known[whose] for whose in named if whose in known}, mails, windows, begins)
        for named, mails in shares
    ]
    return max((end for end in found if end is not None), key=lambda end: end.last, default=None)


def _end(
    conn: Connection, known: Mapping[str, WarmUp], mails: int, windows: SendWindows, begins: datetime
) -> WarmUpEnd | None:
    if not known or not mails:
        return None
    limits = {whose: warm_ups.read(conn, whose, table, to_micros(begins)) for whose, table in known.items()}
    at, left, gone = begins, mails, list[tuple[datetime, int]]()
    slowest = next(iter(limits))
    while left:
        opens = windows.next_opening(at)
        if opens is None:
            return None
        now = to_micros(opens)
        rooms = {whose: limit.room(now) for whose, limit in limits.items()}
        n = min(left, *rooms.values())
        if n:
            for limit in limits.values():
                limit.take(now, n)
            gone.append((opens, n))
        left -= n
        if left:
            slowest = min(rooms, key=rooms.__getitem__)
            at = from_micros(min(limit.ends(now) for limit in limits.values()))
    if len(gone) == 1 and gone[0][0] == windows.next_opening(begins):
        return None
    return _told(slowest, limits[slowest].table.zone, gone)


def _told(whose: str, zone: str, gone: Sequence[tuple[datetime, int]]) -> WarmUpEnd:
    days = [(at.astimezone(ZoneInfo(zone)).date(), n) for at, n in gone]
    first = days[0][0]
    on_it = sum(n for day, n in days if day == first)
    return WarmUpEnd(whose.partition(" ")[2], first, on_it, gone[-1][0], zone)
