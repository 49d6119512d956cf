"""The worker's alarm clock: a handful of timers on APScheduler, never one for a message.

The job store is in memory: the tables own every truth, so nothing is lost with the process. A job that comes late runs
all the same (the library's own grace is one second), and never twice at once.

APScheduler knows the wall clock only: set back by an hour, it would let every interval sleep for one. So the event
loop's own clock looks after it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from campaigns.clock import SystemClock

Job = Callable[[], Awaitable[None]]
_START = "start"
_LOOK_AFTER = 1.0  # seconds between two looks at whether the wall clock was set back


class Timetable:
    """Wakes the worker at fixed intervals and at the next campaign's instant."""

    def __init__(self) -> None:
        self._alarms = AsyncIOScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._starts_at: datetime | None = None
        self._looking: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._alarms.start()
        self._look_after()

    def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        self._alarms.shutdown(wait=False)

    def every(self, seconds: float, job: Job) -> None:
        """Run `job` again and again."""
        self._alarms.add_job(job, IntervalTrigger(seconds=seconds), name=job.__name__)

    def _look_after(self) -> None:
        """Let intervals run now whose next time lies further ahead than they are long: the wall clock was set back."""
        now = SystemClock().now()
        for job in self._alarms.get_jobs():
            if isinstance(job.trigger, IntervalTrigger) and job.next_run_time - now > job.trigger.interval:
                job.modify(next_run_time=now)
        self._looking = asyncio.get_running_loop().call_later(_LOOK_AFTER, self._look_after)

    def at(self, instant: datetime | None, job: Job) -> None:
        """Run `job` at the next start, which may move or vanish."""
        if instant == self._starts_at:
            return
        self._starts_at = instant
        if instant is not None:
            self._alarms.add_job(job, DateTrigger(instant), id=_START, replace_existing=True)
        elif self._alarms.get_job(_START):
            self._alarms.remove_job(_START)
