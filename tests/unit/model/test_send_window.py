"""Send windows against a plain walk through time, minute by minute, in every zone and over every change of the clock."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.errors import UsageError, WindowError
from campaigns.model.send_window import RECIPIENT, SendWindow, SendWindows, refuse_never
from campaigns.windows import Holidays, of_campaign

MINUTE = timedelta(minutes=1)
NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ZONES = sorted(available_timezones())
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)  # a Monday


def stands_inside(text: str, instant: datetime, zone: str, shut: tuple[date, ...] = ()) -> bool:
    """Whether a clock shows a time inside "mon,tue 22:00-02:00", reckoned from its text alone."""
    local = instant.astimezone(ZoneInfo(zone))
    days, hours = text.split()
    begin, end = hours.split("-")
    now = f"{local:%H:%M}"
    today, yesterday = NAMES[local.weekday()] in days, NAMES[(local.weekday() - 1) % 7] in days
    if local.date() in shut:
        return False
    if begin < end:
        return today and begin <= now < end
    return (today and now >= begin) or (yesterday and now < end)


@st.composite
def written(draw: st.DrawFn) -> str:
    days = draw(st.sets(st.sampled_from(NAMES), min_size=4))
    begin, end = draw(st.lists(st.integers(0, 95), min_size=2, max_size=2, unique=True))
    clock = [f"{quarter // 4:02}:{quarter % 4 * 15:02}" for quarter in (begin, end)]
    return f"{','.join(sorted(days, key=NAMES.index))} {clock[0]}-{clock[1]}"


def change_near(zone: str, instant: datetime) -> datetime:
    """The first hour after an instant in which the zone's clocks are set, or the instant if that is over a year away."""
    place, at = ZoneInfo(zone), instant
    for _ in range(400):
        after = at + timedelta(days=1)
        if at.astimezone(place).utcoffset() != after.astimezone(place).utcoffset():
            while (later := at + timedelta(hours=1)).astimezone(place).utcoffset() == at.astimezone(place).utcoffset():
                at = later
            return at
        at = after
    return instant


INSTANTS = st.integers(0, 20 * 366 * 24 * 60).map(lambda minute: datetime(2020, 1, 1, tzinfo=UTC) + minute * MINUTE)


@settings(max_examples=60, deadline=None)
@given(written(), st.sampled_from(ZONES), INSTANTS, st.booleans(), st.integers(-180, 60))
def test_openings_and_closings_are_those_of_a_clock_on_the_wall(
    text: str, zone: str, instant: datetime, at_a_change: bool, ahead: int
) -> None:
    at = change_near(zone, instant) + ahead * MINUTE if at_a_change else instant
    holiday = (at + timedelta(days=1)).astimezone(ZoneInfo(zone)).date()
    window = SendWindow(SendWindow.parse(text).hours, zone, (holiday,))

    def inside(when: datetime) -> bool:
        return stands_inside(text, when, zone, (holiday,))

    walked = at
    while not inside(walked):
        walked += MINUTE
    opens = window.next_opening(at + timedelta(seconds=0 if inside(at) else 30))
    assert window.is_open(at) is inside(at)
    assert opens == walked
    while inside(walked):
        walked += MINUTE
    assert window.closes(opens) == walked


def test_a_window_is_read_as_people_write_it_and_told_so_that_it_is_read_again() -> None:
    for text, told in {
        "mon-fri 09:00-17:30 Europe/Berlin": "mon-fri 09:00-17:30 Europe/Berlin",
        "9:00 – 17:00": "09:00-17:00",
        "Monday, Wednesday 09:00-10:00, saturday 10:00-12:00": "mon,wed 09:00-10:00, sat 10:00-12:00",
        "weekdays 09:00-12:00 13:00-17:00 RECIPIENT": f"mon-fri 09:00-12:00, mon-fri 13:00-17:00 {RECIPIENT}",
        "sat-mon": "sat-mon 00:00-24:00",
        "fri 22:00-02:00 UTC": "fri 22:00-02:00 UTC",
    }.items():
        assert str(SendWindow.parse(text)) == told
        assert SendWindow.parse(told) == SendWindow.parse(text)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "9-17", "25:00-26:00", "09:60-10:00", "09:00-09:00", "mon-fri 09:00-17:00 Europa/Berlin", "UTC"],
)
def test_what_is_no_window_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        SendWindow.parse(text)
    assert refused.value.remedy


def windows(*texts: str) -> SendWindows:
    return SendWindows(tuple(SendWindow.parse(text) for text in texts))


def test_all_windows_must_be_open_and_those_that_never_meet_are_refused() -> None:
    both = windows("mon-fri 09:00-17:00 Europe/Berlin", "08:00-12:00 America/New_York")  # 14:00 to 18:00 in Berlin
    assert both.next_opening(NOON) == datetime(2026, 11, 30, 13, tzinfo=UTC)
    assert both.closes(NOON + timedelta(hours=2)) == datetime(2026, 11, 30, 16, tzinfo=UTC)
    assert both.opening_after(NOON + timedelta(hours=2)) == datetime(2026, 12, 1, 13, tzinfo=UTC)
    assert both.after(NOON, timedelta(hours=4)) == datetime(2026, 12, 1, 14, tzinfo=UTC)
    refuse_never(both, NOON)
    apart = windows("mon 09:00-10:00 UTC", "tue 09:00-10:00 UTC")
    assert apart.next_opening(NOON) is None
    with pytest.raises(WindowError, match="never open together"):
        refuse_never(apart, NOON)


def test_windows_by_the_recipients_clocks_open_in_the_zone_of_each() -> None:
    theirs = windows("09:00-17:00 recipient", "00:00-24:00 UTC")
    assert theirs.by_recipients
    assert theirs.for_recipient("Asia/Tokyo").next_opening(NOON) == datetime(2026, 12, 1, 0, tzinfo=UTC)
    assert theirs.for_recipient("America/New_York").next_opening(NOON) == datetime(2026, 11, 30, 14, tzinfo=UTC)


def test_nothing_is_always_open_and_around_the_clock_never_closes() -> None:
    assert SendWindows().next_opening(NOON) == NOON
    assert SendWindows().closes(NOON) is None
    assert windows("00:00-24:00 UTC").closes(NOON) is None


def test_on_holidays_of_a_country_or_region_a_window_stays_shut() -> None:
    bavaria, berlin = (SendWindows(of_campaign((), code, "Europe/Berlin")) for code in ("DE-BY", "DE-BE"))
    epiphany = datetime(2031, 1, 6, 12, tzinfo=UTC)  # a holiday in Bavaria, and none in Berlin
    assert bavaria.next_opening(epiphany) == datetime(2031, 1, 6, 23, tzinfo=UTC)
    assert berlin.is_open(epiphany)
    assert date(2030, 12, 25) in Holidays.parse("DE-BY, AT")
    for wrong, remedy in {"Bavaria": "DE-BY", "DE-XX": "DE has the regions BB"}.items():
        with pytest.raises(WindowError) as refused:
            Holidays.parse(wrong)
        assert remedy in refused.value.remedy
