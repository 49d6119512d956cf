"""A warm-up as a limit among those that a mail stands under: which step holds now, and what has been spent of it.

A step is taken with the first hand-over of a day; a day on which nothing leaves is none. After a month without mail it
begins anew, and after a day of which servers deferred much it goes back a step. Days and hours are those of a clock in
its zone, from midnight to midnight, however long daylight saving makes them.

Hand-overs are counted in slices of a minute, which move along when the wall clock is set: so each is counted to the day
and hour that it falls into by the clock as it is now. All instants here are microseconds UTC.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from campaigns.model.throttle import Throttle, as_of
from campaigns.model.wall_time import first_instant
from campaigns.model.warm_up import WarmUp

SLICE = 60_000_000
FORGOTTEN_AFTER = 30  # days without mail: then servers know nobody any more (SendGrid: warm up again)
DEFERRED_ABOVE = 0.05  # of a day's hand-overs: so many deferred, and the next day goes back a step
FEWEST = 20  # hand-overs of a day before a share of them says anything

_NO_LIMIT = 10**9
_DAY = 86_400_000_000
_HOUR = 3_600_000_000
_KEPT = 2 * _DAY  # so long are slices kept, and so far ahead do they count: a clock that is set back shows a day twice
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a warm-up has come; what the store keeps of it besides the slices."""

    step: int = 0  # of the last day on which something left, or of the first one; as many as the table has: it is over
    day: date | None = None  # the last day on which something left; None before the first
    tried: int = 0  # hand-overs of that day that were answered
    deferred: int = 0  # of those
    heard: int = 0  # when a person last set it

    def on(self, day: date, steps: int) -> int:
        """The step that holds on a day, in a table of so many."""
        if self.day is None or day <= self.day:
            return min(self.step, steps)
        if (day - self.day).days > FORGOTTEN_AFTER:
            return 0
        if self.step >= steps:
            return steps
        return max(0, self.step - 1) if self.deferred_much else self.step + 1

    @property
    def deferred_much(self) -> bool:
        return self.tried >= FEWEST and self.deferred > DEFERRED_ABOVE * self.tried

    def put(self, step: int, today: date, steps: int, heard: int) -> "Reached":
        """A person says which step holds today, whether or not something has left today."""
        left_today = self.day is not None and today <= self.day
        return Reached(min(step, steps), self.day if left_today else None, heard=heard)


