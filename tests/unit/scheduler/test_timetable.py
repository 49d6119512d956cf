"""The alarm clock on APScheduler itself."""

import asyncio
from datetime import timedelta

import pytest

from campaigns.clock import SystemClock
from scheduler import timetable
from scheduler.timetable import Timetable


async def test_a_wall_clock_that_was_set_back_puts_nothing_to_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timetable, "_LOOK_AFTER", 0.01)
    ran = asyncio.Event()

    async def look() -> None:
        ran.set()

    alarms = Timetable()
    alarms.every(0.02, look)
    alarms.start()
    try:
        async with asyncio.timeout(20):
            await ran.wait()
        (job,) = alarms._alarms.get_jobs()
        job.modify(next_run_time=SystemClock().now() + timedelta(hours=1))  # as it looks after the clock was set back
        ran.clear()
        async with asyncio.timeout(20):
            await ran.wait()
    finally:
        alarms.stop()
