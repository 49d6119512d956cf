"""Spending what the throttles grant: all those that a message stands under, taken together, kept in the store.

A key names a throttle and whose it is: "transport relay 100/s", "domains gmail.com 20/min", "campaign 17 20/min"; or a
pace that fell below the throttles because a server complained: "pace transport relay"; or a warm-up: "warm-up sender
ada@example.com". Only this process counts while it holds the store's worker lock, so the counts live here and the store
is their memory across restarts.
"""

import math
from collections.abc import Collection, Iterable
from typing import Any

from campaigns.clock import Clock
from campaigns.model.holders import key_of, pace_of, said
from campaigns.model.pace import LONGEST_HOLD, Pace
from campaigns.model.throttle import Spending, Throttle, as_of
from campaigns.model.warm_up import WarmUp
from campaigns.model.warming_up import Reached, WarmingUp
from campaigns.store import spent
from campaigns.store.engine import Connection, Store
from campaigns.store.warm_ups import WARM_UP
from scheduler.warming import WarmUps
from scheduler.warming import said as said_warm_up

_JUMP = 1_000_000  # micros by which wall and monotonic clock may part before it counts as a jump of the wall clock


class Throttles:
    """Every throttle in use, with what was spent of it and how many turns are promised."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._limits: dict[str, Spending | Pace | WarmingUp] = {}
        self._promised: dict[str, int] = {}
        self._jumped: list[tuple[str, int, int]] = []
        _, self._lead = self._wall()
        self._warm_ups = WarmUps(store)
        self._paces: dict[str, Pace] = {}
        self._remember_paces()

    def keys(self, whose: str, throttles: Iterable[str]) -> tuple[str, ...]:
        """The keys of somebody's throttles; what the store remembers of them is read once."""
        keys = tuple(key_of(whose, text) for text in throttles)
        for key, text in zip(keys, throttles, strict=True):
            if key not in self._limits:
                self._limits[key] = self._remembered(key, Throttle.parse(text))
                self._promised[key] = 0
        return keys

    def warm_up(self, whose: str, table: WarmUp) -> str:
        """The key of somebody's warm-up; what the store remembers of it is read once."""
        key = WARM_UP + whose
        if key not in self._limits:
            self._limits[key] = self._warm_ups.add(whose, table, self._clock.micros())
            self._promised[key] = 0
        return key

    def is_warm_up(self, key: str) -> bool:
        return key.startswith(WARM_UP)

    def heed_people(self, connection: Connection) -> None:
        """Let warm-ups stand where a person has put them since the last look."""
        self._warm_ups.heed_people(connection, self.now())

    def answered(self, keys: Collection[str], tried: int, deferred: int) -> None:
        """So many hand-overs under these keys were answered, so many of them deferred: a warm-up follows that."""
        for key in keys:
            if isinstance(limit := self._limits[key], WarmingUp):
                limit.answered(tried, deferred)

    def warming(self) -> list[dict[str, Any]]:
        """How far each warm-up is that is not over."""
        return self._warm_ups.told(self.now())

    def warmed(self) -> dict[str, Reached]:
        """Warm-ups whose step or answers changed, and how far they are: what the store must keep."""
        return self._warm_ups.changed()

    def pace(self, whose: str, now: int) -> tuple[str, ...]:
        """The key of somebody's pace, while that is slower than the throttles."""
        pace = self._paces.get(whose)
        return (pace_of(whose),) if pace is not None and pace.slowed(now) else ()

    def slow(self, whose: str, going: float, retry_after: float | None) -> Pace:
        """A server complained: somebody goes slower than the `going` a second just now; returns what the store must keep."""
        now = self.now()
        if whose not in self._paces:
            self._add_pace(whose, Pace(top=0.0, rate=0.0, at=0))
        self._paces[whose].slow(now, going, retry_after)
        return self._paces[whose]

    def slowed(self, now: int) -> dict[str, Pace]:
        """Whatever goes slower than its throttles, by whose pace it is."""
        return {whose: pace for whose, pace in self._paces.items() if pace.slowed(now)}

    def now(self) -> int:
        """Wall time in microseconds; stored slices move along when the wall clock was set."""
        wall, lead = self._wall()
        if abs(lead - self._lead) > _JUMP:
            self._shift(lead - self._lead)
            self._lead = lead
        return wall

    def wait(self, keys: Collection[str], now: int, n: int, *, behind_promises: bool = False) -> tuple[int, str]:
        """Microseconds until all of `keys` let `n` through, and the key that takes longest ("" for none)."""
        longest, by = 0, ""
        for key in keys:
            ahead = self._promised[key] if behind_promises else 0
            wait = self._limits[key].wait(now, n, ahead=ahead)
            if wait > longest:
                longest, by = wait, key
        return longest, by

    def most(self, keys: Collection[str], now: int, n: int) -> int:
        """How many of `n` one hand-over may carry at most: never more than any throttle's whole unit."""
        return min([n, *(self._limits[key].most(now) for key in keys)])

    def speed(self, keys: Collection[str]) -> float:
        """Hand-overs a second that the throttles among `keys` let through in the long run."""
        limits = (self._limits[key] for key in keys)
        return min((s.throttle.speed for s in limits if isinstance(s, Spending)), default=math.inf)

    def promise(self, keys: Collection[str], n: int) -> None:
        """Note that `n` messages have been given a turn; taken back with a negative number."""
        for key in keys:
            self._promised[key] += n

    def take(self, keys: Collection[str], now: int, n: int) -> list[tuple[str, int, int]]:
        """Count `n` hand-overs under all of `keys`; returns what the store must keep."""
        taken = [(key, self._limits[key].take(now, n)) for key in keys]
        return [(key, *use) for key, use in taken if use is not None]

    def moved(self) -> list[tuple[str, int, int]]:
        """What the store must keep of slices that moved along with a clock that was set."""
        moved, self._jumped = self._jumped, []
        return moved

    def postpone(self, keys: Collection[str], at: int, now: int, n: int) -> list[tuple[str, int, int]]:
        """Count from `now` on what was taken at `at`: only now does it begin; returns what the store must keep."""
        spent_of = ((key, self._limits[key]) for key in keys)
        return [
            (key, *entry)
            for key, limit in spent_of
            if not isinstance(limit, Pace)
            for entry in limit.postpone(at, now, n)
        ]

    def stale(self, now: int) -> list[tuple[str, int]]:
        """For each throttle the instant before which its slices count no longer."""
        return [(key, limit.stale(now)) for key, limit in self._limits.items() if not isinstance(limit, Pace)]

    def said(self, key: str) -> str:
        """A key as a person reads it: `20/min` of a campaign, else with whose it is: `gmail.com, 20/min`."""
        if isinstance(limit := self._limits.get(key), WarmingUp):
            return said_warm_up(key.rpartition(" ")[2], limit, self.now())
        return said(key)

    def _remembered(self, key: str, throttle: Throttle) -> Spending:
        with self._store.read() as connection:
            slices = spent.read(connection, key)
        return Spending(throttle, as_of(slices, self._clock.micros()))

    def _remember_paces(self) -> None:
        now = self._clock.micros()
        with self._store.read() as connection:
            for whose, pace in spent.read_paces(connection).items():
                pace.held_until = min(pace.held_until, now + LONGEST_HOLD)  # the clock may have been set back meanwhile
                pace.at = min(pace.at, max(now, pace.held_until))
                self._add_pace(whose, pace)

    def _add_pace(self, whose: str, pace: Pace) -> None:
        self._paces[whose] = self._limits[pace_of(whose)] = pace
        self._promised[pace_of(whose)] = 0

    def _wall(self) -> tuple[int, int]:
        """Wall time, and how far it is ahead of the monotonic clock."""
        wall = self._clock.micros()
        return wall, wall - int(self._clock.monotonic() * 1_000_000)

    def _shift(self, micros: int) -> None:
        for key, limit in self._limits.items():
            if (moved := limit.shift(micros)) is not None:
                self._jumped.extend((key, start, used) for start, used in moved)
