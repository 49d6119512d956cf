"""`mergecast calendar`: what leaves on which day of the next weeks, over all campaigns; and whom several would reach at once."""

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.actions.desk import Desk
from campaigns.actions.planning import Planning, planning
from campaigns.actions.series import dealt_with, recurrence_of
from campaigns.clock import from_micros
from campaigns.model.simulation import Course
from campaigns.model.states import CampaignState
from campaigns.store import campaigns, planned, series
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection

_DATES = 400  # of one series at most


@dataclass(slots=True)
class OnDay:
    """What one campaign sends on a day; of a series, whose mails are not made yet, nobody knows how many."""

    campaign: Campaign
    first: datetime
    last: datetime
    mails: int | None = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "campaign": self.campaign.name,
            "state": str(self.campaign.state),
            "transport": self.campaign.transport,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "mails": self.mails,
        }


@dataclass(frozen=True, slots=True)
class Collision:
    """People who stand in several campaigns that send on one day; each of them may get all of these mails then."""

    day: date
    campaigns: tuple[str, ...]
    people: int

    def as_json(self) -> dict[str, Any]:
        return {"day": self.day.isoformat(), "campaigns": list(self.campaigns), "people": self.people}


@dataclass(frozen=True, slots=True)
class Calendar:
    zone: str
    until: date
    days: dict[date, list[OnDay]] = field(default_factory=dict)
    collisions: tuple[Collision, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "zone": self.zone,
            "until": self.until.isoformat(),
            "days": [
                {"day": day.isoformat(), "campaigns": [one.as_json() for one in some]}
                for day, some in sorted(self.days.items())
            ],
            "collisions": [collision.as_json() for collision in self.collisions],
        }


def calendar(desk: Desk, *, weeks: int) -> Calendar:
    """From now on; days are those of the workspace's zone."""
    now, zone = desk.clock.now(), ZoneInfo(desk.workspace.settings.zone)
    end = now + timedelta(weeks=weeks)
    with desk.store.read() as conn:
        ground = planning(desk, conn)
        days = _planned_days(conn, ground, zone, end)
        for one in _dates(desk, conn, end):
            days[one.first.astimezone(zone).date()].append(one)
        collisions = _collisions(conn, days)
    for some in days.values():
        some.sort(key=lambda one: one.first)
    return Calendar(zone.key, end.astimezone(zone).date(), dict(days), collisions)


def _planned_days(conn: Connection, ground: Planning, zone: ZoneInfo, end: datetime) -> dict[date, list[OnDay]]:
    """What is queued, on the days on which it will leave."""
    days: dict[date, list[OnDay]] = defaultdict(list)
    for campaign_id, course in ground.run().items():
        campaign = campaigns.needed(conn, campaign_id)
        for day, one in _by_day(campaign, course, zone).items():
            if one.first < end:
                days[day].append(one)
    return days


def _by_day(campaign: Campaign, course: Course, zone: ZoneInfo) -> dict[date, OnDay]:
    found: dict[date, OnDay] = {}
    for at, mails in sorted(course.curve.items()):
        instant = from_micros(max(at, course.first or 0))
        one = found.setdefault(instant.astimezone(zone).date(), OnDay(campaign, instant, instant))
        one.last = from_micros(at)
        one.mails = (one.mails or 0) + mails
    return found


def _dates(desk: Desk, conn: Connection, end: datetime) -> list[OnDay]:
    """The dates to come of all series that go on."""
    now, found = desk.clock.now(), []
    for mine in series.that_run(conn):
        pattern = campaigns.needed(conn, mine.campaign_id)
        if pattern.state is not CampaignState.RECURRING:
            continue
        before = dealt_with(pattern, mine, now)
        for one in itertools.islice(recurrence_of(pattern, mine).after(now), _DATES):
            if one.at >= end:
                break
            if one.on.isoformat() > before:
                found.append(OnDay(pattern, one.at, one.at, None))
    return found


def _collisions(conn: Connection, days: dict[date, list[OnDay]]) -> tuple[Collision, ...]:
    """On each day, by the campaigns that a person stands in together; mail that reaches nobody collides with nothing."""
    reaching = {
        day: {one.campaign.id: one.campaign.name for one in some if one.campaign.leaves and one.mails}
        for day, some in days.items()
    }
    every = {campaign for some in reaching.values() if len(some) > 1 for campaign in some}
    together = planned.people_of_several(conn, every) if every else {}
    found = []
    for day, names in sorted(reaching.items()):
        people: dict[frozenset[int], int] = defaultdict(int)
        for some, number in together.items():
            if len(those := some & names.keys()) > 1:
                people[frozenset(those)] += number
        found += [
            Collision(day, tuple(names[one] for one in sorted(those)), number)
            for those, number in sorted(people.items(), key=lambda one: sorted(one[0]))
        ]
    return tuple(found)
