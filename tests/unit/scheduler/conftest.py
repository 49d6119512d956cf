import asyncio
from collections.abc import Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from campaigns.model.domain_group import NO_LIMITS, Limits
from campaigns.model.routes import NO_ROUTES, Routes
from campaigns.model.states import MessageState
from campaigns.store import tables
from campaigns.store.engine import Store
from scheduler import dispatch
from scheduler.doing import Listener
from scheduler.worker import Way, Worker
from tests.doubles.filled_store import new_store
from tests.doubles.virtual_time import VirtualClock, VirtualTimetable


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = new_store(tmp_path)
    yield store
    store.close()


class Stage:
    """A worker on virtual time, and looks into its tables."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self._folder = folder

    def worker(
        self,
        clock: VirtualClock,
        *ways: Way,
        limits: Limits = NO_LIMITS,
        routes: Routes = NO_ROUTES,
        listeners: Sequence[Listener] = (),
        step: float = 1.0,
    ) -> Worker:
        return Worker(
            self.store,
            ways,
            clock=clock,
            version="test",
            folder=self._folder,
            limits=limits,
            routes=routes,
            timetable=VirtualTimetable(clock, step),
            listeners=listeners,
            in_thread=False,
        )

    @asynccontextmanager
    async def running(
        self,
        clock: VirtualClock,
        *ways: Way,
        limits: Limits = NO_LIMITS,
        routes: Routes = NO_ROUTES,
        step: float = 1.0,
    ) -> Any:
        """A worker that runs for as long as the block does; it looks at its tables every `step` seconds."""
        worker = self.worker(clock, *ways, limits=limits, routes=routes, step=step)
        running = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            worker.stop()
            await running

    def empty(self) -> None:
        """Take everything out of the tables, for the next example of a property."""
        with self.store.write() as connection:
            for table in reversed(tables.metadata.sorted_tables):
                if table.name != "workspace":
                    connection.execute(delete(table))

    def states(self, campaign_id: int) -> dict[MessageState, int]:
        counted: dict[MessageState, int] = {}
        with self.store.read() as connection:
            for row in connection.execute(select(tables.messages).where(tables.messages.c.campaign_id == campaign_id)):
                counted[MessageState(row.state)] = counted.get(MessageState(row.state), 0) + 1
        return counted

    def campaign(self, campaign_id: int) -> Any:
        with self.store.read() as connection:
            return connection.execute(select(tables.campaigns).where(tables.campaigns.c.id == campaign_id)).one()

    def rows(self, table: Any) -> list[Any]:
        with self.store.read() as connection:
            return list(connection.execute(select(table)))


@pytest.fixture
def days_go_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """No idle connection says goodbye: on virtual time each of them would do so every ten seconds, for days."""
    monkeypatch.setattr(dispatch, "_IDLE", 1e6)


@pytest.fixture
def stage(store: Store, tmp_path: Path) -> Stage:
    return Stage(store, tmp_path)
