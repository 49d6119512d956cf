"""How many days a warm-up needs for a campaign."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from campaigns.actions.warm_up_ends import WarmUpEnd, warm_up_end
from campaigns.clock import to_micros
from campaigns.model.send_window import SendWindow, SendWindows
from campaigns.settings import Settings
from campaigns.store import campaigns, spent
from campaigns.store.engine import Store
from tests.doubles.filled_store import add_campaign

FRIDAY = datetime(2026, 11, 27, 10, tzinfo=UTC)
WEEKDAYS = SendWindows((SendWindow.parse("mon-fri 09:00-11:30 Europe/Berlin"),))
BERLIN = ZoneInfo("Europe/Berlin")


def end(store: Store, settings: Settings, mails: int, windows: SendWindows = SendWindows()) -> WarmUpEnd | None:  # noqa: B008
    with store.read() as conn:
        campaign = campaigns.find(conn, "fair")
        assert campaign is not None
        through = {"relay": mails}
        return warm_up_end(conn, settings, campaign, through=through, windows=windows, begins=FRIDAY)


def settings(warm_up: str, **more: Any) -> Settings:
    relay = {"kind": "smtp", "host": "mail.example.com", "warm_up": warm_up}
    return Settings.model_validate({"zone": "Europe/Berlin", "transports": {"relay": relay}, **more})


@pytest.fixture(autouse=True)
def fair(store: Store) -> None:
    add_campaign(store, "fair", 1, transport="relay", now=to_micros(FRIDAY))


def test_what_fits_today_does_not_wait(store: Store) -> None:
    assert end(store, settings("50/d, 100/d"), 50) is None
    assert end(store, settings(""), 5_000) is None


def test_days_on_which_windows_are_shut_are_no_steps(store: Store) -> None:
    found = end(store, settings("50/d, 100/d, 500/d"), 151, WEEKDAYS)
    tuesday = datetime(2026, 12, 1, 9, tzinfo=BERLIN)
    assert found == WarmUpEnd("relay", date(2026, 11, 27), 50, tuesday, "Europe/Berlin")


def test_an_hourly_table_is_told_with_all_that_leaves_on_its_first_day(store: Store) -> None:
    found = end(store, settings("20/h, 28/h"), 60, WEEKDAYS)  # from 11:00 to 11:30 on Friday
    monday = datetime(2026, 11, 30, 10, tzinfo=BERLIN)
    assert found == WarmUpEnd("relay", date(2026, 11, 27), 20, monday, "Europe/Berlin")
    found = end(store, settings("20/h, 28/h"), 290)  # 13 hours of Friday are left
    assert found == WarmUpEnd(
        "relay", date(2026, 11, 27), 260, datetime(2026, 11, 28, 1, tzinfo=BERLIN), "Europe/Berlin"
    )


def test_the_slowest_of_several_is_told_and_what_was_spent_today_is_gone(store: Store) -> None:
    both = settings("50/d, 100/d", limits={"ada@example.org": {"warm_up": "10/d, 30/d, 60/d"}})
    with store.write() as conn:
        spent.write(conn, [("warm-up sender ada@example.org", to_micros(FRIDAY), 4)])
    found = end(store, both, 36)
    saturday = datetime(2026, 11, 28, tzinfo=BERLIN)
    assert found == WarmUpEnd("ada@example.org", date(2026, 11, 27), 6, saturday, "Europe/Berlin")


def test_windows_that_never_open_have_no_end(store: Store) -> None:
    never = SendWindows((SendWindow.parse("mon 09:00-10:00 UTC"), SendWindow.parse("tue 09:00-10:00 UTC")))
    assert end(store, settings("50/d"), 500, never) is None
