from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.errors import WhenError
from campaigns.model.when import DAYS, Start, parse_for_each, parse_when, say, say_wall, zone_named

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)  # a Monday
BERLIN = "Europe/Berlin"


def instants_of(wall: datetime, zone: str) -> list[datetime]:
    """Every UTC instant at which clocks in the zone show `wall`, found by trying all offsets that zones have."""
    tries = (wall.replace(tzinfo=UTC) - timedelta(minutes=15 * quarter) for quarter in range(-12 * 4, 15 * 4))
    return sorted(at for at in tries if at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wall)


def jumps(zone: str, year: int) -> list[datetime]:
    """The wall times just before each change of the clock, found by walking through the year."""
    found, at = [], datetime(year, 1, 1, tzinfo=UTC)
    while at.year == year:
        after = at + timedelta(hours=1)
        if at.astimezone(ZoneInfo(zone)).utcoffset() != after.astimezone(ZoneInfo(zone)).utcoffset():
            found.append(at.astimezone(ZoneInfo(zone)).replace(tzinfo=None))
        at = after
    return found


DST_ZONES = (
    BERLIN,
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Pacific/Chatham",
    "Africa/Casablanca",
)
NEAR_JUMPS = [(zone, wall) for zone in DST_ZONES for wall in jumps(zone, 2027)]


def parsed(text: str, zone: str = BERLIN, now: datetime = NOW) -> Start:
    return parse_when(text, zone, now)


def complaint(text: str, zone: str = BERLIN) -> WhenError:
    with pytest.raises(WhenError) as caught:
        parse_when(text, zone, NOW)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-01 09:00",
        "2026-12-01 9:00",
        "2026-12-01T09:00",
        "2026-12-01T09:00:00",
        "2026-12-01T09:00+01:00",
        "2026-12-01T08:00Z",
        "1.12.2026 09:00",
        "01.12.2026 9:00",
        "1. 12. 2026, 09:00",
    ],
)
def test_every_form_names_the_same_instant(text: str) -> None:
    assert parsed(text) == Start("2026-12-01T09:00", BERLIN, datetime(2026, 12, 1, 8, 0, tzinfo=UTC))


def test_now_has_no_wall_time() -> None:
    assert parsed("Now") == Start("", BERLIN, NOW)


@pytest.mark.parametrize(
    ("text", "wall"),
    [
        ("tomorrow 09:00", "2026-11-24T09:00"),
        ("today 23:30", "2026-11-23T23:30"),
        ("Tuesday 09:00", "2026-11-24T09:00"),
        ("tue 9:00", "2026-11-24T09:00"),
        ("Monday 22:00", "2026-11-23T22:00"),  # it is Monday 21:00 in Berlin
        ("Monday 20:59", "2026-11-30T20:59"),
        ("Sunday at 09:00", "2026-11-29T09:00"),
    ],
)
def test_a_day_word_is_the_next_such_hour(text: str, wall: str) -> None:
    assert parsed(text).wall == wall


def test_days_are_counted_in_the_zone_and_not_in_utc() -> None:
    assert parsed("tomorrow 09:00", "Pacific/Auckland").wall == "2026-11-25T09:00"


def test_days_with_slashes_are_refused_with_both_readings() -> None:
    error = complaint("01/02/2027 09:00")
    assert "2 January 2027 or 1 February 2027" in error.sentence
    assert "2027-01-02" in error.remedy
    assert "2027-02-01" in error.remedy


@pytest.mark.parametrize("text", ["25/12/2026 09:00", "2026/12/01 09:00"])
def test_even_clear_days_with_slashes_are_refused_with_the_iso_form(text: str) -> None:
    assert "2026-12-" in complaint(text).remedy


@pytest.mark.parametrize("text", ["2026-12-01", "1.12.2026", "20261201"])
def test_a_day_without_a_time_asks_for_the_time(text: str) -> None:
    assert "no time" in complaint(text).sentence


