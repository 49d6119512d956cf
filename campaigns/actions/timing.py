"""Timing: when each person's mail is due, and on whose clock, decided row by row while a campaign is checked."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from campaigns.actions.window import windows_of
from campaigns.clock import from_micros, to_micros
from campaigns.errors import UsageError, WhenError
from campaigns.model.column import Column
from campaigns.model.finding import Finding, FindingTally
from campaigns.model.own_time import RECIPIENT, DayOnlyError, StartOfEach, instant_of_cell
from campaigns.model.recipient_zone import zone_columns, zone_of
from campaigns.model.send_window import SendWindows
from campaigns.model.states import Severity
from campaigns.settings import Settings
from campaigns.store import lanes
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Store
from campaigns.store.recipients import Recipient


class Due(NamedTuple):
    at: int  # micros; 0 where the campaign's start decides
    lane: int
    problem: Finding | None = None  # why the row is left out


@dataclass(slots=True)
class Timing:
    """Of one campaign's rows; what is noteworthy goes into the tally."""

    store: Store
    tally: FindingTally
    zone: str  # of those whose row says none
    start: StartOfEach
    windows: SendWindows
    zone_columns: tuple[Column, ...]
    at_column: Column | None
    _lanes: dict[tuple[int, str], int] = field(default_factory=dict)
    _zones: Counter[str] = field(default_factory=Counter)

    def of(self, one: Recipient) -> Due:
        """When a row's mail is due, and the lane that it waits in."""
        cells = json.loads(one.cells)
        zone = self._zone(cells, one.row) if self.zone_columns else self.zone
        lane = self._lane(one.lane or 0, zone) if self.zone_columns else one.lane or 0
        try:
            at = self._own(cells, zone, one.row)
        except (WhenError, OverflowError) as error:
            return Due(0, lane, self._unreadable(error))
        self._zones[zone] += 1
        at = at or self.start.instant(zone)
        return Due(0 if at is None else to_micros(at), lane)

    def findings(self, now: datetime) -> Iterator[Finding]:
        """What is found out about all rows together: people for whom the windows are never open together."""
        if not self.windows.by_recipients:
            return
        for zone, rows in self._zones.items():
            if self.windows.for_recipient(zone).next_opening(now) is None:
                yield Finding(
                    "never_opens",
                    Severity.STOPS,
                    f"For people in {zone} the send windows are never open together: {self.windows}.",
                    "Widen one of them, or leave those people out.",
                    rows=rows,
                )

    def _zone(self, cells: Sequence[object], row: int) -> str:
        """The zone that the first telling cell tells, else the default."""
        doubtful = ""
        for column in self.zone_columns:
            text = _text(cells, column)
            if zone := zone_of(text):
                return zone
            doubtful = doubtful or (text and column.header)
        if doubtful:
            self.tally.warn("unknown_zone", f"column {doubtful}", row, self._said_unknown)
        else:
            self.tally.warn("no_zone", "", row, self._said_missing)
        return self.zone

    def _said_unknown(self) -> tuple[str, str]:
        return (
            f"No single time zone can be told from it: {self.zone} is taken.",
            "Write a zone like America/Chicago, or a country that has one main zone.",
        )

    def _said_missing(self) -> tuple[str, str]:
        return f"Nothing tells these people's time zone: {self.zone} is taken.", "`--default-zone` names another."

    def _own(self, cells: Sequence[object], zone: str, row: int) -> datetime | None:
        """The instant that the row names itself."""
        if self.at_column is None:
            return None
        place = self.at_column.place
        own = instant_of_cell(cells[place] if place < len(cells) else None, zone, self.start)
        if own is None:
            self.tally.warn("no_time", f"column {self.at_column.header}", row, _said_no_time)
        return own

    def _unreadable(self, error: Exception) -> Finding:
        assert self.at_column is not None
        if isinstance(error, DayOnlyError):
            code, sentence, remedy = "no_time_of_day", "It names a day, and no time.", error.remedy
        else:
            code, sentence = (
                "unreadable_time",
                "The time of sending cannot be read: the mail would leave at a wrong one.",
            )
            remedy = "Write it like 2026-12-01 09:00 or 1.12.2026 09:00."
        where = f"column {self.at_column.header}"
        return Finding(code, Severity.LEAVES_OUT, sentence, remedy, where, field=self.at_column.field)

    def _lane(self, group: int, zone: str) -> int:
        if (group, zone) not in self._lanes:
            with self.store.write() as conn:
                self._lanes[group, zone] = lanes.part(conn, group, zone)
        return self._lanes[group, zone]


def timing_of(
    store: Store, settings: Settings, campaign: Campaign, columns: Sequence[Column], tally: FindingTally
) -> Timing | None:
    """None where all rows go by the campaign's start; UsageError where a column is gone from the sheet."""
    if not (campaign.zone_by or campaign.at_column):
        return None
    return Timing(
        store,
        tally,
        campaign.zone,
        start_of_each(campaign),
        windows_of(settings, campaign),
        tuple(_named(columns, name, "--zone-column") for name in campaign.zone_by.splitlines()),
        _named(columns, campaign.at_column, "--at-column") if campaign.at_column else None,
    )


def start_of_each(campaign: Campaign) -> StartOfEach:
    """When the campaign starts for people in one zone and another."""
    if campaign.starts_by == RECIPIENT and campaign.starts_wall:
        return StartOfEach(wall=datetime.fromisoformat(campaign.starts_wall))
    return StartOfEach(at=None if campaign.starts_at is None else from_micros(campaign.starts_at))


def draft_start(campaign: Campaign) -> datetime | None:
    """The start of a campaign that is not queued: on the clock of its own zone; None is at once."""
    if not campaign.starts_wall:
        return None
    return StartOfEach(wall=datetime.fromisoformat(campaign.starts_wall)).instant(campaign.zone)


def zone_fields(columns: Sequence[Column], named: str) -> str:
    """The fields that tell a zone, a line each: the one that a person named, else all that are known to; UsageError."""
    if named:
        return _named(columns, named, "--zone-column").field
    found = zone_columns(tuple(columns))
    if not found:
        raise UsageError(
            "No column of the list tells people's time zone.",
            remedy="Name one that holds zones, countries or phone numbers: `--zone-column FIELD`.",
        )
    return "\n".join(column.field for column in found)


def at_field(columns: Sequence[Column], named: str) -> str:
    """The field of the column that a person named for times of sending; UsageError."""
    return _named(columns, named, "--at-column").field if named else ""


def _named(columns: Sequence[Column], name: str, option: str) -> Column:
    wanted = name.strip().casefold()
    for column in columns:
        if wanted in (column.field.casefold(), column.header.strip().casefold()):
            return column
    raise UsageError(
        f"The list has no column “{name}”, for `{option}`.",
        remedy=f"It has {', '.join(column.field for column in columns)}.",
    )


def _text(cells: Sequence[object], column: Column) -> str:
    cell = cells[column.place] if column.place < len(cells) else None
    shown = cell[0] if isinstance(cell, list) else cell
    return "" if shown is None else str(shown)


def _said_no_time() -> tuple[str, str]:
    return "No time of sending: it leaves when the campaign starts.", "Fill the cell in, or leave the row out."
