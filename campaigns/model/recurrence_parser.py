"""Rules of days as people write them: weekdays, days of the month, the n-th or last of them, and cron's five fields."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, time, timedelta

from campaigns.errors import WhenError

EVERY_FORMS = (
    '"monday 09:00", "tue and thu 09:00", "weekdays 09:00", "daily 09:00", "first monday of month 09:00", '
    '"last weekday of month 08:30", "1st and 15th 07:00" or "cron 0 9 * * mon"'
)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_EVERY_DAY = frozenset(range(7))
_WEEKDAYS = frozenset(range(5))
_EVERY_MONTH = frozenset(range(1, 13))
_CLOCK = re.compile(r"(?P<days>.*?)(?:\s+at)?\s+(?P<hour>\d{1,2}):(?P<minute>\d{2})", re.IGNORECASE)
_OF_MONTH = re.compile(r"(?:the\s+)?(?P<which>\w+)\s+(?P<what>\w+)\s+of\s+(?:the\s+|each\s+|every\s+)?month")
_ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th|\.)")
_WHICH = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}
_BETWEEN = re.compile(r"\s*,\s*and\s+|\s*,\s*|\s+and\s+|\s*&\s*")


@dataclass(frozen=True)
class Days:
    """A rule that a date meets or not: every part of it must hold, but cron's two kinds of days are an either-or."""

    weekdays: frozenset[int] = _EVERY_DAY  # 0 is Monday
    of_month: frozenset[int] = frozenset()  # 1 to 31; empty is every day
    months: frozenset[int] = _EVERY_MONTH
    nth: int = 0  # 1 is the first such day of a month, -1 the last; 0 every one
    either: bool = False  # cron: where weekdays and days of the month are both given, one of them is enough

    def has(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        weekday, of_month = day.weekday() in self.weekdays, not self.of_month or day.day in self.of_month
        if not (weekday or of_month if self.either else weekday and of_month):
            return False
        return not self.nth or self._place(day)

    def _place(self, day: date) -> bool:
        """Whether it is the n-th, or the last, such day of its month."""
        last = monthrange(day.year, day.month)[1]
        those = [n for n in range(1, last + 1) if (day + timedelta(days=n - day.day)).weekday() in self.weekdays]
        place = self.nth - 1 if self.nth > 0 else self.nth
        return len(those) >= abs(self.nth) and those[place] == day.day


def parse_recurrence(text: str) -> tuple[Days, time]:
    """The days and the time of day; WhenError with a remedy. `text` has single blanks."""
    words = text.casefold()
    if words == "cron" or words.startswith("cron "):
        return _cron(text, words.split()[1:])
    match = _CLOCK.fullmatch(words)
    if match is None:
        if re.search(r"\d:\d", words):
            raise _unread(text)
        raise WhenError(f"“{text}” names no time of day.", remedy=f"Add it, as in {EVERY_FORMS}.")
    return _days(text, match["days"].removeprefix("every ").removeprefix("on ").strip()), _clock(text, match)


def _clock(text: str, match: re.Match[str]) -> time:
    try:
        return time(int(match["hour"]), int(match["minute"]))
    except ValueError as error:
        raise WhenError(f"“{text}”: there is no such time of day.", remedy="Hours go from 00:00 to 23:59.") from error


def _days(text: str, said: str) -> Days:
    if said in ("day", "daily"):
        return Days()
    if said in ("weekday", "weekdays"):
        return Days(_WEEKDAYS)
    if match := _OF_MONTH.fullmatch(said):
        return _of_month(text, match["which"], match["what"])
    parts = _BETWEEN.split(said.removesuffix(" of month").removesuffix(" of the month").removeprefix("the "))
    named = [_weekday(part) for part in parts]
    if all(number is not None for number in named):
        return Days(frozenset(number for number in named if number is not None))
    ordinals = [_ORDINAL.fullmatch(part) for part in parts]
    if all(ordinals):
        return Days(of_month=frozenset(_in_month(text, int(match[1])) for match in ordinals if match))
    raise _unread(text)


def _of_month(text: str, which: str, what: str) -> Days:
    """`last weekday of month`, `first monday of month`, `last day of month`."""
    if which not in _WHICH:
        raise _unread(text)
    if what == "day":
        return Days(nth=_WHICH[which])
    if what == "weekday":
        return Days(_WEEKDAYS, nth=_WHICH[which])
    weekday = _weekday(what)
    if weekday is None:
        raise _unread(text)
    return Days(frozenset((weekday,)), nth=_WHICH[which])


def _weekday(word: str) -> int | None:
    """The number of a weekday by its name, `mon`, or `mondays`."""
    short = word.removesuffix("s") if word.endswith("days") else word
    found = [number for number, name in enumerate(_DAYS) if len(short) >= 3 and name.startswith(short)]
    return found[0] if found else None


def _in_month(text: str, number: int) -> int:
    if not 1 <= number <= 31:
        raise WhenError(f"“{text}”: no month has a day {number}.", remedy="Days go from 1st to 31st.")
    return number


def _cron(text: str, fields: list[str]) -> tuple[Days, time]:
    """Minute, hour, day of month, month and weekday, as crontab(5) has them; one minute of one hour."""
    if len(fields) != 5:
        raise WhenError(f"“{text}” has {len(fields)} fields.", remedy="cron has five, like `cron 0 9 * * mon`.")
    minute, hour, of_month, month, weekday = fields
    if not (minute.isdecimal() and hour.isdecimal() and int(minute) < 60 and int(hour) < 24):
        raise WhenError(
            f"“{text}”: a series comes round once on a day.",
            remedy="Write one minute and one hour, like `cron 30 9 * * *`.",
        )
    days = _cron_field(text, of_month, 1, 31)
    weekdays = frozenset((n - 1) % 7 for n in _cron_field(text, weekday, 0, 7, ("sun", *(d[:3] for d in _DAYS))))
    either = not (of_month.startswith("*") or weekday.startswith("*"))
    every = frozenset() if of_month.startswith("*") and len(days) == 31 else days
    return (
        Days(weekdays, every, _cron_field(text, month, 1, 12, ("", *_MONTHS)), either=either),
        time(int(hour), int(minute)),
    )


def _cron_field(text: str, field: str, low: int, high: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    numbers: set[int] = set()
    for part in field.split(","):
        stretch, slash, step = part.partition("/")
        first, dash, last = (str(low), "-", str(high)) if stretch == "*" else stretch.partition("-")
        begin = _cron_number(text, first, names)
        end = _cron_number(text, last, names) if dash else (high if slash else begin)
        by = int(step) if step.isdecimal() else 0 if slash else 1
        if not (low <= begin <= end <= high and by):
            raise WhenError(f"“{text}”: cron does not know {part!r} there.", remedy="Like `cron 0 9 * * mon-fri`.")
        numbers.update(range(begin, end + 1, by))
    return frozenset(numbers)


def _cron_number(text: str, word: str, names: tuple[str, ...]) -> int:
    if word in names and word:
        return names.index(word)
    if not (word.isascii() and word.isdecimal() and len(word) < 3):
        raise WhenError(f"“{text}”: {word!r} is no number of cron's.", remedy="Like `cron 0 9 1,15 * *`.")
    return int(word)


def _unread(text: str) -> WhenError:
    return WhenError(f"“{text}” cannot be read.", remedy=f"Write it like {EVERY_FORMS}.")
