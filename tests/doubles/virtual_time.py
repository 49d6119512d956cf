"""An event loop whose time jumps to the next timer as soon as nothing is left to do, and a clock that follows it."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from campaigns.clock import to_micros
from scheduler.timetable import Job, Timetable

START = datetime(2026, 12, 1, 8, tzinfo=UTC)


class VirtualClock:
    """Follows the virtual loop; `jump` sets the wall clock without moving monotonic time."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def micros(self) -> int:
        return to_micros(self.now())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def jump(self, seconds: float) -> None:
        self._start += timedelta(seconds=seconds)


class VirtualTimetable(Timetable):
    """The worker's alarms on the virtual loop instead of APScheduler, which asks the real clock."""

    def __init__(self, clock: VirtualClock, step: float = 1.0) -> None:
        self._clock = clock
        self._step = step  # seconds between two looks at least: four looks a second would make an hour long
        self._tasks: list[asyncio.Task[None]] = []
        self._starts_at: datetime | None = None

    def start(self) -> None:
        """The jobs run from the moment they are added."""

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    def every(self, seconds: float, job: Job) -> None:
        async def again() -> None:
            while True:
                await asyncio.sleep(max(seconds, self._step))
                await job()

        self._tasks.append(asyncio.create_task(again()))

    def at(self, instant: datetime | None, job: Job) -> None:
        if instant is None or instant == self._starts_at:
            return
        self._starts_at = instant

        async def once(wait: float) -> None:
            await asyncio.sleep(wait)
            await job()

        self._tasks.append(asyncio.create_task(once((instant - self._clock.now()).total_seconds())))


def virtually(play: Callable[[VirtualClock], Coroutine[Any, Any, None]], *, start: datetime = START) -> None:
    """Run a play on virtual time."""

    async def played() -> None:
        await play(VirtualClock(start))

    loop = _VirtualLoop()
    try:
        loop.run_until_complete(played())
    finally:
        loop.close()


async def until(
    condition: Callable[[], bool | Awaitable[bool]], *, within: float = 3600.0, every: float = 0.05
) -> None:
    """Let virtual time pass until a condition holds."""
    async with asyncio.timeout(within):
        while True:
            met = condition()
            if met is True or (met is not False and await met):
                return
            await asyncio.sleep(every)


class _Jumping(selectors.DefaultSelector):
    loop: "_VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise AssertionError("Everybody waits, and nothing will ever happen.")
        self.loop.jumped += timeout
        return []


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        selector = _Jumping()
        selector.loop = self
        self.jumped = 0.0
        super().__init__(selector)
        self._clock_resolution = 1e-6  # months on, a float of seconds has no nanoseconds, and nothing would be due

    def time(self) -> float:
        return self.jumped
