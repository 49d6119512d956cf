"""Spending what the throttles grant: all those that a message stands under, taken together, kept in the store.

A key names a throttle and whose it is: "transport relay 100/s", "campaign 17 20/min". Only this process counts while
it holds the store's worker lock, so the counts live here and the store is their memory across restarts.
"""

from collections.abc import Collection, Iterable

from campaigns.clock import Clock
from campaigns.model.throttle import Spending, Throttle
from campaigns.store import spent
from campaigns.store.engine import Store

_JUMP = 1_000_000  # micros by which wall and monotonic clock may part before it counts as a jump of the wall clock


class Throttles:
    """Every throttle in use, with what was spent of it and how many turns are promised."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._spending: dict[str, Spending] = {}
        self._promised: dict[str, int] = {}
        self._jumped: list[tuple[str, int, int]] = []
        _, self._lead = self._wall()

    def keys(self, whose: str, throttles: Iterable[str]) -> tuple[str, ...]:
        """The keys of somebody's throttles; what the store remembers of them is read once."""
        keys = tuple(f"{whose} {text}" for text in throttles)
        for key, text in zip(keys, throttles, strict=True):
            if key not in self._spending:
                self._spending[key] = self._remembered(key, Throttle.parse(text))
                self._promised[key] = 0
        return keys

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
            wait = self._spending[key].wait(now, n, ahead=ahead)
            if wait > longest:
                longest, by = wait, key
        return longest, by

    def most(self, keys: Collection[str], n: int) -> int:
        """How many of `n` one hand-over may carry at most: never more than any throttle's whole unit."""
        return min([n, *(self._spending[key].throttle.count for key in keys)])

    def promise(self, keys: Collection[str], n: int) -> None:
        """Note that `n` messages have been given a turn; taken back with a negative number."""
        for key in keys:
            self._promised[key] += n

    def take(self, keys: Collection[str], now: int, n: int) -> list[tuple[str, int, int]]:
        """Count `n` hand-overs under all of `keys`; returns what the store must keep."""
        uses = [(key, *self._spending[key].take(now, n)) for key in keys]
        jumped, self._jumped = self._jumped, []
        return [*jumped, *uses]

    def postpone(self, keys: Collection[str], at: int, now: int, n: int) -> list[tuple[str, int, int]]:
        """Count from `now` on what was taken at `at`: only now does it begin; returns what the store must keep."""
        return [(key, *entry) for key in keys for entry in self._spending[key].postpone(at, now, n)]

    def stale(self, now: int) -> list[tuple[str, int]]:
        """For each throttle the instant before which its slices count no longer."""
        return [
            (key, now - spending.throttle.micros - spending.throttle.slice) for key, spending in self._spending.items()
        ]

    def _remembered(self, key: str, throttle: Throttle) -> Spending:
        with self._store.read() as connection:
            slices = spent.read(connection, key)
        now = self._clock.micros()  # what lies ahead of it was written before the clock was set back
        return Spending(throttle, [(min(start, now), used) for start, used in slices])

    def _wall(self) -> tuple[int, int]:
        """Wall time, and how far it is ahead of the monotonic clock."""
        wall = self._clock.micros()
        return wall, wall - int(self._clock.monotonic() * 1_000_000)

    def _shift(self, micros: int) -> None:
        for key, spending in self._spending.items():
            self._jumped.extend((key, start, used) for start, used in spending.shift(micros))


def unit_of(key: str) -> str:
    """The throttle's text form out of its key, for a person to read."""
    return key.split(" ", 2)[2]
