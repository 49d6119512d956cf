"""The table of a warm-up: how much may leave on its first day, its second, and so on, until there is no limit any more.

Servers mistrust an address or a name that they do not know and that sends much at once. So a new one begins with few
mails and sends more each day.
"""

import itertools
from dataclasses import dataclass, replace

from campaigns.errors import ThrottleError
from campaigns.model.throttle import Throttle
from campaigns.model.when import zone_named

# SendGrid's automated IP warm-up: so many an hour on the first day, the second, ...
_SENDGRID = (
    20, 28, 39, 55, 77, 108, 151, 211, 295, 413, 579, 810, 1_000, 1_587, 2_222, 3_111, 4_356, 6_098, 8_583, 11_953,
    16_734, 23_427, 32_798, 45_917, 64_284, 89_998, 125_997, 176_395, 246_953, 345_735, 484_029, 677_640, 948_696,
    1_328_175, 1_859_444, 2_603_222,
)  # fmt: skip
# SendGrid's schedule for warming up by hand: so many a day
_DAILY = (
    50, 100, 500, 1_000, 5_000, 10_000, 20_000, 40_000, 70_000, 100_000, 150_000, 250_000, 400_000, 600_000,
    1_000_000, 2_000_000, 4_000_000,
)  # fmt: skip
_KNOWN = {
    "sendgrid": tuple(Throttle(count, "h") for count in _SENDGRID),
    "daily": tuple(Throttle(count, "d") for count in _DAILY),
}
_FORM = 'Write it like "daily", "sendgrid", or a step for each day: "50/d, 100/d, 500/d, 100/h".'
_MOST_STEPS = 1_000


@dataclass(frozen=True, slots=True)
class WarmUp:
    """A table as people write it: "sendgrid", "daily" or "50/d, 100/d, 500/d", and whose days: "daily Europe/Berlin"."""

    steps: tuple[Throttle, ...]  # by the day or by the hour, one for each day on which something leaves
    zone: str = ""  # in which days and hours are told; "" for the workspace's
    name: str = ""  # of a table that everybody knows

    @classmethod
    def parse(cls, text: str) -> "WarmUp":
        """Read the text form; ThrottleError, or WhenError for the zone, says what it looks like."""
        rest, _, last = text.strip().rpartition(" ")
        zone = zone_named(last).key if rest and last[0].isupper() else ""
        written = rest.strip() if zone else text.strip()
        name = written.lower()
        return cls(_KNOWN[name], zone, name) if name in _KNOWN else cls(_own(text, written), zone)

    def __str__(self) -> str:
        table = self.name or ", ".join(map(str, self.steps))
        return f"{table} {self.zone}".rstrip()

    def by_days_of(self, zone: str) -> "WarmUp":
        """With the days of a zone, unless it names its own."""
        return self if self.zone else replace(self, zone=zone)


def said_limit(limit: Throttle) -> str:
    """`500 a day`, `20 an hour`"""
    return f"{limit.count:,} {'a day' if limit.unit == 'd' else 'an hour'}"


def _own(text: str, written: str) -> tuple[Throttle, ...]:
    steps = tuple(_step(text, part) for part in written.split(",") if part.strip())
    if not steps or len(steps) > _MOST_STEPS:
        what = f"more than {_MOST_STEPS:,} days" if steps else "no step"
        raise ThrottleError(f"The warm-up “{text}” has {what}.", remedy=_FORM)
    for before, after in itertools.pairwise(steps):
        if after.speed < before.speed:
            raise ThrottleError(
                f"The warm-up “{text}” goes down, from {before} to {after}.",
                remedy="Let each day be like the one before or larger; it steps back by itself when servers defer much.",
            )
    return steps


def _step(text: str, part: str) -> Throttle:
    try:
        step = Throttle.parse(part)
    except ThrottleError:
        step = None
    if step is None or step.unit not in ("h", "d") or step.burst:
        raise ThrottleError(f"The warm-up “{text}”: “{part.strip()}” is no step of one.", remedy=_FORM)
    return step
