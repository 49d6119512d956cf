"""Wall clocks and instants: what a clock in a zone does when it is set forward or back (PEP 495)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)


def first_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant (UTC) at which a clock in the zone shows the wall time `wall`, or leaps over it.

    What comes twice is taken the first time; what does not exist comes at the instant when the clock is set forward.
    """
    at = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
        return at
    before, after = offsets_around(wall, zone)
    # In a gap, fold 0 has the offset from before the leap and fold 1 the one from after it.
    return offset_change(zone, (wall - after).replace(tzinfo=UTC), (wall - before).replace(tzinfo=UTC))


def offsets_around(wall: datetime, zone: ZoneInfo) -> tuple[timedelta, timedelta]:
    """The offsets from UTC that the wall time has before and after a change; equal where there is none."""
    before, after = (wall.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    assert before is not None
    assert after is not None
    return before, after


def offset_change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The instant in (before, after], to the second, from which on the zone's offset is no longer the one of `before`."""
    low, high = before, after
    offset = low.astimezone(zone).utcoffset()
    while high - low > _SECOND:
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle <= low:
            break
        if middle.astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)
