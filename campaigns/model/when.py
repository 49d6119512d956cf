"""Instants as people type them, in their zone, and as they are told.

    parse_when("Tuesday 09:00", "Europe/Berlin", now)   the next one; a Start
    parse_for_each("Tuesday 09:00", "Europe/Berlin", now)   the wall time of each recipient's own clock
    say(start.at, "Europe/Berlin", now)                 "Tuesday 1 December 2026, 09:00 Europe/Berlin, in 7 days 12 hours"

A wall time without an offset is read in the zone. When clocks go forward some wall times do not exist: refused. When
they go back some come twice: the first is taken, and the Start's note says so (PEP 495).
"""

import difflib
import re
import zoneinfo
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from campaigns.errors import WhenError
from campaigns.model.duration import in_words, parse_duration
from campaigns.model.wall_time import first_instant, offsets_around

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
FORMS = "now, in 2 hours, tomorrow 09:00, Tuesday 09:00, next business day 09:00, 2026-12-01 09:00 or 1.12.2026 09:00"
LAST_ZONE = ZoneInfo("Etc/GMT+12")  # where a wall time comes last of all
YEARS = range(1971, 3000)  # the tables count from 1970; 1900-01-01 and 9999-12-31 stand in sheets for "no date"

_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?"
_DAY_WORD = re.compile(rf"(?P<word>[a-z]+),?\s+(?:at\s+)?{_CLOCK}", re.IGNORECASE)
_DOTTED = re.compile(rf"(?P<day>\d{{1,2}})\.\s?(?P<month>\d{{1,2}})\.\s?(?P<year>\d{{4}}),?\s+{_CLOCK}")
_SLASHED = re.compile(r"(\d{1,4})/(\d{1,2})/(\d{1,4})")
_DASHED = re.compile(rf"(?P<year>\d{{4}})-(?P<month>\d{{1,2}})-(?P<day>\d{{1,2}})[T ]{_CLOCK}")
_AHEAD = re.compile(r"in\s+(?P<length>\d.*)", re.IGNORECASE)
_BUSINESS_DAY = re.compile(rf"next\s+business\s+day,?\s+(?:at\s+)?{_CLOCK}", re.IGNORECASE)
_CALENDAR = re.compile(r"(\d{1,3})\s*(days?|d|weeks?|w)", re.IGNORECASE)
_DOTTED_DAY = re.compile(r"\d{1,2}\.\s?\d{1,2}\.\s?\d{4}")


@dataclass(frozen=True, slots=True)
class Start:
    """When a campaign starts: the instant, and the wall time that the person meant."""

    wall: str  # "2026-12-01T09:00" in `zone`; "" for now
    zone: str
    at: datetime  # UTC
    note: str = ""  # what a person should know about it: "02:30 comes twice that night: ..."


def parse_when(text: str, zone: str, now: datetime, shut: Container[date] = ()) -> Start:
    """The instant that `text` names, in `zone` unless it has an offset of its own; WhenError, with a remedy, if none.

    `shut`: holidays, which are no business days.
    """
    there = zone_named(zone)
    typed = " ".join(text.split())
    if typed.lower() == "now":
        return Start("", zone, now.astimezone(UTC))
    try:
        wall = _read(typed, now.astimezone(there), shut)
        at, note = _instant(wall, there)
        local = at.astimezone(there)
    except OverflowError as error:
        raise _beyond(typed) from error
    if at < now:
        raise WhenError(
            f"{say(at, zone, now)}, is in the past.", remedy="Choose a later time, or `--at now` to send at once."
        )
    return Start(local.replace(tzinfo=None).isoformat(timespec=_precision(local)), zone, at, note)


def parse_for_each(text: str, zone: str, now: datetime, shut: Container[date] = ()) -> Start:
    """The wall time that `text` names, to be shown by each recipient's own clock; WhenError if it names one instant.

    Days are counted in `zone`, and the Start's instant is there; it is refused once it is past everywhere.
    """
    typed = " ".join(text.split())
    if typed.lower() == "now":
        return Start("", zone, now.astimezone(UTC))
    wall = typed and _read(typed, now.astimezone(zone_named(zone)), shut)
    if not wall or wall.tzinfo is not None:
        raise WhenError(
            f"{typed} is one instant, and not a time on each recipient's clock.",
            remedy="Write a day and a time, like Tuesday 09:00; or send to all at once, without `--zone recipient`.",
        )
    if first_instant(wall, LAST_ZONE) < now:
        raise WhenError(f"{say_day(wall.date())}, {wall:%H:%M}, is past everywhere.", remedy="Choose a later time.")
    return Start(wall.isoformat(timespec=_precision(wall)), zone, first_instant(wall, zone_named(zone)))


