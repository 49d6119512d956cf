"""When a series comes round: wall-clock intent in a zone -> local dates -> UTC instants.

    Recurrence.parse("monday 09:00", "Europe/Berlin")
    Recurrence.parse("last weekday of month 08:30", "UTC")
    Recurrence.parse("1st and 15th 07:00", "America/New_York")
    Recurrence.parse("cron 0 9 * * mon", "Asia/Tokyo")

A series comes round at most once on a local date, whatever the clocks do. An hour that is skipped is the instant at
which the clocks have jumped; of an hour that comes twice, the first is taken (PEP 495). Which date an instant is for is
asked of the intent, never of the clock.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from campaigns.errors import WhenError
from campaigns.model.recurrence_parser import Days, parse_recurrence
from campaigns.model.when import zone_named

_DAY = timedelta(days=1)
_LONGEST = 8 * 366 + 1  # days between two dates of any rule: 29 February is left out in 2100
_LAST = date(9998, 12, 31)  # the calendar's own end has no next day


@dataclass(frozen=True)
class Occurrence:
    """A local date that a series comes round on, and the instant (UTC) at which it does."""

    on: date
    at: datetime


@dataclass(frozen=True)
class Recurrence:
    """A rule of days, a time of day, and the zone that both are meant in."""

    text: str  # as a person wrote it, blanks made single
    zone: str
    days: Days
    clock: time

    @classmethod
    def parse(cls, text: str, zone: str) -> "Recurrence":
        """What a person typed; WhenError, with a remedy, for what cannot be read or never comes."""
        tidy = " ".join(text.split())
        days, clock = parse_recurrence(tidy)
        recurrence = cls(tidy, zone_named(zone).key, days, clock)
        if next(recurrence._dates(date(2024, 1, 1)), None) is None:
            raise WhenError(f"“{tidy}” never comes: no month has that day.", remedy="Write another day.")
        return recurrence

    def after(self, instant: datetime) -> Iterator[Occurrence]:
        """All occurrences later than an instant, in their order."""
        first = (
            instant.astimezone(self._zone).date() - _DAY
        )  # a jump of the clock may push a date's instant over midnight
        return (found for found in self._occurrences(first) if found.at > instant)

    def latest(self, since: datetime, now: datetime) -> Occurrence | None:
        """The newest occurrence later than `since` that is not later than `now`; the ones before it are missed."""
        day = now.astimezone(self._zone).date() + _DAY
        earliest = since.astimezone(self._zone).date() - _DAY
        while day >= earliest:
            if self.days.has(day) and (found := self._occurrence(day)) and since < found.at <= now:
                return found
            day -= _DAY
        return None

    def at(self, day: date) -> datetime:
        """The instant (UTC) at which the clock shows the series' time on a date, or has jumped over it."""
        wall = datetime.combine(day, self.clock)
        first = wall.replace(tzinfo=self._zone, fold=0).astimezone(UTC)
        if first.astimezone(self._zone).replace(tzinfo=None) == wall:
            return first
        return self._jump(wall)

    def next_hour(self, now: datetime) -> datetime:
        """When the clock next shows the series' time, on whatever day."""
        day = now.astimezone(self._zone).date()
        return next(at for ahead in range(4) if (at := self.at(day + ahead * _DAY)) > now)

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def _occurrences(self, first: date) -> Iterator[Occurrence]:
        for day in self._dates(first):
            if found := self._occurrence(day):
                yield found

    def _occurrence(self, day: date) -> Occurrence | None:
        """None where the clocks push the date's time into the next day, which has an occurrence of its own."""
        at = self.at(day)
        on = at.astimezone(self._zone).date()
        return None if on != day and self.days.has(on) else Occurrence(day, at)

    def _dates(self, first: date) -> Iterator[date]:
        day, waited = first, 0
        while day < _LAST and waited < _LONGEST:
            if self.days.has(day):
                yield day
                waited = 0
            day += _DAY
            waited += 1

    def _jump(self, wall: datetime) -> datetime:
        """The first instant after the gap that a wall time lies in."""
        offsets = [wall.replace(tzinfo=self._zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1)]
        low, high = (wall - max(offsets)).replace(tzinfo=UTC), (wall - min(offsets)).replace(tzinfo=UTC)
        before = low.astimezone(self._zone).utcoffset()
        while high - low > timedelta(seconds=1):  # the clocks jump in (low, high], on a whole second
            middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
            if middle.astimezone(self._zone).utcoffset() == before:
                low = middle
            else:
                high = middle
        return high
