"""What is asked of a year, said twice: in Mergecast's words, and as dates and hours that the judge reckons with by itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache

from dateutil.easter import easter
from dateutil.rrule import FR, MO, MONTHLY, SU, TU, WEEKLY, rrule

HOUR = 3600
PLACES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Australia/Lord_Howe")


def _none(_year: int) -> set[date]:
    return set()


@dataclass(frozen=True)
class Hours:
    """A send window for the judge: open on weekdays (0 is Monday) from a minute of the day to another, in a zone."""

    zone: str  # "" is each person's own
    days: range
    opens: int
    closes: int  # more than 24 * 60 after midnight
    holidays: Callable[[int], set[date]] = _none


@dataclass(frozen=True)
class Round:
    """A series: what is typed, and what that means."""

    name: str
    zone: str
    every: str
    dates: dict[str, object]  # of rrule
    at: time
    whom: str = "new"
    late: str = "ask"
    window: str = ""
    holidays: str = ""
    throttle: str = ""
    hours: tuple[Hours, ...] = ()
    limit: tuple[int, int] = (0, 0)  # mails, seconds
    through: str = "relay"

    def on(self, first: date, last: date) -> list[date]:
        begin, end = (datetime.combine(day, time()) for day in (first, last))
        return [one.date() for one in rrule(**self.dates, dtstart=begin, until=end)]  # type: ignore[arg-type]


@dataclass(frozen=True)
class Everywhere:
    """A campaign on each person's own clock."""

    name: str
    wall: datetime
    window: str = ""
    late: str = "ask"
    hours: tuple[Hours, ...] = ()


@cache
def bavaria(year: int) -> set[date]:
    """The public holidays of all Bavaria that has Catholic towns."""
    fixed = ((1, 1), (1, 6), (5, 1), (8, 15), (10, 3), (11, 1), (12, 25), (12, 26))
    moving = (-2, 1, 39, 50, 60)
    return {date(year, month, day) for month, day in fixed} | {easter(year) + timedelta(days=n) for n in moving}


OFFICE = Hours("Europe/Berlin", range(5), 9 * 60, 17 * 60 + 30, bavaria)
NIGHT = Hours("Europe/Berlin", range(7), 23 * 60, 28 * 60)  # the transport `night`: 23:00 to 04:00
DAY = Hours("", range(7), 8 * 60, 20 * 60)
FRESH = (1, 2, 2, 2, 2, 3, 3, 3, *(4 for _ in range(30)), *(6 for _ in range(60)))  # mails on each day of a warm-up
FRESH_ZONE = "Europe/Berlin"
SCHOOL = (5, HOUR)  # mails to school.example in an hour, whoever sends them

ROUNDS = (
    Round(
        "office", "Europe/Berlin", "monday 09:00", {"freq": WEEKLY, "byweekday": MO}, time(9, 0), whom="all", late="send",
        window="mon-fri 09:00-17:30", holidays="DE-BY", throttle="6/h", hours=(OFFICE,), limit=(6, HOUR),
    ),
    Round("sunday", "America/New_York", "second sunday of month 02:30", {"freq": MONTHLY, "byweekday": SU(2)}, time(2, 30), late="expire"),
    Round("twice", "Asia/Kolkata", "1st and 15th 07:00", {"freq": MONTHLY, "bymonthday": (1, 15)}, time(7, 0)),
    Round("kiwi", "Pacific/Auckland", "third tuesday of month 08:30", {"freq": MONTHLY, "byweekday": TU(3)}, time(8, 30), late="next-window"),
    Round("howe", "Australia/Lord_Howe", "first sunday of month 02:15", {"freq": MONTHLY, "byweekday": SU(1)}, time(2, 15), late="send"),
    Round("friday", "Europe/Berlin", "last friday of month 18:00", {"freq": MONTHLY, "byweekday": FR(-1)}, time(18, 0), late="send", hours=(NIGHT,), through="night"),
    Round("fresh", FRESH_ZONE, "tuesday 23:30", {"freq": WEEKLY, "byweekday": TU}, time(23, 30), whom="all", late="send", through="fresh"),
)  # fmt: skip
