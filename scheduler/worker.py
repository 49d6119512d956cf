"""The long-lived worker: takes the store's lock, recovers, sends, and stops in good order.

    recover -> register -> { look, beat, watch the disk } while the dispatchers carry messages -> drain -> sign off

`look` runs four times a second and at each campaign's instant: it starts what is due, tells the lines what sends, and
finishes what is through. What people do in another terminal is felt there, and once more in each lease.
"""

import asyncio
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog

from campaigns.clock import Clock, from_micros
from campaigns.errors import StoreError
from campaigns.model.domain_group import NO_LIMITS, Limits
from campaigns.model.routes import NO_ROUTES, Routes
from campaigns.model.send_window import SendWindows
from campaigns.model.states import CampaignState, MessageState, PauseReason
from campaigns.model.throttle import Throttle
from campaigns.model.warm_up import WarmUp
from campaigns.store import campaigns, history, lanes, origin, underway, workers
from campaigns.store.engine import Connection, Store
from campaigns.store.kept_files import KeptFiles
from campaigns.store.lock import Turn, WorkerLock
from campaigns.store.underway import SendingCampaign
from scheduler.astray import astray
from scheduler.baggage import Baggage
from scheduler.dispatch import Dispatch
from scheduler.doing import Doing, Listener
from scheduler.holding import hold_back
from scheduler.ledger import UNSEEN, Ledger
from scheduler.line import Line
from scheduler.recover import recover
from scheduler.routing import Routing
from scheduler.rules import Rules
from scheduler.starting import Starting
from scheduler.throttle import Throttles
from scheduler.timetable import Timetable
from scheduler.transports.contract import Transport

_LOOK = 0.25  # seconds between two looks at the tables
_BEAT = 2.0
_DRAIN = 30.0  # seconds that replies are waited for when the worker stops
_LAST_TRY = 2.0  # seconds that their settlements are waited for at least
_DISK_FLOOR = 100 * 2**20  # bytes that must be free, or nothing is leased
_SOON = 600  # seconds: `--until-idle` waits for what is due within