@pytest.mark.parametrize(
    "text",
    ["", "soon", "09:00", "2026-13-01 09:00", "2026-12-01 25:00", "tomorrow 24:00", "31.2.2027 09:00", "Xday 9:00"],
)
def test_what_cannot_be_read_is_refused_with_a_remedy(text: str) -> None:
    assert complaint(text).remedy


def test_the_past_is_refused_and_says_how_long_ago() -> None:
    assert "1 hour ago" in complaint("2026-11-23 20:00").sentence


def test_the_end_of_the_calendar_is_refused() -> None:
    for text in ("9999-12-31 23:59", "9999-12-31 09:00", "0001-01-01 09:00", "9999-12-31T09:00Z"):
        assert complaint(text, "America/New_York").remedy
        with pytest.raises(WhenError, match="beyond the calendar"):
            parse_for_each(text.removesuffix("Z"), BERLIN, NOW)


def test_a_gap_is_named_by_both_ends() -> None:
    error = complaint("2027-03-28 02:30")
    assert "from 02:00 to 03:00" in error.sentence


def test_an_hour_that_comes_twice_is_taken_first_and_said() -> None:
    start = parsed("2027-10-31 02:30")
    assert start.at == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert "comes twice" in start.note


@given(st.sampled_from(NEAR_JUMPS), st.integers(-180, 180))
def test_near_a_jump_the_first_existing_instant_is_taken_or_none(near: tuple[str, datetime], minutes: int) -> None:
    zone, wall = near[0], near[1] + timedelta(minutes=minutes)
    instants = instants_of(wall, zone)
    if not instants:
        assert "does not exist" in complaint(wall.isoformat(), zone).sentence
        return
    start = parsed(wall.isoformat(), zone)
    assert start.at == instants[0]
    assert bool(start.note) == (len(instants) > 1)


@given(
    st.sampled_from(sorted(available_timezones() - {"localtime"})),
    st.datetimes(datetime(2027, 1, 1), datetime(2036, 12, 31)).map(  # noqa: DTZ001 - wall times have no zone
        lambda wall: wall.replace(second=0, microsecond=0)
    ),
)
def test_in_every_zone_the_instant_shows_the_wall_time_that_was_typed(zone: str, wall: datetime) -> None:
    instants = instants_of(wall, zone)
    if instants:
        start = parsed(wall.isoformat(sep=" "), zone)
        assert start.at == instants[0]
        assert start.wall == wall.isoformat(timespec="minutes")


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(WhenError):
        assert parsed(text).at >= NOW


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Europe/Brelin", "Europe/Berlin"),
        ("New York", "America/New_York"),
    ],
)
def test_an_unknown_zone_is_met_with_the_nearest(typed: str, meant: str) -> None:
    assert meant in complaint("now", typed).remedy


@pytest.mark.parametrize("typed", ["Europe", "../etc/passwd", "", "/etc/localtime", "a\0b", "x" * 500])
def test_no_zone_name_opens_another_file(typed: str) -> None:
    with pytest.raises(WhenError):
        zone_named(typed)


@pytest.mark.parametrize(
    ("away", "said"),
    [
        (timedelta(days=7, hours=12), "in 7 days 12 hours"),
        (timedelta(days=1, minutes=5), "in 1 day"),
        (timedelta(hours=2, minutes=1, seconds=59), "in 2 hours 1 minute"),
        (timedelta(seconds=61), "in 1 minute 1 second"),
        (timedelta(milliseconds=900), "now"),
        (-timedelta(minutes=3), "3 minutes ago"),
    ],
)
def test_a_distance_is_said_in_its_two_largest_units(away: timedelta, said: str) -> None:
    assert say(NOW + away, BERLIN, NOW).endswith(f"{BERLIN}, {said}")


def test_an_instant_is_said_with_weekday_zone_and_distance() -> None:
    at = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
    assert say(at, BERLIN, NOW) == "Tuesday 1 December 2026, 09:00 Europe/Berlin, in 7 days 12 hours"


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_the_weekday_said_is_the_calendar_s(day: date) -> None:
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    assert say_wall(at, "UTC").split()[0] == DAYS[day.isoweekday() - 1]