def parse_exact(text: str) -> datetime | date:
    """The wall time, instant or day of a date that is written out; WhenError for words like tomorrow, and for anything else."""
    typed = " ".join(text.split())
    if _DOTTED_DAY.fullmatch(typed):
        return _written_out(f"{typed} 00:00").date()
    if _names_a_day(typed):
        day = date.fromisoformat(typed)
        if day.year not in YEARS:
            raise _beyond(typed)
        return day
    return _written_out(typed)


def say(at: datetime, zone: str, now: datetime) -> str:
    """`Tuesday 1 December 2026, 09:00 Europe/Berlin, in 7 days 12 hours`; `... ago` for what is past."""
    distance = at - now
    if abs(distance) < timedelta(seconds=1):
        away = "now"
    elif distance > timedelta(0):
        away = f"in {in_words(distance)}"
    else:
        away = f"{in_words(distance)} ago"
    return f"{say_wall(at, zone)} {zone}, {away}"


def say_wall(at: datetime, zone: str) -> str:
    """`Tuesday 1 December 2026, 09:00`, as a clock in `zone` shows it."""
    local = at.astimezone(zone_named(zone))
    clock = local.strftime("%H:%M:%S" if local.second else "%H:%M")
    return f"{say_day(local.date())}, {clock}"


def say_day(day: date) -> str:
    """`Tuesday 1 December 2026`, in English whatever the machine's locale."""
    return f"{DAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}"


def zone_named(name: str) -> ZoneInfo:
    """The IANA zone; WhenError, with the nearest names, if there is none."""
    try:
        return ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: "Europe" is a folder
        near = _zones_like(name)
        hint = f"Did you mean {' or '.join(near)}?" if near else "Write it like Europe/Berlin or America/New_York."
        raise WhenError(f"There is no time zone {name!r}.", remedy=hint) from error


def _zones_like(name: str) -> list[str]:
    """At most two zones whose name, or whose city, is nearly `name`."""
    known = {zone.lower(): zone for zone in sorted(zoneinfo.available_timezones()) if not zone.startswith("Etc/")}
    wanted = name.strip().lower().replace(" ", "_")
    if wanted in known:
        return [known[wanted]]
    cities: dict[str, str] = {}
    for low, zone in known.items():
        if "/" in low:
            cities.setdefault(low.rpartition("/")[2], zone)
    if wanted in cities:
        return [cities[wanted]]
    near = [known[low] for low in difflib.get_close_matches(wanted, known, 2, 0.75)]
    near = near or [cities[low] for low in difflib.get_close_matches(wanted.rpartition("/")[2], cities, 2, 0.75)]
    return list(dict.fromkeys(near))


def _read(typed: str, here: datetime, shut: Container[date]) -> datetime:
    """The wall time (naive), or the instant (aware) if the text has an offset; `here` is now in the zone."""
    if match := _SLASHED.search(typed):
        raise _two_readings(match)
    if _names_a_day(typed):
        raise WhenError(f"{typed} names a day, and no time.", remedy=f"Add the time: {typed} 09:00.")
    if match := _AHEAD.fullmatch(typed):
        return _ahead(match["length"], here)
    if match := _BUSINESS_DAY.fullmatch(typed):
        return datetime.combine(next_business_day(here.date(), shut), _clock(typed, match))
    if match := _DAY_WORD.fullmatch(typed):
        day = _day_meant(match["word"].lower(), _clock(typed, match), here)
        if day:
            return datetime.combine(day, _clock(typed, match))
    return _written_out(typed)


def _written_out(typed: str) -> datetime:
    if match := _DOTTED.fullmatch(typed) or _DASHED.fullmatch(typed):
        said = _wall(typed, int(match["year"]), int(match["month"]), int(match["day"]), match)
    else:
        try:
            said = datetime.fromisoformat(typed)
        except ValueError as error:
            raise WhenError(f"{typed!r} is no time that can be read.", remedy=f"Write it like {FORMS}.") from error
    if said.year not in YEARS:
        raise _beyond(typed)
    return said


def _beyond(typed: str) -> WhenError:
    return WhenError(f"{typed} is beyond the calendar.", remedy=f"Write it like {FORMS}.")


