"""The real worker on virtual time: every lease lies in its windows, on the nights on which clocks are set, too."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from campaigns.clock import from_micros, to_micros
from campaigns.model.send_window import SendWindow, SendWindows
from campaigns.store import tables
from campaigns.store.engine import Store
from scheduler.worker import Way, Worker
from tests.doubles.filled_store import add_campaign, new_store
from tests.doubles.scripted_transport import ScriptedTransport
from tests.doubles.virtual_time import VirtualClock, VirtualTimetable, until, virtually

BERLIN = ZoneInfo("Europe/Berlin")
SPRING = datetime(2027, 3, 28, 0, 20, tzinfo=UTC)  # 02:00 becomes 03:00 at 01:00 UTC
AUTUMN = datetime(2027, 10, 30, 23, 20, tzinfo=UTC)  # 03:00 becomes 02:00 at 01:00 UTC


def leases(store: Store) -> list[datetime]:
    with store.read() as connection:
        found = connection.scalars(select(tables.messages.c.leased_at).where(tables.messages.c.leased_at.is_not(None)))
        return sorted(from_micros(at) for at in found)


@pytest.mark.parametrize(
    ("night", "open_minutes"),
    [
        (SPRING, {"00 +01:00": 0, "01 +01:00": 30, "03 +02:00": 0}),
        (AUTUMN, {"01 +02:00": 30, "02 +02:00": 30, "02 +01:00": 30, "03 +01:00": 0}),
    ],
)
def test_mail_leaves_inside_its_windows_while_the_clocks_are_set(
    tmp_path: Path, night: datetime, open_minutes: dict[str, int]
) -> None:
    store = new_store(tmp_path)
    add_campaign(
        store,
        "night",
        200,
        throttles="1/min",
        windows="sun 01:30-02:30 Europe/Berlin\n00:00-03:00 recipient",
        zone="Europe/Berlin",
        now=to_micros(night),
    )
    workspace = SendWindows((SendWindow.parse("00:00-12:00 Europe/Berlin"),))

    async def play(clock: VirtualClock) -> None:
        way = Way(ScriptedTransport(clock, connections=1), windows=workspace)
        timetable = VirtualTimetable(clock, step=60.0)
        worker = Worker(
            store, [way], clock=clock, version="test", folder=tmp_path, timetable=timetable, in_thread=False
        )
        running = asyncio.create_task(worker.run())
        await until(
            lambda: clock.now().astimezone(BERLIN).hour >= 3 and clock.now().hour >= 1 and clock.now().minute >= 40,
            within=20_000,
            every=60,
        )
        worker.stop()
        await running

    virtually(play, start=night)
    local = [at.astimezone(BERLIN) for at in leases(store)]
    assert all("01:30" <= f"{at:%H:%M}" < "02:30" for at in local)
    left = Counter(f"{at:%H} {at.isoformat()[-6:]}" for at in local)
    for hour, minutes in open_minutes.items():
        assert minutes - 1 <= left[hour] <= minutes + (minutes > 0), (hour, left)
    store.close()
