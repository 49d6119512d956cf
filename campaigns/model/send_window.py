"""Send windows: when mail may leave, as people write it: "mon-fri 09:00-17:30 Europe/Berlin".

A window is open at an instant if a clock in its zone then shows a time inside of its hours: nothing else is asked, so
the nights on which clocks are set need no rule of their own. What opens before midnight may close after it; the weekday
is the one that it opens on. On a holiday it stays shut, whatever the hour.

    SendWindow.parse("mon-fri 09:00-12:00 13:00-17:30, sat 10:00-14:00 Europe/Berlin")
    windows = SendWindows((campaign's, transport's, workspace's))      all of them must be open
    windows.is_open(instant)   windows.next_opening(instant)   windows.closes(instant)

All functions are pure; instants are aware, and UTC where they are returned.
"""

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from campaigns.errors import WindowError
from campaigns.model.own_time import RECIPIENT
from campaigns.model.wall_time import offset_change
from campaigns.model.when import DAYS, zone_named

FARTHEST = timedelta(days=400)  # no window that opens at all stays shut for longer

_DAY = 24 * 60
_EVERY_DAY = frozenset(range(7))
_GROUPS = {"daily": _EVERY_DAY, "weekdays": frozenset(range(5)), "weekends": frozenset((5, 6))}
_HOURS = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")
_DASH = re.compile(r"\s*[-\u2013]\s*(?=\d|[a-z])", re.IGNORECASE)
_FORM = "Write it like mon-fri 09:00-17:30, sat,sun 10:00-16:00, or fri 22:00-02:00 Europe/Berlin."


@dataclass(frozen=True, slots=True)
class Hours:
    """From one minute of a day to another, on some weekdays; past midnight where `closes` is beyond 24:00."""

    days: frozenset[int]  # 0 is Monday
    opens: int  # minutes after midnight
    closes: int

    def shows(self, weekday: int, minute: int) -> bool:
        """Whether a clock that shows that minute of that weekday stands inside."""
        if weekday in self.days and self.opens <= minute < self.closes:
            return True
        return minute + _DAY < self.closes and (weekday - 1) % 7 in self.days

    def __str__(self) -> str:
        return f"{_said_days(self.days)}{_clock(self.opens)}-{_clock(self.closes)}".strip()


@dataclass(frozen=True, slots=True)
class SendWindow:
    """Hours in a zone, and dates on which it stays shut."""

    hours: tuple[Hours, ...]
    zone: str = ""  # IANA name, RECIPIENT, or "" until `in_zone` says which
    shut: Container[date] = ()  # holidays

    @classmethod
    def parse(cls, text: str) -> "SendWindow":
        """Read a window's text form; WindowError says what one looks like, WhenError which zones are near."""
        words = _DASH.sub("-", text.replace(",", " ")).split()
        if not any(_days(word) or _HOURS.fullmatch(word) for word in words):
            raise WindowError(f"“{text}” is no send window.", remedy=_FORM)
        zone = ""
        if _days(words[-1]) is None and not _HOURS.fullmatch(words[-1]):
            zone = words.pop()
            if zone[0].isdecimal():
                raise WindowError(f"“{text}”: “{zone}” cannot be read as hours.", remedy=_FORM)
            zone = RECIPIENT if zone.lower() == RECIPIENT else zone_named(zone).key
        return cls(tuple(_hours(text, words)), zone)

    @classmethod
    def on_all_days_but(cls, shut: Container[date], zone: str = "") -> "SendWindow":
        """Open around the clock, except on holidays."""
        return cls((Hours(_EVERY_DAY, 0, _DAY),), zone, shut)

    def __str__(self) -> str:
        return f"{', '.join(map(str, self.hours))} {self.zone}".strip()

    def in_zone(self, zone: str) -> "SendWindow":
        """This window with a zone, if it has none yet."""
        return self if self.zone else replace(self, zone=zone)

    def for_recipient(self, zone: str) -> "SendWindow":
        """This window for a person in a zone, if it goes by the recipients' clocks."""
        return replace(self, zone=zone) if self.zone == RECIPIENT else self

    def is_open(self, instant: datetime) -> bool:
        local = instant.astimezone(_zone(self.zone))
        weekday, minute = local.weekday(), local.hour * 60 + local.minute
        return any(hours.shows(weekday, minute) for hours in self.hours) and local.date() not in self.shut

    def next_opening(self, instant: datetime) -> datetime | None:
        """The instant itself while it is open, else when it opens next; None if that is beyond FARTHEST."""
        return self._first(instant, is_open=True)

    def closes(self, instant: datetime) -> datetime | None:
        """When it is shut next, from an instant at which it is open; None if that is beyond FARTHEST."""
        return self._first(instant, is_open=False)

    def _first(self, instant: datetime, *, is_open: bool) -> datetime | None:
        at, end = instant.astimezone(UTC), instant + FARTHEST
        while self.is_open(at) is not is_open:
            at = self._next_change(at)
            if at > end:
                return None
        return at

    def _next_change(self, at: datetime) -> datetime:
        """The next instant at which it may open or shut: a boundary of its hours, midnight, or a clock that is set."""
        zone = _zone(self.zone)
        local = at.astimezone(zone)
        since = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        minutes = {end % _DAY for hours in self.hours for end in (hours.opens, hours.closes)}
        ahead = min((timedelta(minutes=m) for m in minutes if timedelta(minutes=m) > since), default=timedelta(days=1))
        then = at + (ahead - since)
        if then.astimezone(zone).utcoffset() == local.utcoffset():
            return then
        return offset_change(zone, at, then)