def next_business_day(day: date, shut: Container[date]) -> date:
    """The first day after this one that is no Saturday, Sunday or holiday."""
    day += timedelta(days=1)
    while day.weekday() >= 5 or day in shut:
        day += timedelta(days=1)
    return day


def _ahead(length: str, here: datetime) -> datetime:
    """So long after now: hours and minutes pass as they pass, days go by the calendar."""
    match = _CALENDAR.fullmatch(length)
    if match:
        days = int(match[1]) * (7 if match[2].lower().startswith("w") else 1)
        return (here + timedelta(days=days)).replace(tzinfo=None, second=0, microsecond=0)
    try:
        return here.astimezone(UTC) + parse_duration(length)
    except ValueError as error:
        raise WhenError(str(error), remedy="Write it like in 2 hours, in 90 min or in 3 days.") from error


def _names_a_day(typed: str) -> bool:
    if _DOTTED_DAY.fullmatch(typed):
        return True
    try:
        date.fromisoformat(typed)
    except ValueError:
        return False
    return True


def _two_readings(match: re.Match[str]) -> WhenError:
    first, second, third = (int(number) for number in match.groups())
    year, pair = (first, ((second, third),)) if first > 31 else (third, ((second, first), (first, second)))
    days: list[date] = []
    for month, day in pair:
        try:
            days.append(date(year, month, day))
        except ValueError:
            continue
    days = sorted(set(days))
    if not days:
        return WhenError(f"{match[0]} is no day of the calendar.", remedy=f"Write it like {FORMS}.")
    readings = " or ".join(f"{day.day} {MONTHS[day.month - 1]} {day.year}" for day in days)
    sentence = (
        f"{match[0]} can be read as {readings}." if len(days) > 1 else f"{match[0]}: days with slashes are not read."
    )
    return WhenError(sentence, remedy=f"Write {' or '.join(day.isoformat() for day in days)}, with the time after it.")


def _day_meant(word: str, clock: time, here: datetime) -> date | None:
    """Today, tomorrow, or the next day of that name whose hour is still to come."""
    if word in ("today", "tomorrow"):
        return here.date() + timedelta(days=word == "tomorrow")
    for number, name in enumerate(DAYS):
        if len(word) >= 3 and name.lower().startswith(word):
            ahead = (number - here.weekday()) % 7
            if ahead == 0 and clock <= here.time():
                ahead = 7
            return here.date() + timedelta(days=ahead)
    return None


def _wall(typed: str, year: int, month: int, day: int, match: re.Match[str]) -> datetime:
    try:
        return datetime.combine(date(year, month, day), _clock(typed, match))
    except ValueError as error:
        raise WhenError(f"{typed} is no day of the calendar.", remedy=f"Write it like {FORMS}.") from error


def _clock(typed: str, match: re.Match[str]) -> time:
    try:
        return time(int(match["hour"]), int(match["minute"]), int(match["second"] or 0))
    except ValueError as error:
        raise WhenError(f"{typed}: there is no such time of day.", remedy="Hours go from 00:00 to 23:59.") from error


def _instant(wall: datetime, zone: ZoneInfo) -> tuple[datetime, str]:
    """The instant of a wall time, and the note if it comes twice; WhenError in a gap."""
    if wall.tzinfo is not None:
        return wall.astimezone(UTC), ""
    at, (before, after) = first_instant(wall, zone), offsets_around(wall, zone)
    if at.astimezone(zone).replace(tzinfo=None) != wall:
        raise _gap(wall, at, zone, before, after)
    if before != after:
        clock, first = wall.strftime("%H:%M"), at.astimezone(zone)
        return at, f"{clock} comes twice on {say_day(wall.date())} in {zone.key}: the first is taken ({first:%H:%M%z})."
    return at, ""


def _gap(wall: datetime, jump: datetime, zone: ZoneInfo, before: timedelta, after: timedelta) -> WhenError:
    """What is said of a wall time that the jump from one offset to another leaves out."""
    starts, ends = jump + before, jump + after
    return WhenError(
        f"{wall:%H:%M} does not exist on {say_day(wall.date())} in {zone}: "
        f"clocks jump from {starts:%H:%M} to {ends:%H:%M}.",
        remedy=f"Take a time before {starts:%H:%M}, or from {ends:%H:%M} on.",
    )


def _precision(local: datetime) -> str:
    return "minutes" if not (local.second or local.microsecond) else "auto"
