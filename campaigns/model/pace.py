"""A pace that follows what servers say: it falls to half when one complains, and rises evenly until it is at full speed.

It comes on top of the set throttles, and only after a complaint: what nobody complains of goes as fast as they let it.
Instants are microseconds UTC, speeds hand-overs a second.
"""

from dataclasses import dataclass

_FALL = 0.5  # of what it was
_RISE = 0.05 / 60_000_000  # of full speed in a microsecond: from half to full in ten minutes
_FLOOR = 1 / 60  # one a minute always goes: else nobody would learn that the server is content again
_SETTLES = 10_000_000  # micros in which further complaints are about the same haste
LONGEST_HOLD = 24 * 3_600 * 1_000_000  # micros that a server is believed when it asks to wait
_AT_ONCE = 60  # seconds' worth that one request may carry


@dataclass(slots=True)
class Pace:
    """How fast something may go at the moment; what the store keeps of it are these four."""

    top: float  # full speed: how fast it went when the first complaint came
    rate: float  # after the last fall
    at: int  # when that was; it rises from then on
    held_until: int = 0  # nothing before, because a server asked for it
    next: float = 0.0  # when the next hand-over is due

    def speed(self, now: int) -> float | None:
        """None at full speed."""
        risen = self.rate + self.top * _RISE * max(0, now - self.at)
        return None if risen >= self.top else risen

    def slowed(self, now: int) -> bool:
        return now < self.held_until or self.speed(now) is not None

    def slow(self, now: int, going: float, retry_after: float | None) -> None:
        """A server complained while it was `going` so many a second, and may have said how many seconds to wait."""
        current = self.speed(now)
        hold = min(round((retry_after or 0) * 1_000_000), LONGEST_HOLD)
        self.held_until = max(self.held_until, now + hold)
        if current is not None and now < self.at + _SETTLES:
            return
        if current is None:
            current = self.top = max(going, _FLOOR)
        self.rate = max(current * _FALL, min(_FLOOR, self.top))
        self.at = max(now, self.held_until)

    # As a limit among the others that a message stands under

    def most(self, now: int) -> int:
        """How many may go at once."""
        speed = self.speed(now)
        return max(1, int(speed * _AT_ONCE)) if speed is not None else 10**9

    def wait(self, now: int, n: int, *, ahead: int = 0) -> int:
        """Microseconds until more may begin, when `ahead` others have been promised a turn before."""
        speed = self.speed(now)
        due = 0.0 if speed is None else self.next + ahead * 1_000_000 / speed
        return max(0, self.held_until - now, round(due - now))

    def take(self, now: int, n: int) -> None:
        """Count `n` hand-overs; nothing of that has to be kept."""
        if (speed := self.speed(now)) is not None:
            self.next = max(self.next, now) + n * 1_000_000 / speed

    def shift(self, micros: int) -> None:
        """Move along with a wall clock that was set."""
        self.at += micros
        self.held_until += micros
        self.next += micros
