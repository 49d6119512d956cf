"""Whose clock, and when: zones from cells, wall times in every zone from 2020 to 2040, late mail's next chance."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.errors import UsageError, WhenError
from campaigns.model.late import Late, is_late, next_chance
from campaigns.model.own_time import DayOnlyError, StartOfEach, instant_of_cell
from campaigns.model.recipient_zone import zone_of
from campaigns.model.send_window import SendWindow, SendWindows
from campaigns.model.wall_time import first_instant

ZONES = sorted(available_timezones())
SECOND = timedelta(seconds=1)
WALLS = st.integers(0, 20 * 366 * 96).map(
    lambda quarter: datetime.fromisoformat("2020-01-01") + quarter * timedelta(minutes=15)
)


def shown(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def night_of_a_change(zone: str, wall: datetime) -> datetime:
    """The wall time, on a night within a year on which clocks in the zone are set, if there is one."""
    for days in range(370):
        day = wall + timedelta(days=days)
        here, there = (d.replace(tzinfo=ZoneInfo(zone)).utcoffset() for d in (day, day + timedelta(days=1)))
        if here != there:
            return day.replace(hour=0) + timedelta(minutes=15 * (wall.minute + wall.hour) % 300)
    return wall


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ZONES), WALLS, st.booleans())
def test_in_every_zone_mail_is_due_when_a_clock_first_reaches_the_wall_time(
    zone: str, wall: datetime, at_a_change: bool
) -> None:
    wall = night_of_a_change(zone, wall) if at_a_change else wall
    at = first_instant(wall, ZoneInfo(zone))
    assert at.tzinfo is UTC
    assert shown(at, zone) >= wall  # it is that time, or has just leapt over it
    assert shown(at - SECOND, zone) < wall
    if shown(at, zone) == wall:  # no earlier instant shows it, a fold before included
        assert all(shown(at - timedelta(minutes=m), zone) != wall for m in range(15, 195, 15))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ZONES), WALLS, WALLS)
def test_late_mail_without_windows_has_its_chance_at_the_same_time_of_the_next_day(
    zone: str, wall: datetime, later: datetime
) -> None:
    intended, now = sorted((first_instant(wall, ZoneInfo(zone)), first_instant(later, ZoneInfo(zone))))
    chance = next_chance(SendWindows(), intended, zone, now)
    assert chance is not None
    assert now < chance <= now + timedelta(hours=50)
    assert shown(chance, zone).time() == shown(intended, zone).time() or shown(chance - SECOND, zone).time() < (
        shown(intended, zone).time()
    )


def test_mail_is_late_if_it_could_have_left_while_no_worker_was_there() -> None:
    office = SendWindows((SendWindow.parse("09:00-17:00 UTC"),))
    at = datetime(2026, 12, 1, 9, tzinfo=UTC)

    def late(intended: datetime, windows: SendWindows = office) -> bool:
        return is_late(windows, intended, absent_from=at, before=at + timedelta(hours=2))

    assert late(at)
    assert late(at - timedelta(hours=5))  # it waited for the morning
    assert not late(at - timedelta(hours=5), SendWindows())
    assert not late(at + timedelta(hours=2))
    assert next_chance(office, at, "UTC", at + timedelta(hours=3)) == at + timedelta(days=1)
    assert Late.read("Next window") is Late.NEXT_WINDOW
    with pytest.raises(UsageError, match="no way to treat late mail"):
        Late.read("whatever")


@pytest.mark.parametrize(
    ("cell", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("america/new york", "America/New_York"),
        ("Deutschland", "Europe/Berlin"),
        ("NZ", "Pacific/Auckland"),
        ("Côte d’Ivoire", "Africa/Abidjan"),
        ("+49 30 1234567", "Europe/Berlin"),
        ("0043 (0)1 234567", "Europe/Vienna"),
        ("+1 242 555 0100", "America/Nassau"),
        ("(+44) 20 7946 0000", "Europe/London"),
        ("tel:+33 6 1234 5678", "Europe/Paris"),
        ("＋81 3 1234 5678", "Asia/Tokyo"),
        ("UK", "Europe/London"),
        ("U.K.", "Europe/London"),
        ("The Netherlands", "Europe/Amsterdam"),
        ("R.A.S. chinoise de Hong Kong", "Asia/Hong_Kong"),
        ("UTC+2", "Etc/GMT-2"),
        ("gmt-5", "Etc/GMT+5"),
        ("UTC+5:30", "Asia/Kolkata"),
        ("+0930", "Australia/Darwin"),
        ("UTC+14", "Etc/GMT-14"),
        ("UTC+15", None),
        ("UTC+7:30", None),
        ("USA", None),
        ("Australia", None),
        ("+1 212 555 0100", None),
        ("030 1234567", None),
        ("Mars", None),
        ("", None),
    ],
)
def test_a_cell_tells_a_zone_or_none(cell: str, zone: str | None) -> None:
    assert zone_of(cell) == zone


@given(st.text())
def test_any_cell_tells_a_zone_of_the_tz_database_or_none(text: str) -> None:
    zone = zone_of(text)
    assert zone is None or zone in ZONES


def test_every_country_has_a_zone_of_the_tz_database_or_several() -> None:
    from importlib import resources

    lines = resources.files("campaigns.model").joinpath("countries.tsv").read_text("utf-8").splitlines()[1:]
    zones = {country: zone for country, zone, _, _ in (line.split("\t") for line in lines)}
    assert len(zones) > 240
    assert {country for country, zone in zones.items() if not zone} >= {"US", "CA", "RU", "AU"}
    assert {zone for zone in zones.values() if zone} <= set(ZONES)


def test_a_cell_says_an_instant_by_the_persons_own_clock() -> None:
    start = StartOfEach(wall=datetime.fromisoformat("2026-12-01T09:30"))
    tokyo = "Asia/Tokyo"
    assert instant_of_cell("2026-12-05 10:00", tokyo, start) == datetime(2026, 12, 5, 1, tzinfo=UTC)
    assert instant_of_cell(["5.12.26 10:00", "2026-12-05T10:00:00"], tokyo, start) == datetime(
        2026, 12, 5, 1, tzinfo=UTC
    )
    assert instant_of_cell("2026-12-05T10:00Z", tokyo, start) == datetime(2026, 12, 5, 10, tzinfo=UTC)
    assert instant_of_cell("5.12.2026", tokyo, start) == datetime(2026, 12, 5, 0, 30, tzinfo=UTC)
    assert instant_of_cell(None, tokyo, start) is None
    assert instant_of_cell(["", None], tokyo, start) is None
    with pytest.raises(DayOnlyError):
        instant_of_cell("5.12.2026", tokyo, StartOfEach())
    never = (
        "9999-12-31",
        "31.12.9999",
        "9999-12-31 23:59",
        "0001-01-01T00:00:00",
        "1900-01-01",
        "1970-01-01 00:30",
    )  # as programs export "no date"
    for wrong in ("soon", "01/02/2027 09:00", "2027-13-01 09:00", ["x", None], "tomorrow 09:00", *never):
        with pytest.raises(WhenError):
            instant_of_cell(wrong, tokyo, start)
