"""A canary: a first part of a campaign that leaves alone, and a hold in which one sees what comes of it."""

import re
from dataclasses import dataclass
from math import ceil

from campaigns.errors import UsageError
from campaigns.model.duration import parse_duration

_FORM = re.compile(r"\s*(?:(\d{1,2}(?:\.\d{1,3})?)\s*%|([\d_,]{1,12}))\s*")
_HOLD = "30min"  # unless said


@dataclass(frozen=True, slots=True)
class Canary:
    """A part as people write it, "1%" or "500" mails, and how long the others wait after it."""

    text: str
    hold: int  # seconds

    @classmethod
    def read(cls, text: str | None, hold: str | None = None) -> "Canary | None":
        """What a person typed, None where nothing; UsageError says what a part or a length of time looks like."""
        if text is None:
            return None
        canary = cls(text.strip(), seconds(hold or _HOLD))
        if not _FORM.fullmatch(text) or canary.of(10**9) == 0 or not canary.hold:
            wrong = text if canary.hold else hold
            raise UsageError(f"“{wrong}” is no canary.", remedy="Write it like `--canary 1% --hold 30min`.")
        return canary

    def of(self, mails: int) -> int:
        """How many of a campaign's mails leave first; at least one."""
        match = _FORM.fullmatch(self.text)
        assert match is not None
        if match[1]:
            return ceil(mails * float(match[1]) / 100)
        return int(re.sub(r"\D", "", match[2]) or 0)


def seconds(hold: str) -> int:
    """The length of a hold as a person typed it: after a canary or, without one, before the first mail. UsageError."""
    try:
        return int(parse_duration(hold).total_seconds())
    except ValueError as error:
        raise UsageError(f"{error}") from None
