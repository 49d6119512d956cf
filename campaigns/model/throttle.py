"""Throttles: how many hand-overs may begin in any stretch of time, and the count of those that did.

`N/unit` promises that every half-open stretch of one unit holds at most N hand-overs. They are counted in slices of a
thousandth of the unit; a slice counts until one unit after its end, so the promise errs on the strict side by 0.1 %.
Seconds and minutes are paced evenly besides; hours and days may be used at once unless `burst` says otherwise.
All instants here are microseconds UTC.
"""

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from campaigns.errors import ThrottleError

_UNITS = {"s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_NAMES = {
    "s": "s", "sec": "s", "second": "s", "m": "min", "min": "min", "minute": "min",
    "h": "h", "hour": "h", "d": "d", "day": "d",
}  # fmt: skip
_FORM = re.compile(r"\s*(\d[\d_]*)\s*/\s*([a-z]+)(?:\s*,?\s*burst\s+(\d+))?\s*", re.IGNORECASE)
_SLICES = 1_000  # slices in a unit
LATE = 250_000  # micros: so much lateness of a paced turn is caught up; a longer gap was idleness, which earns nothing


@dataclass(frozen=True, slots=True)
class Throttle:
    """A limit as people write it: "20/s", "300/min", "50000/d", "100/s burst 20"."""

    count: int
    unit: str  # "s", "min", "h", "d"
    burst: int | None = None  # how many may go at once where the throttle is paced

    @classmethod
    def parse(cls, text: str) -> "Throttle":
        """Read a throttle's text form; ThrottleError says what a throttle looks like."""
        match = _FORM.fullmatch(text)
        unit = _NAMES.get(match[2].lower()) if match else None
        if match is None or unit is None:
            raise ThrottleError(f"“{text}” is no throttle.", remedy=_EXAMPLES)
        count, burst = int(match[1]), int(match[3]) if match[3] else None
        if count == 0 or burst == 0:
            raise ThrottleError(f"The throttle “{text}” would let nothing through.", remedy=_EXAMPLES)
        if count > 10**9:
            raise ThrottleError(f"The throttle “{text}” is beyond a billion.", remedy=_EXAMPLES)
        return cls(count, unit, min(burst, count) if burst else None)

    def __str__(self) -> str:
        burst = f" burst {self.burst}" if self.burst else ""
        return f"{self.count}/{self.unit}{burst}"

    @property
    def micros(self) -> int:
        """The unit's length."""
        return _UNITS[self.unit]

    @property
    def slice(self) -> int:
        return self.micros // _SLICES

    @property
    def paced(self) -> bool:
        return self.burst is not None or self.unit in ("s", "min")

    def over(self, micros: float) -> "Throttle":
        """The same pace, counted over a unit that is no shorter than so many microseconds, or a day."""
        if not self.paced:
            return self
        unit = next((unit for unit, length in _UNITS.items() if length >= max(micros, self.micros)), "d")
        return Throttle(self.count * (_UNITS[unit] // self.micros), unit, self.burst or 1)

    @property
    def interval(self) -> float:
        """Microseconds between two hand-overs at an even pace."""
        return self.micros / self.count

    @property
    def speed(self) -> float:
        """Hand-overs a second in the long run."""
        return self.count * 1_000_000 / self.micros


_EXAMPLES = "Write it like 20/s, 300/min, 5000/h, 50000/d or 100/s burst 20."


def as_of(slices: Iterable[tuple[int, int]], now: int) -> list[tuple[int, int]]:
    """Remembered slices, in order; what lies ahead of an instant was written before the clock was set back: it counts then."""
    sums: dict[int, int] = {}
    for start, used in slices:
        if used:
            sums[min(start, now)] = sums.get(min(start, now), 0) + used
    return sorted(sums.items())


class Spending:
    """What has been spent of one throttle; the slices are what the store keeps."""

    def __init__(self, throttle: Throttle, slices: Iterable[tuple[int, int]] = (), *, late: int = LATE) -> None:
        self.throttle = throttle
        self._late = late
        self._slices: deque[list[int]] = deque([start, used] for start, used in sorted(slices))
        self._used = sum(used for _, used in self._slices)
        self._next = 0.0  # paced: when the next hand-over is due

    def room(self, now: int) -> int:
        """How many the window still holds."""
        self._forget(now)
        return self.throttle.count - self._used

    def most(self, now: int) -> int:
        """How many may ever go at once: one unit's worth."""
        return self.throttle.count

    def wait(self, now: int, n: int, *, ahead: int = 0) -> int:
        """Microseconds until `n` hand-overs may begin, when `ahead` others have been promised a turn before them."""
        return max(self._pace_wait(now, ahead), self._window_wait(now, n + ahead))

    def take(self, now: int, n: int) -> tuple[int, int]:
        """Count `n` hand-overs; returns the slice they fell into and all that it holds, for the store."""
        throttle = self.throttle
        if throttle.paced:
            late = now - self._next
            begin = self._next if 0 <= late <= self._late else max(now, self._next)
            self._next = begin + n * throttle.interval
        return self._add(now, n)

    def postpone(self, at: int, now: int, n: int) -> list[tuple[int, int]]:
        """Count at `now` the `n` hand-overs that were taken at `at`; returns the slices that changed, for the store."""
        start = at - at % self.throttle.slice
        if now < start + self.throttle.slice:
            return []
        taken = next((entry for entry in reversed(self._slices) if entry[0] <= start), None)
        if taken is None or taken[0] < start:
            return [self._add(now, n)]  # it counted no longer
        taken[1] -= n
        self._used -= n
        return [(start, taken[1]), self._add(now, n)]

    def shift(self, micros: int) -> list[tuple[int, int]]:
        """Move everything along with a wall clock that jumped; returns all slices, emptied and filled, for the store."""
        emptied = [(start, 0) for start, _ in self._slices]
        for entry in self._slices:
            entry[0] += micros
        self._next += micros
        return [*emptied, *((start, used) for start, used in self._slices)]

    def stale(self, now: int) -> int:
        """The instant before which slices count no longer."""
        return now - self.throttle.micros - self.throttle.slice

    def _add(self, now: int, n: int) -> tuple[int, int]:
        start = now - now % self.throttle.slice
        if not self._slices or self._slices[-1][0] < start:
            self._slices.append([start, 0])
        self._slices[-1][1] += n
        self._used += n
        return self._slices[-1][0], self._slices[-1][1]

    def _pace_wait(self, now: int, ahead: int) -> int:
        if not self.throttle.paced:
            return 0
        due = self._next + (ahead - (self.throttle.burst or 1) + 1) * self.throttle.interval
        return max(0, round(due - now))

    def _window_wait(self, now: int, n: int) -> int:
        self._forget(now)
        missing = self._used + n - self.throttle.count
        if missing <= 0:
            return 0
        end = now
        for start, used in self._slices:
            end = start + self.throttle.slice + self.throttle.micros
            missing -= used
            if missing <= 0:
                return max(0, end - now)
        # More are promised than one unit holds: whole units pass until their turn.
        units = -(-missing // self.throttle.count)
        return max(0, end - now) + units * self.throttle.micros

    def _forget(self, now: int) -> None:
        horizon = now - self.throttle.micros - self.throttle.slice
        while self._slices and self._slices[0][0] <= horizon:
            self._used -= self._slices.popleft()[1]