class WarmingUp:
    """What is spent of a warm-up, and the step that it is at."""

    def __init__(self, table: WarmUp, reached: Reached, slices: Iterable[tuple[int, int]], now: int) -> None:
        """`table` names its zone; `reached` and the slices are as the store remembers them."""
        self.table = table
        self.reached = reached
        self.changed = False  # whether the store must be told how far it is
        self._zone = ZoneInfo(table.zone)
        # The clock may have been set back while nobody counted: what lies ahead counts until it is past.
        self._slices = deque([start, used] for start, used in as_of(slices, now + _KEPT) if start > now - _KEPT)
        self._from = self._to = 0  # the hour or day that was last looked at, and what is known of it:
        self._today = date.min
        self._step = 0
        self._limit: Throttle | None = None
        self._used = 0

    def step(self, now: int) -> int:
        """The step that holds, from 0; as many as the table has when it is over."""
        self._look(now)
        return self._step

    def limit(self, now: int) -> Throttle | None:
        """How many a day or an hour; None when it is over."""
        self._look(now)
        return self._limit

    def used(self, now: int) -> int:
        """How many of this day or hour are spent."""
        self._look(now)
        return self._used

    def room(self, now: int) -> int:
        """How many may still go in this day or hour."""
        limit = self.limit(now)
        return _NO_LIMIT if limit is None else max(0, limit.count - self._used)

    def ends(self, now: int) -> int:
        """When this day or hour does."""
        self._look(now)
        return self._to

    def put(self, step: int, now: int, heard: int) -> None:
        """A person says which step holds today."""
        self._look(now)
        self.reached = self.reached.put(step, self._today, len(self.table.steps), heard)
        self._changes()

    def answered(self, tried: int, deferred: int) -> None:
        """Of the hand-overs so many were answered, and so many of those deferred."""
        if self._limit is None:
            return
        was = self.reached
        self.reached = replace(was, tried=was.tried + tried, deferred=was.deferred + deferred)
        self.changed = True
        if was.day != self._today:  # what is left of yesterday's answers may change today's step
            self._changes()

    # As a limit among the others that a message stands under

    def most(self, now: int) -> int:
        """How many may go at once: what is left, or what a whole day or hour lets through."""
        limit = self.limit(now)
        return _NO_LIMIT if limit is None else self.room(now) or limit.count

    def wait(self, now: int, n: int, *, ahead: int = 0) -> int:
        """Microseconds until `n` hand-overs may begin, when `ahead` others have been promised a turn before them."""
        missing = n + ahead - self.room(now)
        if missing <= 0:
            return 0
        for begins, limit in self._ahead(now):
            missing -= limit.count if limit else _NO_LIMIT
            if missing <= 0:
                return begins - now
        raise AssertionError("Every step lets something through.")

    def take(self, now: int, n: int) -> tuple[int, int] | None:
        """Count `n` hand-overs; the slice they fell into and all that it holds, for the store, unless it is over."""
        self._look(now)
        if self.reached.day is None or self.reached.day < self._today:
            self.reached = Reached(self._step, self._today, heard=self.reached.heard)
            self.changed = True
        if self._limit is None:
            return None
        self._used += n
        return self._add(now, n)

    def postpone(self, at: int, now: int, n: int) -> list[tuple[int, int]]:
        """Count at `now` the `n` hand-overs that were taken at `at`; returns the slices that changed, for the store."""
        start = at - at % SLICE
        if now < start + SLICE or self._limit is None:
            return []
        moved = []
        taken = next((entry for entry in reversed(self._slices) if entry[0] <= start), None)
        if taken is not None and taken[0] == start and taken[1] >= n:
            taken[1] -= n
            moved.append((start, taken[1]))
        self._from = self._to = 0
        again = self.take(now, n)
        return [*moved, again] if again else moved

    def shift(self, micros: int) -> list[tuple[int, int]]:
        """Move everything along with a wall clock that jumped; returns all slices, emptied and filled, for the store.

        The day only moves ahead, by whole ones and to where the last hand-over lies now: no setting of clocks takes a step.
        """
        emptied = [(start, 0) for start, _ in self._slices]
        for entry in self._slices:
            entry[0] += micros
        if self.reached.day is not None:
            day = self.reached.day + timedelta(days=max(0, micros // _DAY))
            last = _local(self._slices[-1][0], self._zone).date() if self._slices else day
            self.reached = replace(self.reached, day=max(day, last))
        self._changes()
        return [*emptied, *((start, used) for start, used in self._slices)]

    def stale(self, now: int) -> int:
        """The instant before which slices count no longer."""
        return now - _KEPT

    def _changes(self) -> None:
        self.changed = True
        self._from = self._to = 0

    def _look(self, now: int) -> None:
        if self._from <= now < self._to:
            return
        self._today = _local(now, self._zone).date()
        day = self.reached.day
        if day is not None and day > self._today + timedelta(days=1):  # the clock was wrong by days, and is right again
            self.reached = replace(self.reached, day=self._today)
        self._step = self.reached.on(self._today, len(self.table.steps))
        self._limit = self._limit_of(self._step)
        self._from, self._to = _stretch(now, self._zone, self._limit)
        while self._slices and self._slices[0][0] <= now - _KEPT:
            self._slices.popleft()
        self._used = sum(used for start, used in self._slices if start + SLICE > self._from)

    def _limit_of(self, step: int) -> Throttle | None:
        return self.table.steps[step] if step < len(self.table.steps) else None

    def _ahead(self, now: int) -> Iterator[tuple[int, Throttle | None]]:
        """The hours or days to come and what they let through, if something leaves on each day and none is deferred."""
        self._look(now)
        begins, day, step, limit, reached = self._to, self._today, self._step, self._limit, self.reached
        if reached.day is None or reached.day < day:
            reached = Reached(step, day)
        while True:
            coming = _local(begins, self._zone).date()
            if coming > day:
                day, step = coming, reached.on(coming, len(self.table.steps))
                reached = Reached(step, day)
                limit = self._limit_of(step)
            yield begins, limit
            begins = _stretch(begins, self._zone, limit)[1]

    def _add(self, now: int, n: int) -> tuple[int, int]:
        start = now - now % SLICE
        if not self._slices or self._slices[-1][0] < start:
            self._slices.append([start, 0])
        self._slices[-1][1] += n
        return self._slices[-1][0], self._slices[-1][1]


def _local(micros: int, zone: ZoneInfo) -> datetime:
    return (_EPOCH + timedelta(microseconds=micros)).astimezone(zone)


def _stretch(now: int, zone: ZoneInfo, limit: Throttle | None) -> tuple[int, int]:
    """The day, or the hour that a limit counts by, around an instant."""
    local = _local(now, zone)
    starts, ends = (_midnight(local.date() + timedelta(days=ahead), zone) for ahead in (0, 1))
    if limit is None or limit.unit == "d":
        return starts, ends
    begun = now - (local.minute * 60 + local.second) * 1_000_000 - local.microsecond
    return begun, min(begun + _HOUR, ends)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return (first_instant(datetime.combine(day, time()), zone) - _EPOCH) // timedelta(microseconds=1)
