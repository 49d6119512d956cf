"""Each person's own instant: a wall time on their own clock, or what a cell of their row says. Pure functions."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

from campaigns.errors import WhenError
from campaigns.model.wall_time import first_instant
from campaigns.model.when import parse_exact

RECIPIENT = "recipient"  # in the place of a zone: each recipient's own


class DayOnlyError(WhenError):
    """A day without a time, where nothing else tells the time."""


@dataclass(frozen=True, slots=True)
class StartOfEach:
    """When a campaign starts: at a wall time on each clock, at one instant for all, or at once where there is neither."""

    wall: datetime | None = None  # naive
    at: datetime | None = None

    def instant(self, zone: str) -> datetime | None:
        """The start for people in a zone (UTC); None is at once. Gaps and folds as in `first_instant`."""
        return self.at if self.wall is None else _instant(self.wall, zone)


def instant_of_cell(cell: object, zone: str, start: StartOfEach) -> datetime | None:
    """The instant that a cell says, by a clock in `zone` unless it has an offset; None where the cell is empty.

    `cell` as `Column` describes it. A day without a time takes the time of the start. WhenError if it cannot be read.
    """
    shown, value = cell if isinstance(cell, list) else (cell, cell)
    if shown is None or not str(shown).strip():
        return None
    said = parse_exact(str(shown if value is None else value))
    if not isinstance(said, datetime):
        first = start.instant(zone)
        if first is None:
            raise DayOnlyError(
                f"{said} names a day, and no time.", remedy="Add the time, or give all the same one: `--at`."
            )
        clock = start.wall or first.astimezone(ZoneInfo(zone))
        said = datetime.combine(said, clock.time())
    return said.astimezone(UTC) if said.tzinfo else first_instant(said, ZoneInfo(zone))


@cache
def _instant(wall: datetime, zone: str) -> datetime:
    return first_instant(wall, ZoneInfo(zone))
