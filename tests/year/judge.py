"""Judges a year from its tables and from what the far side was handed, with arithmetic of its own.

Nothing of Mergecast reckons here: the tables are read with sqlite3, dates come from dateutil, clocks from zoneinfo.
"""

import sqlite3
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dateutil import tz

from tests.year.asked import FRESH, FRESH_ZONE, SCHOOL, Everywhere, Hours, Round
from tests.year.plot import RELAY_LIMIT, ROUNDS, Story, world

_MINUTE = timedelta(minutes=1)
_LATE_AFTER = timedelta(hours=1)
_PROMPT = timedelta(seconds=10)  # a first mail leaves so soon; behind others a throttle may hold it up
_ACCEPTED = 3


@dataclass(frozen=True)
class Mail:
    """A message of the record."""

    id: int
    campaign: str
    series: str | None
    day: str | None
    to: str
    state: int
    leased: datetime
    first: datetime  # when it was first tried
    transport: str
    handed_by: str


class Judge:
    """Everything that is wrong with a year; an empty list is what it should be."""

    def __init__(self, database: Path, story: Story, taken: Sequence[Any]) -> None:
        self._story = story
        self._taken = taken
        with closing(sqlite3.connect(database)) as tables:
            self._mails = list(_mails(tables))
            self._states = dict(tables.execute("SELECT name, state FROM campaigns"))
            self._reasons = dict(tables.execute("SELECT name, reason FROM campaigns WHERE reason != ''"))
        self.wrong: list[str] = []

    def judged(self) -> list[str]:
        self._each_left_once()
        for one in ROUNDS:
            self._came_round(one)
        for campaign in self._story.everywhere:
            self._was_everywhere(campaign)
        self._inside_windows()
        self._within_limits()
        self._warmed_up()
        return self.wrong

    def _find(self, what: str) -> None:
        self.wrong.append(what)

    def _each_left_once(self) -> None:
        """The record says accepted, and the far side was handed it and took it once."""
        took = Counter(one.message for one in self._taken if one.accepted)
        for mail in self._mails:
            if mail.state != _ACCEPTED or took[mail.id] != 1:
                self._find(f"{mail.campaign}: {mail.to} is in state {mail.state}, and was taken {took[mail.id]} times")
        if unknown := took.keys() - {mail.id for mail in self._mails}:
            self._find(f"taken, and not in the record: {unknown}")
        for (campaign, to), times in Counter((mail.campaign, mail.to) for mail in self._mails).items():
            if times > 1:
                self._find(f"{campaign} has {to} {times} times")
        goes_on = {one.name for one in ROUNDS}
        for name, state in self._states.items():
            if state != ("recurring" if name in goes_on else "finished"):
                self._find(f"{name} is {state}: {self._reasons.get(name, '')}")

    def _came_round(self, one: Round) -> None:
        """On each of its dates it went to those it was for, at its hour."""
        expected = dict(self._occurrences(one))
        by_day = defaultdict(list)
        for mail in self._mails:
            if mail.series == one.name:
                by_day[mail.day].append(mail)
        mailed: set[str] = set()
        for day, leaves in expected.items():
            there = {to for since, to in self._story.sheets[one.name] if since < leaves.read}
            wanted = there if one.whom == "all" else there - mailed
            got = by_day.pop(day.isoformat(), [])
            if {mail.to for mail in got} != wanted:
                self._find(f"{one.name} of {day} went to {len(got)} people instead of {len(wanted)}")
            mailed |= wanted
            self._on_time(f"{one.name} of {day}", got, leaves.at, one.hours, one.zone)
        if by_day:
            self._find(f"{one.name} came round on {sorted(by_day)} as well")

    def _occurrences(self, one: Round) -> Iterator[tuple[date, "Leaves"]]:
        story = self._story
        for day in one.on(story.begins.date() - timedelta(days=1), story.ends.date() + timedelta(days=1)):
            at = instant(datetime.combine(day, one.at), one.zone)
            if not story.begins <= at < story.ends:
                continue
            if not (story.off <= at and at + _LATE_AFTER < story.back):
                yield day, Leaves(max(at, story.back) if at >= story.off else at, at)
            elif one.late == "send":
                yield day, Leaves(story.back, story.back)
            elif one.late == "ask":
                asked = story.back + timedelta(hours=1)
                yield day, Leaves(asked, asked)
            elif one.late == "next-window":
                put_off = self._next_hour(one, story.back)
                yield day, Leaves(put_off, put_off)

    @staticmethod
    def _next_hour(one: Round, after: datetime) -> datetime:
        local = after.astimezone(ZoneInfo(one.zone)).date()
        days = (local + timedelta(days=ahead) for ahead in range(3))
        hours = (instant(datetime.combine(day, one.at), one.zone) for day in days)
        return next(at for at in hours if at > after)

    def _was_everywhere(self, one: Everywhere) -> None:
        """Everybody got it, at that time on their own clock, unless that passed while the worker was off."""
        got = {mail.to: mail for mail in self._mails if mail.campaign == one.name}
        if got.keys() != world().keys():
            self._find(f"{one.name} went to {sorted(got)}")
        for to, zone in world().items():
            if to not in got:
                continue
            at = instant(one.wall, zone)
            if self._story.off <= at and at + _LATE_AFTER < self._story.back:
                at = self._story.back
                if is_open(one.hours, at, zone):  # the running window is left aside
                    while is_open(one.hours, at, zone):
                        at += _MINUTE
            self._on_time(f"{one.name} for {zone}", [got[to]], at, one.hours, zone)

    def _on_time(self, what: str, mails: list[Mail], at: datetime, hours: tuple[Hours, ...], zone: str) -> None:
        if not mails:
            return
        opens = at
        while not is_open(hours, opens, zone):
            opens += _MINUTE
        early = [mail for mail in mails if mail.first < opens]
        if early:
            self._find(f"{what}: {early[0].to} left at {early[0].first}, before {opens}")
        if min(mail.first for mail in mails) > opens + _PROMPT:
            self._find(f"{what} began at {min(mail.first for mail in mails)}, not at {opens}")

    def _inside_windows(self) -> None:
        hours = {one.name: one.hours for one in ROUNDS} | {one.name: one.hours for one in self._story.everywhere}
        zones = world()
        for mail in self._mails:
            asked = hours[mail.series or mail.campaign]
            for at in {mail.leased, mail.first}:
                if not is_open(asked, at, zones.get(mail.to, "UTC")):
                    self._find(f"{mail.campaign}: {mail.to} left at {at}, when its window was shut")

    def _within_limits(self) -> None:
        """In no stretch of a unit more hand-overs began than each limit lets through, failed ones too."""
        mails = {mail.id: mail for mail in self._mails}
        under: dict[tuple[str, int, int], list[float]] = defaultdict(list)
        rounds = {one.name: one for one in ROUNDS}
        for one in self._taken:
            mail = mails[one.message]
            if mail.transport == "relay":
                under["relay", *RELAY_LIMIT].append(one.lasted)
            if mail.to.endswith("@school.example"):
                under["school.example", *SCHOOL].append(one.lasted)
            if mail.series and rounds[mail.series].limit[0]:
                under[mail.campaign, *rounds[mail.series].limit].append(one.lasted)
        for (whose, most, seconds), at in under.items():
            found = most_within(sorted(at), seconds)
            if found > most:
                self._find(f"{whose}: {found} mails within {seconds} s instead of {most}")

    def _warmed_up(self) -> None:
        """On no day more than the warm-up has for it; days on which nothing left are none of its days."""
        zone = ZoneInfo(FRESH_ZONE)
        days = Counter(one.at.astimezone(zone).date() for one in self._taken if one.transport == "fresh")
        for most, day in zip(FRESH, sorted(days), strict=False):
            if days[day] > most:
                self._find(f"warm-up: {days[day]} mails on {day} instead of {most}")
        if max(days.values()) < FRESH[-1]:
            self._find(f"the warm-up has not come far: {max(days.values())} mails a day")


