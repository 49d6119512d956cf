"""A worker whose clock is set an hour forwards or back, or whose database takes nothing for a while, in between."""

import asyncio
import bisect
import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from campaigns.clock import to_micros
from campaigns.message.message import Message
from campaigns.model.states import CampaignState, MessageState
from campaigns.store import tables
from campaigns.store.engine import Store
from campaigns.store.lock import WorkerLock, last_turn, worker_lock
from scheduler import worker
from scheduler.transports.contract import Blame, Outcome, Stage, Verdict
from scheduler.worker import Way
from tests.doubles.filled_store import add_campaign
from tests.doubles.scripted_transport import ACCEPTED, ScriptedTransport
from tests.doubles.virtual_time import START, VirtualClock, VirtualTimetable, until, virtually

NOW = to_micros(START)
HOUR = 3600
DEFERRED = Outcome(Verdict.DEFERRED, Stage.RCPT, Blame.RECIPIENT, code="450", enhanced="4.2.1", text="Busy")
LOST = Outcome(Verdict.UNCERTAIN, Stage.BODY, Blame.OUTAGE, text="cut")
PEOPLE, RATE = 40, 10


@pytest.fixture(autouse=True)
def seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours go by here: four looks a second would make them long."""
    monkeypatch.setattr(worker, "_LOOK", 20.0)
    monkeypatch.setattr(worker, "_BEAT", 60.0)


class Recipients:
    """Every seventh says "later" once, one hangs up; when each mail was handed over, in seconds that no clock moves."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.begun: list[float] = []
        self.got: Counter[int] = Counter()
        self.deferred: set[int] = set()

    def answer(self, message: Message) -> Outcome:
        self.begun.append(self._clock.monotonic())
        if message.id % 7 == 0 and message.id not in self.deferred:
            self.deferred.add(message.id)
            return DEFERRED
        self.got[message.id] += 1
        return LOST if message.id == 11 else ACCEPTED


@given(st.lists(st.tuples(st.floats(0, 3), st.sampled_from((-HOUR, HOUR))), min_size=1, max_size=2))
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_jump_of_the_clock_sends_anything_twice_or_too_fast(stage: Any, jumps: list[tuple[float, int]]) -> None:
    with stage.store.read() as connection:
        name = f"fair{connection.exec_driver_sql('SELECT count(*) FROM campaigns').scalar()}"
    campaign = add_campaign(stage.store, name, PEOPLE, throttles=f"{RATE}/s", now=NOW)

    async def play(clock: VirtualClock) -> None:
        recipients = Recipients(clock)
        transport = ScriptedTransport(clock, on_hand_over=recipients.answer)
        async with stage.running(clock, Way(transport)):
            for after, seconds in jumps:
                await asyncio.sleep(after)
                clock.jump(seconds)
            await until(lambda: stage.campaign(campaign).state == CampaignState.FINISHED, within=6 * HOUR, every=60)
        assert set(recipients.got.values()) == {1}
        assert len(recipients.got) == PEOPLE
        starts = recipients.begun
        assert max(bisect.bisect_left(starts, at + 1) - n for n, at in enumerate(starts)) <= RATE

    virtually(play)
    ended = stage.states(campaign)
    assert ended.get(MessageState.UNCERTAIN, 0) <= 1
    assert sum(ended.values()) == ended[MessageState.ACCEPTED] + ended.get(MessageState.UNCERTAIN, 0) == PEOPLE


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_a_scheduled_campaign_starts_by_the_clock_on_the_wall(stage: Any, jump: int) -> None:
    in_two_hours = NOW + 2 * HOUR * 1_000_000
    campaign = add_campaign(
        stage.store, "fair", 3, state=CampaignState.SCHEDULED, starts_at=in_two_hours, now=NOW, late_after=60
    )

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock)
        async with stage.running(clock, Way(transport)):
            await asyncio.sleep(60)
            clock.jump(jump)
            await asyncio.sleep(2 * HOUR - jump - 120)
            assert transport.got == []
            await until(lambda: len(transport.got) == 3, within=65)
            assert all(to_micros(at) >= in_two_hours for at, _ in transport.got)

    virtually(play)
    assert stage.states(campaign) == {MessageState.ACCEPTED: 3}


@pytest.mark.parametrize("batch", [1, 5])
def test_a_database_that_becomes_read_only_stops_all_sending_and_loses_nothing(stage: Any, batch: int) -> None:
    campaign = add_campaign(stage.store, "fair", 200, throttles="20/s", now=NOW)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, batch=batch, delay=0.3)
        async with stage.running(clock, Way(transport)):
            for after in (0.7, 1.9, 0.25):
                await asyncio.sleep(after)
                with read_only(stage.store):
                    await asyncio.sleep(1)  # what was leased before is answered
                    standing = len(transport.got)
                    await asyncio.sleep(30)
                    assert len(transport.got) == standing < 200
            await until(lambda: stage.campaign(campaign).state == CampaignState.FINISHED)
        assert len(transport.addresses) == len(set(transport.addresses)) == 200

    virtually(play)
    assert stage.states(campaign) == {MessageState.ACCEPTED: 200}


def test_turns_are_counted_while_mails_leave_and_stand_beside_the_database_when_they_are_on_the_disk_in_it(
    stage: Any, tmp_path: Path
) -> None:
    add_campaign(stage.store, "fair", 500, throttles="1/s", now=NOW)
    database = tmp_path / "mergecast.db"
    beside: list[int] = []

    def turn() -> int:
        told = last_turn(database)
        return told.number if told else 0

    async def play(clock: VirtualClock, lock: WorkerLock) -> None:
        folder, alarms = tmp_path, VirtualTimetable(clock)
        ways = [Way(ScriptedTransport(clock))]
        here = worker.Worker(
            stage.store, ways, clock=clock, version="test", folder=folder, lock=lock, timetable=alarms, in_thread=False
        )
        running = asyncio.create_task(here.run())
        for _ in range(4):
            await asyncio.sleep(65)
            (row,) = stage.rows(tables.workspace)
            beside.append(turn())
            assert beside[-1] == row.turn
        here.stop()
        await running

    with worker_lock(database) as lock:
        virtually(lambda clock: play(clock, lock))
    assert sorted(set(beside)) == beside  # each later than the one before
    assert turn() > beside[-1] > 1  # the end in good order is counted, too


@contextlib.contextmanager
def read_only(store: Store) -> Iterator[None]:
    """SQLite itself refuses all writing: SQLITE_READONLY, as on a disk that was mounted anew."""
    refuses = True  # `taken` sees what it is by then

    def taken(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.execute(f"PRAGMA query_only={'ON' if refuses else 'OFF'}")

    for engine in (store._writing, store._paging):
        event.listen(engine, "checkout", taken)
    try:
        with pytest.raises(Exception, match="read-only"), store.write() as connection:
            connection.exec_driver_sql("UPDATE workspace SET turn = turn")
        yield
    finally:
        refuses = False  # the hook stays, and lets everything through
