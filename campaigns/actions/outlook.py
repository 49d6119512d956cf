"""What a plan comes to: the first mail and the last, a curve, and what limits it, found by lifting one thing after another."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.actions.desk import Desk
from campaigns.actions.planning import Planning, planning
from campaigns.clock import from_micros
from campaigns.model.canary import Canary
from campaigns.model.holders import said
from campaigns.model.simulation import BIN, WINDOW, Course
from campaigns.store import campaigns
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection

_TRIED = 3  # of what holds mail up, the longest first: so many are lifted to see what that would gain
_COUNTS = 0.01  # of the whole time: what gains less limits nothing
_STEPS = {1: 24, 5: 24, 15: 24, 60: 72, 360: 60, 1_440: 60, 10_080: 60}  # minutes of a bar, and of how many at most


@dataclass(frozen=True, slots=True)
class Limiting:
    """Something that mail waits for, and what would be if it were lifted."""

    what: (
        str  # a throttle and whose it is, WINDOW, or a transport's connections; several where only all together matter
    )
    last: datetime
    gain: int  # seconds

    def as_json(self) -> dict[str, Any]:
        return {"limit": self.what, "last_without": self.last.isoformat(), "gain": self.gain}


@dataclass(frozen=True, slots=True)
class Plan:
    """A campaign's plan as of now."""

    campaign: Campaign
    course: Course
    limits: tuple[Limiting, ...]  # what gains most stands first
    beside: tuple[str, ...]  # campaigns that go through the same transports meanwhile
    wires: dict[str, float | None]  # mails a second that its transports' connections carry; None where nobody knows yet

    @property
    def first(self) -> datetime | None:
        return None if self.course.first is None else from_micros(self.course.first)

    @property
    def last(self) -> datetime | None:
        """None where some of its mail never leaves."""
        return None if self.course.left or self.course.last is None else from_micros(self.course.last)

    def in_short(self) -> dict[str, Any]:
        """What is said of it in a line."""
        return {
            "zone": self.campaign.zone,
            "never": self.course.left,
            "first": self.first.isoformat() if self.first else None,
            "last": self.last.isoformat() if self.last else None,
            "on_first_day": self._on_first_day(),
            "limits": [one.as_json() for one in self.limits],
        }

    def _on_first_day(self) -> int:
        """How many leave on the day of the first, by the campaign's zone."""
        zone = ZoneInfo(self.campaign.zone)
        days: Counter[date] = Counter()
        for at, mails in self.course.curve.items():
            days[from_micros(at).astimezone(zone).date()] += mails
        return days[min(days)] if days else 0

    def as_json(self) -> dict[str, Any]:
        step, curve = _bars(self.course.curve, ZoneInfo(self.campaign.zone))
        return {
            "campaign": self.campaign.name,
            "state": str(self.campaign.state),
            "mails": self.course.mails + self.course.left,
            **self.in_short(),
            "beside": list(self.beside),
            "wires": [{"transport": name, "rate": rate} for name, rate in self.wires.items()],
            "step": step * 60,
            "curve": [{"at": from_micros(at).isoformat(), "mails": mails} for at, mails in curve],
        }


def plan_of(desk: Desk, conn: Connection, campaign: Campaign, *, canary: Canary | None = None, hold: int = 0) -> Plan:
    """Of a campaign whose mails are staged or queued."""
    ground = planning(desk, conn, campaign, canary=canary, hold=hold)
    course = ground.run([campaign.id]).get(campaign.id, Course())
    course.left += ground.stranded[campaign.id]
    mine = {flow.transport for flow in ground.flows if flow.campaign == campaign.id}
    others = {flow.campaign for flow in ground.flows if flow.transport in mine} - {campaign.id}
    return Plan(
        campaign,
        course,
        _limits(ground, campaign.id, course),
        tuple(campaigns.needed(conn, one).name for one in sorted(others)),
        {name: rate for name, rate in ground.wires.items() if name in mine},
    )


def _limits(ground: Planning, campaign: int, course: Course) -> tuple[Limiting, ...]:
    """What holds its mail up: each is lifted in turn, to see how much sooner the last one would leave; else all together."""
    if course.left or course.last is None or course.first is None:
        return ()
    keys = [key for key, _ in course.held.most_common(_TRIED)]
    found = [one for key in keys if (one := _lifted(ground, campaign, course, [key]))]
    if not found and len(keys) > 1 and (together := _lifted(ground, campaign, course, keys)):
        found = [together]
    return tuple(sorted(found, key=lambda one: -one.gain))


def _lifted(ground: Planning, campaign: int, course: Course, keys: Sequence[str]) -> Limiting | None:
    """What would be without these; None where that gains next to nothing."""
    without = ground.run([campaign], without=keys)[campaign].last
    gain = 0 if course.last is None or without is None else course.last - without
    if without is None or gain < max(1_000_000, int(((course.last or 0) - (course.first or 0)) * _COUNTS)):
        return None
    what = " together with ".join(WINDOW if key == WINDOW else said(key) for key in keys)
    return Limiting(what, from_micros(without), gain // 1_000_000)


def _bars(curve: Counter[int], zone: ZoneInfo) -> tuple[int, list[tuple[int, int]]]:
    """Minutes that a bar stands for, and the mails of each, empty ones in between too; hours and days are a zone's own."""
    if not curve:
        return min(_STEPS), []
    first, last = min(curve), max(curve)
    step = next((step for step, most in _STEPS.items() if (last - first) / (step * BIN) < most), max(_STEPS))
    ahead = (from_micros(first).astimezone(zone).utcoffset() or timedelta()) // timedelta(microseconds=1)
    summed: Counter[int] = Counter()
    for at, mails in curve.items():
        summed[at - (at + ahead) % (step * BIN)] += mails
    return step, [(at, summed[at]) for at in range(min(summed), max(summed) + 1, step * BIN)]
