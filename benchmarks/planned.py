"""A plan, and what became of it: the real worker on a virtual clock, through a sink that answers at once."""

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import Figure
from campaigns.actions.outlook import Plan
from campaigns.clock import from_micros
from campaigns.model.states import CampaignState
from campaigns.store import campaigns
from campaigns.store.engine import Store
from scheduler.sending import log_to
from scheduler.worker import Worker
from tests.doubles.filled_store import new_store
from tests.doubles.planned_campaign import add_over_zones, left, planned, settings_of, way_of
from tests.doubles.scripted_transport import ScriptedTransport
from tests.doubles.virtual_time import VirtualClock, VirtualTimetable, until, virtually

_PEOPLE = 100_000
_ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney", "America/Los_Angeles")
_WINDOW = "mon-fri 09:00-11:00 recipient"
_THROTTLES = "5/s", "150/min"  # of the transport, of gmail.com
_WARM_UP = "30000/d, 60000/d, 90000/d UTC"
_START = datetime(2026, 12, 3, 6, tzinfo=UTC)
_WITHIN = 14 * 86_400.0  # seconds


def plans(repeat: int, *, quick: bool) -> list[Figure]:
    """100,000 people over five zones, two throttles, a window and a warm-up: the plan, then the campaign itself on a virtual clock."""
    people = _PEOPLE // 10 if quick else _PEOPLE
    settings = settings_of(*_THROTTLES, _WARM_UP)
    log_to(quiet=True)
    made: list[tuple[Plan, float, int]] = []

    async def play(clock: VirtualClock) -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = new_store(Path(folder))
            campaign = add_over_zones(store, "world", people, clock=clock, windows=_WINDOW, zones=_ZONES)
            took = []
            for _ in range(repeat):
                began = time.monotonic()
                plan = planned(store, settings, campaign, clock)
                took.append(time.monotonic() - began)
            transport = ScriptedTransport(clock, "relay", delay=0.001)
            worker = Worker(
                store, [way_of(settings, transport)], clock=clock, version="benchmark", folder=Path(folder),
                limits=settings.all_limits, timetable=VirtualTimetable(clock, 60.0), in_thread=False,
            )  # fmt: skip
            running = asyncio.create_task(worker.run())
            await until(lambda: _is_through(store, campaign), within=_WITHIN, every=60.0)
            worker.stop()
            await running
            made.append((plan, min(took), left(store, campaign)[2]))
            store.close()

    virtually(play, start=_START)
    [(plan, seconds, last)] = made
    assert plan.last is not None
    apart = abs((plan.last - from_micros(last)).total_seconds()) / (from_micros(last) - _START).total_seconds()
    return [
        Figure(f"plan of {people:,} people", seconds, "s", target=2.0, at_most=True),
        Figure(f"last mail of {people:,}, planned and sent: apart", apart * 100, "%", target=1.0, at_most=True),
    ]


def _is_through(store: Store, campaign: int) -> bool:
    with store.read() as conn:
        return campaigns.needed(conn, campaign).state is CampaignState.FINISHED
