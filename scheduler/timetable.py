"""The worker's alarm clock: a handful of timers on APScheduler, never one for a message.

The job store is in memory: the tables own every truth, so nothing is lost with the process. A job that comes late runs
all the same (the library's own grace is one second), and never twice at once.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

Job = Callable[[], Awaitable[None]]
_START = "start"


class Timetable:
    """Wakes the worker at fixed intervals and at the next campaign's instant."""

    def __init__(self) -> None:
        self._alarms = AsyncIOScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._starts_at: datetime | None = None

    def start(self) -> None:
        self._alarms.start()

    def stop(self) -> None:
        self._alarms.shutdown(wait=False)

    def every(self, seconds: float, job: Job) -> None:
        """Run `job` again and again."""
        self._alarms.add_job(job, IntervalTrigger(seconds=seconds), name=job.__name__)

    def at(self, instant: datetime | None, job: Job) -> None:
        """Run `job` at the next start, which may move or vanish."""
        if instant == self._starts_at:
            return
        self._starts_at = instant
        if instant is not None:
            self._alarms.add_job(job, DateTrigger(instant), id=_START, replace_existing=True)
        elif self._alarms.get_job(_START):
            self._alarms.remove_job(_START)