T = TypeVar("T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Way:
    """A transport with the throttles, send windows and warm-up that the settings give it."""

    transport: Transport
    throttles: Sequence[Throttle] = ()
    windows: SendWindows = SendWindows()  # noqa: RUF009 - it cannot change
    warm_up: WarmUp | None = None


class Worker:
    """One run of the worker on one store; the caller holds the store's worker lock."""

    def __init__(
        self,
        store: Store,
        ways: Collection[Way],
        *,
        clock: Clock,
        version: str,
        folder: Path,
        broken: Mapping[str, str] | None = None,
        lock: WorkerLock | None = None,
        limits: Limits = NO_LIMITS,
        routes: Routes = NO_ROUTES,
        timetable: Timetable | None = None,
        listeners: Sequence[Listener] = (),
        more_by: Callable[[int], bool] = lambda _: False,
        in_thread: bool = True,
    ) -> None:
        self._store = store
        self._clock = clock
        self._version = version
        self._folder = folder
        self._ways = ways
        self._broken = broken or {}  # transports that the settings name and that cannot be used: what is wrong
        self._executor: Executor | None = ThreadPoolExecutor(1, "store") if in_thread else None
        self._lock = lock
        self._counted = 0  # commits of the ledger when turns were last counted
        self._limits = limits
        self._routing = Routing([way.transport for way in ways], routes)
        self._in_hand: set[int] = set()
        self._timetable = timetable or Timetable()
        self._listeners = listeners
        self._more_by = more_by  # whether something will be queued by an instant, in microseconds
        self._stop = asyncio.Event()
        self._broken_by: BaseException | None = None
        self._until_idle = False
        self._sending: list[SendingCampaign] = []
        self._started: set[int] = set()  # campaigns that this worker started since the last look
        self._disk = ""
        self._unreadable = ""

    async def run(self, *, until_idle: bool = False) -> None:
        """Send until told to stop or, with `until_idle`, until nothing is left to do within ten minutes."""
        self._until_idle = until_idle
        self._enrol()
        keeper = asyncio.create_task(self._ledger.keep())
        carriers = [asyncio.create_task(dispatch.run()) for dispatch in self._dispatches]
        for task in (keeper, *carriers):
            task.add_done_callback(self._ended)
        self._set_alarms()
        for listener in self._listeners:
            listener.started()
        try:
            await self.look()
            await self._stop.wait()
        finally:
            for listener in self._listeners:
                listener.stopping()
            self._timetable.stop()
            await self._drain(carriers, keeper)
            self._sign_off()
        if self._broken_by is not None:
            raise self._broken_by

    @property
    def settled(self) -> Mapping[MessageState, int]:
        """How many messages this run has settled, by state; QUEUED are those to be tried again."""
        settled: Counter[MessageState] = Counter()
        for (_, state), number in self._ledger.settled.items():
            settled[state] += number
        return settled

    def stop(self) -> None:
        """Lease nothing more; `run` returns when the replies are in, after 30 s at most."""
        if not self._stop.is_set():
            log.info("worker.stopping")
        self._stop.set()

    def stop_on_signals(self) -> None:
        """SIGTERM and Ctrl-C ask for an orderly end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)

    def _enrol(self) -> None:
        rehearsals = {way.transport.name for way in self._ways if not way.transport.leaves}
        recover(self._store, rehearsals, self._clock)
        lanes.settle(self._store, self._limits.group_of())
        windows = {way.transport.name: way.windows for way in self._ways}
        self._starting = Starting(self._store, windows, self._routing, self._clock)
        with self._store.read() as connection:
            last_seen = workers.last_beat(connection)
        if last_seen is not None:
            self._starting.after_absence(last_seen)
        with self._store.write() as connection:
            self._id = workers.start(connection, version=self._version, at=self._clock.now())
        self._count_turn()
        self._throttles = Throttles(self._store, self._clock)
        self._ledger = Ledger(self._store, self._id, self._throttles, self._clock, self._executor)
        self._ledger.looked_at = self._clock.micros()
        self._baggage = Baggage(self._store, KeptFiles(self._folder), in_thread=self._executor is not None)
        self._dispatches = [self._dispatch(way) for way in self._ways]
        self._doing = Doing(self._dispatches, self._throttles, self._routing)
        log.info("worker.started", transports=[way.transport.name for way in self._ways])

    def _dispatch(self, way: Way) -> Dispatch:
        name = way.transport.name
        limits = self._limits if way.transport.leaves else NO_LIMITS  # a rehearsal reaches nobody
        rules = Rules(name, way.throttles, limits, self._throttles, way.windows, warm_up=way.warm_up)
        spending, routing = self._throttles, self._routing
        line = Line(self._store, way.transport, rules, spending, routing=routing, in_hand=self._in_hand)
        return Dispatch(way.transport, line, self._ledger, self._store, self._clock, baggage=self._baggage)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A mistake of ours ends the worker: one that stands still looks as if it worked."""
        if not task.cancelled() and (mistake := task.exception()) is not None:
            log.critical("worker.broken", reason=repr(mistake))
            self._broken_by = mistake
            self.stop()

    def _set_alarms(self) -> None:
        self._timetable.every(_LOOK, self.look)
        self._timetable.every(_BEAT, self.beat)
        self._timetable.start()

    async def look(self) -> None:
        """Start what is due, tell the lines what sends, finish what is through."""
        try:
            await self._aside(self._after_absence)
            self._started |= await self._aside(self._starting.start_due)
            for campaign, reason in await self._aside(lambda: hold_back(self._store, self._sending, self._clock)):
                self._ledger.pause(campaign, reason)
            with self._store.read() as connection:
                self._notice(connection, underway.sending_campaigns(connection))
                starts_at = underway.next_start(connection)
                self._throttles.heed_people(connection)
                lost = astray(connection, self._sending, self._routing, self._broken)
            self._routing.look([one.transport.name for one in self._dispatches if one.aftermath.health.failing])
            for dispatch in self._dispatches:
                dispatch.refresh([campaign for campaign in self._sending if campaign.id not in lost])
            self._pause(lost)
            self._timetable.at(from_micros(starts_at) if starts_at is not None else None, self.look)
            is_idle = self._until_idle and self._idle(
                starts_at
            )  # before: what settles between the two is to be finished
            await self._aside(self._finish)
            if is_idle:
                self.stop()
            self._unreadable = ""
        except StoreError as error:
            if error.sentence != self._unreadable:
                log.error("store.refuses", reason=error.sentence)
            self._unreadable = error.sentence

    def _after_absence(self) -> None:
        """A machine that slept wakes up: nothing was leased since the last look, and what is late is treated as such first."""
        now = self._clock.micros()
        if now - self._ledger.looked_at > UNSEEN:
            self._starting.after_absence(self._ledger.looked_at)
        self._ledger.looked_at = now

    def _notice(self, connection: Connection, sending: list[SendingCampaign]) -> None:
        """Take over what sends now; what people did in another terminal is an event, too."""
        before = {campaign.id for campaign in self._sending}
        for campaign in sending:
            if campaign.id not in before | self._started and campaign.state is CampaignState.SENDING:
                log.info("campaign.resumed", campaign=campaign.name)
        for gone in before - {campaign.id for campaign in sending}:
            told = campaigns.by_id(connection, gone)
            if told is not None and (told.state is CampaignState.CANCELLED or told.reason == PauseReason.PERSON):
                log.info(f"campaign.{told.state}", campaign=told.name)
        self._started.clear()
        self._sending = sending

    async def beat(self) -> None:
        """Watch the disk, and write down what goes on for `status`."""
        free = shutil.disk_usage(self._folder).free
        full = f"Only {free // 2**20} MB are free on the disk; sending goes on above {_DISK_FLOOR // 2**20} MB."
        self._disk = full if free < _DISK_FLOOR else ""
        self._ledger.close(self._disk)
        doing = self._doing.told(self._sending, self._ledger, self._disk)
        refusal = ""
        try:
            await self._aside(lambda: self._write_beat(doing))
        except StoreError as error:
            refusal = error.sentence
            log.error("store.refuses", reason=refusal)
        for listener in self._listeners:
            listener.beat(self._doing.beat(doing, self._ledger, free, refusal or self._unreadable))

    def _pause(self, lost: Mapping[int, str]) -> None:
        for campaign in self._sending:
            if campaign.id in lost and campaign.state is CampaignState.SENDING:
                self._ledger.pause(campaign, lost[campaign.id])

    def _finish(self) -> None:
        """Campaigns of which nothing is queued or leased any more are finished."""
        for campaign in self._sending:
            if campaign.state is not CampaignState.SENDING:
                continue
            with self._store.read() as connection:
                if underway.has_open_messages(connection, campaign.id):
                    continue
            with self._store.write() as connection:
                if not underway.finish(connection, campaign.id, self._clock.micros()):
                    continue
                self._remember(connection, "finish", campaign.id)
            log.info("campaign.finished", campaign=campaign.name)

    def _remember(self, connection: Connection, verb: str, campaign_id: int) -> None:
        history.record(
            connection, at=self._clock.now(), who="worker", verb=verb, thing="campaign", thing_id=campaign_id
        )

    def _idle(self, starts_at: int | None) -> bool:
        """Whether nothing is left that could leave within ten minutes."""
        soon = self._clock.micros() + _SOON * 1_000_000
        if (starts_at is not None and starts_at <= soon) or self._more_by(soon):
            return False
        with self._store.read() as connection:
            lines = {dispatch.transport.name: dispatch.line for dispatch in self._dispatches}
            return not underway.due_before(
                connection,
                soon,
                lines,
                opens=lambda campaign, lane: all(line.opens_by(campaign.id, lane, soon) for line in lines.values()),
            )

    def _write_beat(self, doing: Mapping[str, Any]) -> None:
        with self._store.write_page() as connection:
            workers.beat(connection, self._id, at=self._clock.now(), doing=dict(doing))
        if self._ledger.commits != self._counted:
            self._counted = self._ledger.commits
            self._count_turn()

    def _count_turn(self) -> None:
        """Say beside the database, too, how far it has come: after it is on the disk there, never before."""
        with self._store.write() as connection:
            turn = Turn(origin.uuid(connection), origin.next_turn(connection))
        if self._lock is not None:
            self._lock.sign(turn)

    async def _drain(self, carriers: Sequence[asyncio.Task[None]], keeper: asyncio.Task[None]) -> None:
        """Wait for the replies to what is on the wire; what has none after 30 s is found leased at the next start."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + _DRAIN
        self._ledger.close("The worker is stopping.")
        for dispatch in self._dispatches:
            dispatch.stop()
        _, unanswered = await asyncio.wait(carriers, timeout=_DRAIN)
        if unanswered:
            log.warning("worker.unanswered", transports=len(unanswered), seconds=_DRAIN)
        for task in unanswered:
            task.cancel()
        await asyncio.gather(*carriers, return_exceptions=True)
        if not keeper.done():
            await self._written_down(max(ends, loop.time() + _LAST_TRY))
        keeper.cancel()
        for dispatch in self._dispatches:
            await dispatch.transport.close()

    async def _written_down(self, until: float) -> None:
        """Wait until all that is known is on disk; a store that refuses for too long finds it leased at the next start."""
        try:
            async with asyncio.timeout_at(until):
                await self._ledger.emptied()
        except TimeoutError:
            log.error("worker.unwritten", reason=self._ledger.trouble)
            sentence = f"{self._ledger.trouble} What became of the last mails could not be written down."
            remedy = "Make room; at the next start they are uncertain: see `mergecast uncertain list`."
            self._broken_by = StoreError(sentence, remedy=remedy)

    def _sign_off(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True)
        with self._store.write() as connection:
            workers.stopped(connection, self._id, at=self._clock.now())
        self._count_turn()
        log.info("worker.stopped")

    async def _aside(self, write: Callable[[], T]) -> T:
        """Run a small transaction where all writing is done, so that the event loop never waits for the disk."""
        if self._executor is None:
            return write()
        return await asyncio.get_running_loop().run_in_executor(self._executor, write)
