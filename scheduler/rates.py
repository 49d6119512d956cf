"""How fast a transport goes: hand-overs a second over the last ten, by campaign and recipient-domain group."""

from collections import Counter, deque
from collections.abc import Callable

from campaigns.clock import Clock

_OVER = 10.0  # seconds over which rates are averaged
_EVERY = 1.0  # seconds between two looks at the counts
_FIRST = 2.0  # seconds that the first figure stands for at least

Key = tuple[int, int]  # campaign id, lane


class Rates:
    """Counts of hand-overs, and what they were a little while ago."""

    def __init__(self, clock: Clock) -> None:
        self.handed_over: Counter[Key] = Counter()
        self._clock = clock
        self._seen: deque[tuple[float, Counter[Key]]] = deque()

    def look(self) -> None:
        """Remember the counts as they are; call it again and again."""
        now = self._clock.monotonic()
        if self._seen and now - self._seen[-1][0] < _EVERY:
            return
        self._seen.append((now, self.handed_over.copy()))
        while len(self._seen) > 2 and self._seen[1][0] <= now - _OVER:
            self._seen.popleft()

    def rate(self, wanted: Callable[[Key], bool]) -> float:
        """Hand-overs a second of the lanes that are `wanted`."""
        now = self._clock.monotonic()
        began, before = now - _FIRST, 0
        for place, (at, counts) in enumerate(self._seen):
            done = _sum(counts, wanted)
            if place and done:
                break
            began, before = at, done  # the oldest, or the last before they began
        return (_sum(self.handed_over, wanted) - before) / max(now - began, _FIRST)


def _sum(counts: Counter[Key], wanted: Callable[[Key], bool]) -> int:
    return sum(number for key, number in counts.items() if wanted(key))