@dataclass(frozen=True, slots=True)
class SendWindows:
    """Several windows that must all be open: those of a campaign, its transport and its workspace; none is always open."""

    windows: tuple[SendWindow, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.windows)

    def __str__(self) -> str:
        return "; ".join(map(str, self.windows))

    @property
    def by_recipients(self) -> bool:
        """Whether one of them goes by the recipients' clocks."""
        return any(window.zone == RECIPIENT for window in self.windows)

    def for_recipient(self, zone: str) -> "SendWindows":
        """These windows for a person in a zone."""
        return SendWindows(tuple(window.for_recipient(zone) for window in self.windows))

    def is_open(self, instant: datetime) -> bool:
        return all(window.is_open(instant) for window in self.windows)

    def next_opening(self, instant: datetime) -> datetime | None:
        """The instant itself while all are open, else when they are next; None if they never meet."""
        at, end = instant.astimezone(UTC), instant + FARTHEST
        while at <= end:
            ahead = at
            for window in self.windows:
                opens = window.next_opening(ahead)
                if opens is None:
                    return None
                ahead = opens
            if ahead == at:
                return at
            at = ahead
        return None

    def closes(self, instant: datetime) -> datetime | None:
        """When the first of them is shut; None if none is within FARTHEST."""
        return min((shut for window in self.windows if (shut := window.closes(instant))), default=None)

    def opening_after(self, instant: datetime) -> datetime | None:
        """The next time that they open, the one that is running left aside."""
        shut = self.closes(instant) if self.is_open(instant) else instant
        return None if shut is None else self.next_opening(shut)

    def after(self, instant: datetime, length: timedelta) -> datetime | None:
        """When they have been open for so long, from an instant on; None if that is beyond FARTHEST."""
        end = instant + FARTHEST
        at = self.next_opening(instant)
        while at is not None and at <= end:
            shut = self.closes(at)
            if shut is None or shut - at >= length:
                return at + length
            length -= shut - at
            at = self.next_opening(shut)
        return None


def refuse_never(windows: SendWindows, now: datetime) -> None:
    """WindowError if the windows are never open together."""
    if windows.next_opening(now) is not None:
        return
    if len(windows.windows) == 1:
        raise WindowError(f"The send window {windows} never opens.", remedy="Look at its hours and holidays.")
    raise WindowError(
        f"These send windows are never open together: {windows}.",
        remedy="A mail waits until all of them are open. Hours of which one is enough stand in one window: "
        "mon-fri 09:00-12:00 14:00-17:00, sat 10:00-12:00.",
    )


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _hours(text: str, words: Iterable[str]) -> Iterable[Hours]:
    """Weekdays, then hours on them; hours without weekdays are on those named last, weekdays without hours last all day."""
    days, named = _EVERY_DAY, False  # `named`: weekdays that no hours have followed yet
    for word in words:
        found = _days(word)
        if found is not None:
            days = days | found if named else found
            named = True
        elif match := _HOURS.fullmatch(word):
            yield _between(text, days, match)
            named = False
        else:
            raise WindowError(f"“{text}” is no send window: “{word}” cannot be read.", remedy=_FORM)
    if named:
        yield Hours(days, 0, _DAY)


def _between(text: str, days: frozenset[int], match: re.Match[str]) -> Hours:
    hour, minute, to_hour, to_minute = map(int, match.groups())
    opens, closes = hour * 60 + minute, to_hour * 60 + to_minute
    if minute > 59 or to_minute > 59 or opens >= _DAY or closes > _DAY:
        raise WindowError(f"“{text}”: there is no such time of day.", remedy="Hours go from 00:00 to 24:00.")
    if opens == closes:
        raise WindowError(f"“{text}” opens and closes at the same time.", remedy="All day is 00:00-24:00.")
    return Hours(days, opens, closes if closes > opens else closes + _DAY)


def _days(word: str) -> frozenset[int] | None:
    """The weekdays of `mon`, `mon-fri`, `sat-mon`, `weekdays`; None for other words."""
    if group := _GROUPS.get(word.lower()):
        return group
    first, _, last = word.lower().partition("-")
    begin, end = _day(first), _day(last or first)
    if begin is None or end is None:
        return None
    return frozenset((begin + ahead) % 7 for ahead in range((end - begin) % 7 + 1))


def _day(word: str) -> int | None:
    return next((n for n, name in enumerate(DAYS) if len(word) >= 3 and name.lower().startswith(word)), None)


def _said_days(days: frozenset[int]) -> str:
    if days == _EVERY_DAY:
        return ""
    first = next((n for n in sorted(days) if (n - 1) % 7 not in days), 0)
    run = [(first + ahead) % 7 for ahead in range(len(days))]
    if len(days) > 2 and days == frozenset(run):
        return f"{_short(run[0])}-{_short(run[-1])} "
    return f"{','.join(map(_short, sorted(days)))} "


def _short(day: int) -> str:
    return DAYS[day][:3].lower()


def _clock(minute: int) -> str:
    if minute > _DAY:
        minute -= _DAY
    return f"{minute // 60:02}:{minute % 60:02}"
