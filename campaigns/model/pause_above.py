"""When a campaign is paused by itself: too many of its last mails were rejected or deferred."""

import re
from collections import deque
from dataclasses import dataclass

from campaigns.errors import UsageError

_FORM = re.compile(r"\s*(\d{1,3}(?:\.\d{1,3})?)\s*%(?:\s+of\s+(\d{1,7}))?\s*", re.IGNORECASE)
_LAST = 200  # hand-overs, unless said


@dataclass(frozen=True, slots=True)
class PauseAbove:
    """A share as people write it: "10%", which is of the last 200 hand-overs, or "5% of 1000"."""

    percent: float
    last: int = _LAST

    @classmethod
    def parse(cls, text: str) -> "PauseAbove":
        """Read the text form; UsageError says what it looks like."""
        match = _FORM.fullmatch(text)
        percent, last = (float(match[1]), int(match[2] or _LAST)) if match else (0.0, 0)
        if not 0 < percent < 100 or last < 10:
            raise UsageError(
                f"“{text}” is no share of a campaign's last mails.", remedy="Write it like 10% or 5% of 1000."
            )
        return cls(percent, last)

    def __str__(self) -> str:
        return f"{self.percent:g}%" + (f" of {self.last}" if self.last != _LAST else "")

    def passed(self, bad: int, seen: int) -> bool:
        """Whether so many of so many are too many."""
        return bad * 100 > self.percent * seen


class LastMails:
    """How the last hand-overs of a campaign ended."""

    def __init__(self, limit: PauseAbove) -> None:
        self.limit = limit
        self._bad: deque[bool] = deque(maxlen=limit.last)
        self.bad = 0

    def add(self, bad: bool) -> None:
        """One more ended well, or badly."""
        if len(self._bad) == self.limit.last:
            self.bad -= self._bad[0]
        self._bad.append(bad)
        self.bad += bad

    @property
    def too_many(self) -> bool:
        """Whether they are too many already, however the ones that are missing would end."""
        return self.limit.passed(self.bad, self.limit.last)

    @property
    def seen(self) -> int:
        return len(self._bad)
