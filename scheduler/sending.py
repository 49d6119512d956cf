"""A worker run for the commands: `run` in the foreground, `merge` and `demo` with a bar until idle."""

import asyncio
import contextlib
import gc
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from campaigns import __version__
from campaigns.actions.desk import Desk
from campaigns.actions.held import settle
from campaigns.model.states import MessageState
from campaigns.store import campaigns, reporting
from campaigns.store.lock import WorkerLock, worker_lock
from scheduler.errands import Errands
from scheduler.forecasts import Forecasts
from scheduler.systemd import Systemd
from scheduler.transports.build import build_all
from scheduler.worker import Way, Worker

if TYPE_CHECKING:
    from scheduler.monitor import Monitor

try:
    import uvloop
except ImportError:  # a Python or a system that it does not support; everything works without it, more slowly
    uvloop = None  # type: ignore[assignment]

_BAR_EVERY = 0.1  # seconds between two looks at how far it is
_BAR_SHARE = 20  # times as long as a look takes: those of a million messages must not hold up their sending
_SWITCH = 0.001  # seconds after which the event loop lets the thread that commits take its next step: by default 5 ms
_ALLOCATIONS = 10_000  # objects made and still there, after which Python looks for garbage


@dataclass(frozen=True, slots=True)
class Watch:
    """Who wants to know how far some campaigns are."""

    campaigns: Sequence[str]
    told: Callable[[int, int], None]  # done, total


@dataclass(frozen=True, slots=True)
class Run:
    """What a worker's run came to."""

    seconds: float
    messages: dict[str, int]  # how many messages it settled, by state

    def as_json(self) -> dict[str, Any]:
        return {"seconds": round(self.seconds, 3), "messages": self.messages}


def run(desk: Desk, *, until_idle: bool, watch: Watch | None = None, accept_restored: bool = False) -> Run:
    """Send as the only worker of the desk's store; WorkerRunningError if there is one.

    CopiedError if it may be a copy, and something waits, unless a person accepts it. `watch` is told ten times a second how far its campaigns are.
    """
    assert desk.store.path is not None
    with worker_lock(desk.store.path) as lock, _seldom_looking_for_garbage(), _switching_often():
        settle(desk, accept=accept_restored)
        began = time.monotonic()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop if uvloop else None) as runner:
            settled = runner.run(_run(desk, lock, until_idle, watch))
        told = {state.name.lower(): number for state, number in sorted(settled.items())}
        return Run(time.monotonic() - began, told)


@contextlib.contextmanager
def _seldom_looking_for_garbage() -> Iterator[None]:
    """Hardly anything here stands in a cycle; looking for cycles took a twentieth of a run."""
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()  # what is there now stays until the end
    gc.set_threshold(_ALLOCATIONS, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


@contextlib.contextmanager
def _switching_often() -> Iterator[None]:
    """A commit takes half a dozen steps, and all connections wait for it: each step waited for a busy event loop."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


async def _run(desk: Desk, lock: WorkerLock, until_idle: bool, watch: Watch | None) -> Mapping[MessageState, int]:
    workspace = desk.workspace
    transports, broken = build_all(workspace.settings, workspace.root)
    settings = workspace.settings
    monitor = None if watch else _monitor(desk)
    errands = None if watch else Errands(desk)
    worker = Worker(
        desk.store,
        [
            Way(
                transport,
                settings.transports[transport.name].throttle,
                settings.windows_of(transport.name, leaves=transport.leaves),
                settings.warm_up_of(transport.name),
            )
            for transport in transports
        ],
        clock=desk.clock,
        version=__version__,
        folder=workspace.root,
        broken=broken,
        lock=lock,
        limits=settings.all_limits,
        routes=settings.all_routes,
        more_by=errands.come_by if errands else lambda _: False,
        listeners=() if watch else [Systemd(os.environ), *([monitor] if monitor else ())],
    )
    worker.stop_on_signals()
    watching = asyncio.create_task(_watch(desk, watch)) if watch else None
    running = asyncio.create_task(errands.keep()) if errands else None
    planning = None if watch else asyncio.create_task(Forecasts(desk).keep())
    try:
        await worker.run(until_idle=until_idle)
    finally:
        for beside in (watching, running, planning):
            if beside is not None:
                await _ended(beside)
        if monitor is not None:
            monitor.close()
    if watch is not None:
        _look(desk, watch)
    return worker.settled


async def _ended(beside: "asyncio.Task[None]") -> None:
    """Stop what went on beside the worker; what it failed of is in the log."""
    beside.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await beside


def _monitor(desk: Desk) -> "Monitor | None":
    """What `[metrics]` asks for; the library is loaded only then."""
    listen = desk.workspace.settings.metrics.listen
    if not listen:
        return None
    from scheduler.monitor import Monitor

    return Monitor(listen, desk.store, desk.clock, __version__)


async def _watch(desk: Desk, watch: Watch) -> None:
    while True:
        began = desk.clock.monotonic()
        _look(desk, watch)
        await asyncio.sleep(max(_BAR_EVERY, _BAR_SHARE * (desk.clock.monotonic() - began)))


def _look(desk: Desk, watch: Watch) -> None:
    done = total = 0
    with desk.store.read() as connection:
        for name in watch.campaigns:
            if (campaign := campaigns.find(connection, name)) is None:
                continue
            counted = reporting.count_messages(connection, campaign.id, campaign.state)
            mine = sum(counted.values())
            done += mine - counted[MessageState.QUEUED] - counted[MessageState.LEASED]
            total += mine
    watch.told(done, total)


def log_to(stream: Any = None, *, quiet: bool = False) -> None:
    """One line an event on standard error: for people on a terminal, JSON in a pipe or a journal."""
    stream = stream or sys.stderr
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # a look that is still busy is no news
    logging.getLogger("httpx").setLevel(logging.WARNING)
    people = stream.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=not people),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if people else structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR if quiet else logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
