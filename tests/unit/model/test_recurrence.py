"""Recurrences against a clock on the wall: the time that one shows is all that these tests ask a zone for."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.errors import WhenError
from campaigns.model.recurrence import Recurrence

ZONES = sorted(zone for zone in available_timezones() if zone != "localtime")
CLOCKS = st.times(min_value=time(0, 0)).map(lambda clock: clock.replace(second=0, microsecond=0))
SINCE = st.integers(0, 20 * 366 * 24 * 60).map(lambda n: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=n))
DAYS = ("daily", "weekdays", "monday", "tue, thu and sat", "last day of month", "1st and 15th", "first sunday of month")
MINUTE = timedelta(minutes=1)
QUARTER = timedelta(minutes=15)


def shows(zone: str, at: datetime) -> datetime:
    """What a clock on a wall there shows."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def first_instant(zone: str, wall: datetime) -> datetime:
    """The first instant at which that clock shows `wall`, or has jumped over it; to the minute."""
    at = wall.replace(tzinfo=UTC) - (ZoneInfo(zone).utcoffset(wall) or timedelta()) - timedelta(hours=4)
    for step in (QUARTER, MINUTE):
        while shows(zone, at) < wall:
            at += step
        at -= step
    return at + MINUTE


def turns(zone: str) -> list[datetime]:
    """Where the clocks change between 2020 and 2040, to the minute."""
    found, there = [], ZoneInfo(zone)
    at = datetime(2020, 1, 1, tzinfo=UTC)
    while at.year < 2041:
        after = at + timedelta(days=20)
        if at.astimezone(there).utcoffset() != after.astimezone(there).utcoffset():
            low, high = at, after
            while high - low > MINUTE:
                middle = low + (high - low) // MINUTE // 2 * MINUTE
                changed = middle.astimezone(there).utcoffset() != at.astimezone(there).utcoffset()
                low, high = (low, middle) if changed else (middle, high)
            found.append(high)
        at = after
    return found


def test_at_every_turn_of_every_clock_there_is_one_instant_a_date_and_it_is_the_first() -> None:
    """Gaps and folds of all zones from 2020 to 2040, at the quarters of an hour around them."""
    seen = 0
    for zone in ZONES:
        for turn in turns(zone):
            around = shows(zone, turn)
            for quarters in (-3, -1, 1):
                wall = around + quarters * QUARTER
                recurrence = Recurrence.parse(f"daily {wall:%H:%M}", zone)
                at = recurrence.at(wall.date())
                assert at == first_instant(zone, wall), (zone, wall)
                seen += 1
            near = list(islice(recurrence.after(turn - timedelta(days=2)), 4))
            dates = [shows(zone, one.at).date() for one in near]
            assert len(set(dates)) == len(dates), (zone, turn)
    assert seen > 10_000


@given(
    zone=st.sampled_from(ZONES),
    days=st.sampled_from(DAYS),
    clock=CLOCKS,
    since=SINCE,
)
def test_dates_come_in_order_each_once_and_at_their_time(zone: str, days: str, clock: time, since: datetime) -> None:
    recurrence = Recurrence.parse(f"{days} {clock:%H:%M}", zone)
    start = since
    coming = list(islice(recurrence.after(start), 6))
    assert coming[0].at > start
    assert all(one.at < two.at and one.on < two.on for one, two in pairwise(coming))
    for one in coming:
        shown = shows(zone, one.at)
        wanted = datetime.combine(one.on, clock)
        assert shown == wanted or shows(zone, one.at - MINUTE) < wanted < shown
    for place, now in ((0, coming[0].at), (2, coming[3].at - MINUTE), (5, coming[5].at)):
        assert recurrence.latest(start, now) == coming[place]
    assert recurrence.latest(start, coming[0].at - timedelta(microseconds=1)) is None


@given(zone=st.sampled_from(ZONES), clock=CLOCKS, since=SINCE)
def test_the_next_hour_is_the_first_one_to_come(zone: str, clock: time, since: datetime) -> None:
    now = since
    at = Recurrence.parse(f"monday {clock:%H:%M}", zone).next_hour(now)
    assert at == Recurrence.parse(f"daily {clock:%H:%M}", zone).next_hour(now)
    assert now < at <= now + timedelta(hours=27)


