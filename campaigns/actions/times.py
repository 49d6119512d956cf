"""What a person typed about a campaign's times, and the campaign's columns that come of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns.actions.timing import at_field, zone_fields
from campaigns.clock import to_micros
from campaigns.errors import UsageError
from campaigns.model.column import Column
from campaigns.model.late import Late
from campaigns.model.own_time import RECIPIENT
from campaigns.model.send_window import SendWindow
from campaigns.model.when import Start, parse_for_each, parse_when, zone_named
from campaigns.settings import Settings
from campaigns.windows import Holidays


@dataclass(frozen=True, slots=True)
class Times:
    """As typed; "" and () leave it to the settings."""

    default_zone: str = ""  # of recipients whose row tells none
    zone_column: str = ""
    at_column: str = ""
    windows: Sequence[str] = ()
    holidays: str = ""
    late: str = ""


def by_recipients(zone: str) -> bool:
    """Whether a person typed that a start is a time on each recipient's own clock."""
    return zone.strip().lower() == RECIPIENT


def read_start(settings: Settings, at: str, zone: str, times: Times, now: datetime) -> Start:
    """When the campaign is to start; WhenError. For recipients' own clocks the Start is that of the default zone."""
    typed = times.default_zone if by_recipients(zone) else zone or times.default_zone
    parse = parse_for_each if by_recipients(zone) else parse_when
    return parse(at or "now", zone_named(typed or settings.zone).key, now, settings.holidays)


def read_windows(zone: str, times: Times, start: Start) -> list[SendWindow]:
    """The windows that were typed, each with its zone: without one, the zone that the start goes by. WindowError, WhenError."""
    usual = RECIPIENT if by_recipients(zone) else start.zone
    return [SendWindow.parse(text).in_zone(usual) for text in times.windows]


def columns_of(zone: str, times: Times, start: Start, columns: Sequence[Column]) -> dict[str, Any]:
    """The campaign's columns, for a list that has these; UsageError if one of them is missing there."""
    windows = read_windows(zone, times, start)
    asks_zones = by_recipients(zone) or bool(times.zone_column) or any(one.zone == RECIPIENT for one in windows)
    if times.default_zone and not asks_zones:
        raise UsageError(
            "`--default-zone` is for people whose row tells no zone, and none is asked.",
            remedy="Add `--zone recipient`, or name the zone of all with `--zone`.",
        )
    return {
        "zone": start.zone,
        "starts_wall": start.wall,
        "starts_at": to_micros(start.at) if start.wall else None,
        "starts_by": RECIPIENT if by_recipients(zone) else "",
        "zone_by": zone_fields(columns, times.zone_column) if asks_zones else "",
        "at_column": at_field(columns, times.at_column),
        "windows": "\n".join(map(str, windows)),
        "holidays": str(Holidays.parse(times.holidays)),
        "late": str(Late.read(times.late)) if times.late else "",
    }
