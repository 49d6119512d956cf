"""Excel's dates: days since 1900 as numbers, and what their formats show."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple

from babel import Locale, UnknownLocaleError

from campaigns.recipients.format_code import Is, Section, Token

_DAYS_ENDING = 2_958_466  # 1 January 10000
_SECONDS = 86_400


class Instant(NamedTuple):
    """A serial number taken apart; Excel knows a 0 January and a 29 February 1900, Python does not."""

    year: int
    month: int
    day: int
    weekday: int  # 0 = Sunday
    seconds: int  # of the day
    fraction: str  # digits of the second after the point
    elapsed: int  # seconds since day 0


def show_date(serial: float, section: Section) -> str | None:
    """A serial number through a section of a date format; None where Excel shows only #####."""
    places = max((len(token.text) - 1 for token in section.tokens if token.kind is Is.FRACTION), default=0)
    instant = _take_apart(serial, min(places, 3))
    if instant is None:
        return None
    halves = Is.HALF in section.kinds
    return "".join(_part(token, instant, section.locale, halves=halves) for token in section.tokens).strip()


def iso_of(serial: float, *, epoch_1904: bool = False) -> str | None:
    """A serial number as an ISO date, with the time where there is one; None for what no calendar has."""
    instant = _take_apart(serial + 1462 if epoch_1904 else serial, 0)
    if instant is None:
        return None
    try:
        day = date(instant.year, instant.month, instant.day)
    except ValueError:
        return None
    if not instant.seconds:
        return day.isoformat()
    return (datetime.combine(day, datetime.min.time()) + timedelta(seconds=instant.seconds)).isoformat()


def _take_apart(serial: float, places: int) -> Instant | None:
    if not 0 <= serial < _DAYS_ENDING:
        return None
    exact = Decimal(f"{serial:.15g}") * _SECONDS
    rounded = exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    elapsed = int(rounded)
    days, seconds = divmod(elapsed, _SECONDS)
    if days >= _DAYS_ENDING:
        return None
    year, month, day = _calendar(days)
    fraction = f"{rounded:f}".partition(".")[2]
    return Instant(year, month, day, (days + 6) % 7, seconds, fraction, elapsed)


def _calendar(days: int) -> tuple[int, int, int]:
    if days == 0:
        return 1900, 1, 0
    if days == 60:
        return 1900, 2, 29  # Lotus 1-2-3 took 1900 for a leap year, and Excel kept it
    real = date(1899, 12, 30 if days > 60 else 31) + timedelta(days=days)
    return real.year, real.month, real.day


def _part(token: Token, at: Instant, locale: str, *, halves: bool) -> str:
    if token.kind is Is.LITERAL:
        return token.text
    if token.kind is Is.SLASH:
        return _names(locale).separator
    if token.kind is Is.FRACTION:
        return f".{at.fraction[: len(token.text) - 1]}"
    if token.kind is Is.HALF:
        word = "PM" if at.seconds >= _SECONDS // 2 else "AM"
        return word if len(token.text) > 3 else word[0]
    if token.kind is Is.ELAPSED:
        unit = {"h": 3600, "m": 60, "s": 1}[token.text[0]]
        return str(at.elapsed // unit).zfill(len(token.text))
    return _clock(token, at, halves=halves) if token.kind is Is.TIME else _day(token.text, at, locale)


def _clock(token: Token, at: Instant, *, halves: bool) -> str:
    if token.text[0] == "h":
        hour = at.seconds // 3600
        number = (hour % 12 or 12) if halves else hour
    elif token.text[0] == "m":
        number = at.seconds // 60 % 60
    else:
        number = at.seconds % 60
    return str(number).zfill(min(len(token.text), 2))


def _day(text: str, at: Instant, locale: str) -> str:
    letter, width = text[0], len(text)
    if letter == "y":
        return f"{at.year % 100:02d}" if width <= 2 else f"{at.year:04d}"
    if letter == "e":
        return f"{at.year:04d}"
    if width <= 2:
        return str(at.month if letter == "m" else at.day).zfill(width)
    names = _names(locale)
    if letter == "m":
        wide = names.months_wide[at.month]
        return wide[:1] if width == 5 else wide if width != 3 else names.months_short[at.month]
    weekday = (at.weekday - 1) % 7  # Babel's week begins on Monday
    return (names.days_short if width == 3 else names.days_wide)[weekday]


class _Names(NamedTuple):
    months_wide: Mapping[int, str]
    months_short: Mapping[int, str]
    days_wide: Mapping[int, str]
    days_short: Mapping[int, str]
    separator: str


@lru_cache(maxsize=64)
def _names(identifier: str) -> _Names:
    try:
        locale = Locale.parse(identifier)
    except (ValueError, UnknownLocaleError):
        locale = Locale("en", "US")
    months, days = locale.months["format"], locale.days["format"]
    between = re.search(r"[-./]", locale.date_formats["short"].pattern)
    separator = between[0] if between else "/"
    return _Names(months["wide"], months["abbreviated"], days["wide"], days["abbreviated"], separator)