@pytest.mark.parametrize(
    ("text", "dates"),
    [
        ("monday 09:00", ["2026-12-07", "2026-12-14"]),
        ("every Mon and Thursdays at 9:00", ["2026-12-03", "2026-12-07"]),
        ("mon, wed & fri 09:00", ["2026-12-02", "2026-12-04"]),
        ("weekdays 09:00", ["2026-12-02", "2026-12-03", "2026-12-04", "2026-12-07"]),
        ("every day 09:00", ["2026-12-02", "2026-12-03"]),
        ("1st and 15th 07:00", ["2026-12-15", "2027-01-01", "2027-01-15"]),
        ("1., 15. 07:00", ["2026-12-15", "2027-01-01"]),
        ("31st 07:00", ["2026-12-31", "2027-01-31", "2027-03-31"]),
        ("last weekday of month 08:30", ["2026-12-31", "2027-01-29", "2027-02-26"]),
        ("last day of the month 08:30", ["2026-12-31", "2027-01-31", "2027-02-28"]),
        ("the first monday of each month 08:30", ["2026-12-07", "2027-01-04"]),
        ("2nd tuesday of month 08:30", ["2026-12-08", "2027-01-12"]),
        ("cron 0 9 * * mon", ["2026-12-07", "2026-12-14"]),
        ("cron 30 7 1,15 * *", ["2026-12-15", "2027-01-01"]),
        ("cron 0 9 */10 jan,mar *", ["2027-01-01", "2027-01-11", "2027-01-21", "2027-01-31", "2027-03-01"]),
        ("cron 0 9 13 * 5", ["2026-12-04", "2026-12-11", "2026-12-13", "2026-12-18"]),  # crontab(5): either day
        ("cron 0 9 * * 7", ["2026-12-06", "2026-12-13"]),
        ("cron 0 9 29 2 *", ["2028-02-29", "2032-02-29"]),
    ],
)
def test_what_people_write_is_read(text: str, dates: list[str]) -> None:
    coming = Recurrence.parse(text, "UTC").after(datetime(2026, 12, 1, 12, tzinfo=UTC))
    assert [one.on.isoformat() for one in islice(coming, len(dates))] == dates


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("monday", "names no time"),
        ("", "names no time"),
        ("funday 09:00", "cannot be read"),
        ("1st and monday 09:00", "cannot be read"),
        ("monday 24:00", "no such time"),
        ("32nd 09:00", "no month has a day 32"),
        ("cron 0 9 30 2 *", "never comes"),
        ("cron 0 9,17 * * *", "once on a day"),
        ("cron * * * * *", "once on a day"),
        ("cron 0 9 * *", "has 4 fields"),
        ("cron 0 9 * * 8", "'8'"),
        ("cron 0 9 5-1 * *", "'5-1'"),
        ("cron 0 9 */0 * *", "'*/0'"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_remedy(text: str, said: str) -> None:
    with pytest.raises(WhenError) as refused:
        Recurrence.parse(text, "UTC")
    assert said in refused.value.sentence
    assert refused.value.remedy


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(WhenError, match="no time zone"):
        Recurrence.parse("monday 09:00", "Berlin/Europe")


def test_a_day_that_a_zone_left_out_does_not_make_two_mails_of_the_next() -> None:
    """Samoa had no 30 December 2011."""
    since = datetime(2011, 12, 29, 12, tzinfo=UTC)
    daily = islice(Recurrence.parse("daily 09:00", "Pacific/Apia").after(since), 3)
    assert [one.on for one in daily] == [date(2011, 12, 29), date(2011, 12, 31), date(2012, 1, 1)]
    friday = next(Recurrence.parse("friday 09:00", "Pacific/Apia").after(since))
    assert (friday.on, shows("Pacific/Apia", friday.at)) == (
        date(2011, 12, 30),
        datetime.combine(date(2011, 12, 31), time()),
    )
