"""A workspace that lives on virtual time: the real worker and the clerk's real verbs, from one event to the next.

Nothing happens between two events, so nothing is looked at there: a worker that looks four times a second would make a
year last for an hour.
"""

import asyncio
import random
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import event

from campaigns.actions.desk import Desk
from campaigns.actions.occurrences import prepare_due
from campaigns.message.message import Message
from campaigns.store import series, underway
from campaigns.store.engine import Store
from scheduler.timetable import Job, Timetable
from scheduler.transports.contract import Blame, Outcome, Stage, Verdict
from scheduler.worker import Way, Worker
from tests.doubles.killed import Killed, killed_after
from tests.doubles.scripted_transport import ACCEPTED, ScriptedTransport
from tests.doubles.virtual_time import VirtualClock
from tests.doubles.workspaces import new_desk

LATER = Outcome(Verdict.DEFERRED, Stage.RCPT, Blame.RECIPIENT, code="450", enhanced="4.2.1", text="Busy")
_A_MOMENT = 0.001
_BUSY = 30.0  # seconds between two looks while mail leaves: the worker leases nothing 120 s after one
_QUIET = 86_400.0  # the longest time without a look


class Taken(NamedTuple):
    """A mail that the far side was handed."""

    lasted: float  # seconds since the beginning of the year, whatever clocks were set
    at: datetime
    transport: str
    message: int
    to: str
    accepted: bool


class Alarms(Timetable):
    """What the worker does again and again, for whoever says when."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def start(self) -> None:
        """Nothing rings by itself."""

    def stop(self) -> None:
        self.jobs.clear()

    def every(self, seconds: float, job: Job) -> None:
        self.jobs.append(job)

    def at(self, instant: datetime | None, job: Job) -> None:
        """The life asks the tables itself."""


@dataclass
class Life:
    """Of one workspace, from the clock's beginning on."""

    folder: Path
    clock: VirtualClock
    dice: random.Random
    settings: dict[str, Any]
    taken: list[Taken] = field(default_factory=list)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    kills: int = 0

    def __post_init__(self) -> None:
        self.desk: Desk = new_desk(self.folder, self.clock, **self.settings)
        _never_synced(self.desk.store)
        self._alarms = Alarms()
        self._worker: Worker | None = None
        self._running: asyncio.Task[None] | None = None
        self._refused: set[int] = set()

    @property
    def store(self) -> Store:
        return self.desk.store

    async def begin(self) -> None:
        """Start a worker."""
        settings = self.desk.workspace.settings
        ways = [
            Way(
                self._transport(name),
                own.throttle,
                settings.windows_of(name, leaves=True),
                settings.warm_up_of(name),
            )
            for name, own in settings.transports.items()
            if own.leaves
        ]
        self._alarms = Alarms()
        self._worker = Worker(
            self.store, ways, clock=self.clock, version="test", folder=self.folder, timetable=self._alarms,
            limits=settings.all_limits, routes=settings.all_routes, in_thread=False,
        )  # fmt: skip
        self._running = asyncio.create_task(self._worker.run())
        await asyncio.sleep(0)

    async def end(self) -> None:
        """Stop it in good order."""
        assert self._worker is not None
        assert self._running is not None
        self._worker.stop()
        await self._running
        self._worker = None

    async def lives_until(self, instant: datetime) -> None:
        while (left := (instant - self.clock.now()).total_seconds()) > 0:
            if self._worker is None:
                await asyncio.sleep(left)
                return
            await self._look()
            await asyncio.sleep(_A_MOMENT)  # the connections look what there is
            left = (instant - self.clock.now()).total_seconds()
            await asyncio.sleep(max(0.001, min(left, self._pause())))

    async def _look(self) -> None:
        with self.store.read() as conn:
            wakes_at = series.wakes_at(conn)
        if wakes_at is not None and wakes_at <= self.clock.micros():
            self._clerk()
        for job in list(self._alarms.jobs):
            await job()
        assert self._running is not None
        assert not self._running.done(), self._running.exception()

    def _pause(self) -> float:
        """Seconds until the next event; little while mail leaves."""
        assert self._worker is not None
        now = self.clock.micros()
        with self.store.read() as conn:
            instants = [series.wakes_at(conn), underway.next_start(conn)]
        for dispatch in self._worker._dispatches:
            for waits, all_wait in dispatch.line.waits().values():
                instants += [wait.until for wait in waits] if all_wait else [now]
        soonest = min((one for one in instants if one is not None), default=None)
        if soonest is None:
            return _QUIET
        if soonest <= now:
            return _BUSY
        return min((soonest - now) / 1_000_000 + 0.001, _QUIET)

    def _clerk(self) -> None:
        """Every fourth errand is killed in one of its transactions, and sent again."""
        if self.dice.random() < 0.25:
            with killed_after(self.dice.randrange(12)):
                try:
                    prepare_due(self.desk, self._tell)
                except Killed:
                    self.kills += 1
        prepare_due(self.desk, self._tell)

    def _tell(self, event: str, **about: Any) -> None:
        self.told.append((event, about))

    def _transport(self, name: str) -> ScriptedTransport:
        def answer(message: Message) -> Outcome:
            later = message.id % 11 == 0 and message.id not in self._refused
            self._refused.add(message.id)
            self.taken.append(Taken(self.clock.monotonic(), self.clock.now(), name, message.id, message.to, not later))
            return LATER if later else ACCEPTED

        return ScriptedTransport(self.clock, name=name, kind="smtp", connections=1, on_hand_over=answer)


def _never_synced(store: Store) -> None:
    """No power is cut here, and a year has thousands of commits."""
    for engine in (store._writing, store._paging):
        event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA synchronous=OFF"))