@dataclass(frozen=True)
class Leaves:
    """When an occurrence is to leave, windows aside, and when its sheet is read."""

    at: datetime
    read: datetime


def instant(wall: datetime, zone: str) -> datetime:
    """When a clock shows a time: the first of two, and where there is none, the moment after the gap."""
    place = tz.gettz(zone)
    while not tz.datetime_exists(wall, place):
        wall += _MINUTE
    return wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def is_open(hours: Iterable[Hours], at: datetime, zone: str) -> bool:
    return all(_is_open(one, at.astimezone(ZoneInfo(one.zone or zone))) for one in hours)


def _is_open(one: Hours, local: datetime) -> bool:
    minute = local.hour * 60 + local.minute
    if local.date() in one.holidays(local.year):
        return False
    yesterday = (local.date() - timedelta(days=1)).weekday()
    return (local.weekday() in one.days and one.opens <= minute < one.closes) or (
        yesterday in one.days and minute < one.closes - 24 * 60
    )


def most_within(at: Sequence[float], seconds: float) -> int:
    """The most of these instants that lie in any half-open stretch of so many seconds."""
    return max((bisect_left(at, one + seconds) - place for place, one in enumerate(at)), default=0)


def _mails(tables: sqlite3.Connection) -> Iterator[Mail]:
    query = """
        SELECT messages.id, campaigns.name, campaigns.series, campaigns.occurrence, addresses.folded, messages.state,
               messages.leased_at, (SELECT min(at) FROM attempts WHERE message_id = messages.id), campaigns.transport,
               handovers.transport
        FROM messages JOIN campaigns ON campaigns.id = campaign_id JOIN addresses ON addresses.id = address_id
        LEFT JOIN handovers ON handovers.id = handover_id"""
    for id_, name, series, day, to, state, leased, tried, transport, handed_by in tables.execute(query):
        at = [datetime.fromtimestamp(micros / 1e6, UTC) for micros in (leased, tried) if micros]
        if not at:
            at = [datetime.max.replace(tzinfo=UTC)]
        yield Mail(id_, name, series, day, to, state, at[0], min(at), transport, handed_by or "")
