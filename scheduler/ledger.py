"""The group commit: leases and settlements of all connections go to disk together.

One transaction writes the settlements so far and leases the next message of each connection whose throttles are due;
its fsync is what makes *leased* mean "may be on the wire". While one commit is on its way, the wishes for the next one
gather. Throttles are spent as a commit begins and never during one, so a disk that stands still saves nothing up; and
what a commit held up counts from its end, for only then do the hand-overs begin.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from campaigns.clock import Clock, from_micros
from campaigns.errors import StoreError
from campaigns.gate import Gate
from campaigns.model.pace import Pace
from campaigns.model.retry import given_up
from campaigns.model.states import CampaignState, MessageState
from campaigns.model.warming_up import Reached
from campaigns.store import campaigns, history, outbox, spent, warm_ups
from campaigns.store.engine import Connection, Store
from campaigns.store.outbox import Candidate, Settlement
from campaigns.store.underway import SendingCampaign
from scheduler.throttle import Throttles

_PATIENCE = 5_000_000  # micros that a prepared connection waits for its throttle before it gives its turn back
_AGAIN_AFTER = 1.0  # seconds between two tries to write to a store that refuses
_ROWS = 2_000  # leases in one commit: no transaction lasts over 100 ms, and two large requests share an fsync
UNSEEN = 120_000_000  # micros without a look at what is due, after which nothing is leased: the machine slept
_GATHER = 3  # turns of the event loop in which connections whose replies are there, too, join a commit
_FORGET_EVERY = 500  # commits between two sweeps of throttle slices that count no longer

log = structlog.get_logger()


@dataclass(slots=True)
class Turn:
    """A promise to one connection: these messages are next."""

    campaign: SendingCampaign
    candidates: list[Candidate]
    throttles: tuple[str, ...]
    lane: tuple[int, int]  # campaign id and lane that it came from
    gate: Gate | None = None  # the send windows that its lease must lie in
    promised: int = 0  # how many hand-overs its throttles have set aside for it
    given_at: int = 0  # micros

    def is_shut(self, at: int) -> bool:
        """Whether a send window forbids a lease at this instant (micros)."""
        return self.gate is not None and self.gate.opens(at) > at


@dataclass(slots=True)
class Stretch:
    """One hand-over as the store knows it: a request, or what one SMTP connection carried from opening to closing."""

    transport: str
    host: str = ""
    remote_id: str = ""
    code: str = ""
    text: str = ""
    rows: int = 0
    id: int | None = None


Granted = Callable[[set[int], datetime], None]  # told the ids that are leased, and the lease's instant


@dataclass(slots=True)
class _Wish:
    turn: Turn
    grant: Granted


@dataclass(slots=True)
class _Batch:
    at: int = 0  # the instant of all its leases
    wishes: list[_Wish] = field(default_factory=list)
    settlements: list[tuple[Stretch | None, Settlement]] = field(default_factory=list)
    ended: list[Stretch] = field(default_factory=list)
    pauses: list[tuple[SendingCampaign, str]] = field(default_factory=list)
    uses: dict[tuple[str, int], int] = field(default_factory=dict)
    moved: bool = False  # among them are slices that moved with the clock: they wait for no lease
    stale: list[tuple[str, int]] = field(default_factory=list)
    paces: dict[str, Pace] = field(default_factory=dict)
    warm_ups: dict[str, Reached] = field(default_factory=dict)

    def __bool__(self) -> bool:
        asked = self.wishes or self.settlements or self.ended or self.pauses or self.paces or self.warm_ups
        return bool(asked or self.moved)


class Ledger:
    """The only writer of leases and settlements."""

    def __init__(
        self, store: Store, worker_id: int, throttles: Throttles, clock: Clock, executor: Executor | None
    ) -> None:
        self.trouble = ""  # why the store takes nothing just now
        self.closed = ""  # why nothing may be leased just now: the disk is nearly full, the worker is stopping
        self.looked_at = 0  # micros: when the worker last looked at what is due, and what is late
        self.commits = 0
        self.settled: Counter[tuple[str, MessageState]] = Counter()  # what this run has written down, by transport
        self._store = store
        self._worker_id = worker_id
        self._throttles = throttles
        self._clock = clock
        self._executor = executor  # one thread; None commits in the event loop itself
        self._gathering = _Batch()
        self._wishes: deque[_Wish] = deque()
        self._alarm: asyncio.TimerHandle | None = None  # rings when the next of them is due
        self._something = asyncio.Event()
        self._on_disk = asyncio.Event()
        self._committing = False

    async def lease(self, turn: Turn) -> tuple[list[Candidate], datetime]:
        """The candidates of a turn that are leased now, on disk, and the lease's instant.

        None of them when the turn's time or its campaign is gone.
        """
        leased: asyncio.Future[tuple[set[int], datetime]] = asyncio.get_running_loop().create_future()
        self.wish(turn, lambda *told: None if leased.cancelled() else leased.set_result(told))
        ids, at = await leased
        return [candidate for candidate in turn.candidates if candidate.id in ids], at

    def wish(self, turn: Turn, granted: Granted) -> None:
        """Have a turn leased with the next commit that its throttles let it into; `granted` is called once."""
        self._wishes.append(_Wish(turn, granted))
        self._something.set()

    def close(self, reason: str) -> None:
        """Lease nothing more, for this reason; "" leases again."""
        self.closed = reason
        self._something.set()

    def settle(self, stretch: Stretch | None, settlements: Sequence[Settlement]) -> None:
        """Have these written with the next commit."""
        self._gathering.settlements += [(stretch, settlement) for settlement in settlements]
        self._something.set()

    def end(self, stretch: Stretch) -> None:
        """Have the sum of a finished stretch written with the next commit."""
        if stretch.rows:
            self._gathering.ended.append(stretch)
            self._something.set()

    def pause(self, campaign: SendingCampaign, reason: str) -> None:
        """Have a campaign paused with the next commit."""
        self._gathering.pauses.append((campaign, reason))
        self._something.set()

    def keep_pace(self, whose: str, pace: Pace) -> None:
        """Have a pace that fell remembered with the next commit."""
        self._gathering.paces[whose] = pace
        self._something.set()

    async def keep(self) -> None:
        """Commit whatever gathers, until cancelled; a store that refuses is asked again every second."""
        while True:
            await self._something.wait()
            for _ in range(_GATHER):
                await asyncio.sleep(0)
            self._something.clear()
            batch = self._next_batch()
            if not batch:
                continue
            self.commits += 1
            if self.commits % _FORGET_EVERY == 0:
                batch.stale = self._throttles.stale(self._throttles.now())
            self._committing = True
            await self._written(batch)
            self._committing = False
            self._on_disk.set()

    async def emptied(self) -> None:
        """Wait until all that was asked for is on disk."""
        while self._gathering or self._committing:
            self._on_disk.clear()
            await self._on_disk.wait()

    def _next_batch(self) -> _Batch:
        """All that gathered, and the wishes whose throttles let them through now; the others wait on."""
        batch, self._gathering = self._gathering, _Batch()
        batch.at = self._throttles.now()
        if moved := self._throttles.moved():
            self._spend(batch, moved)
            batch.moved = True
        ahead: dict[tuple[str, ...], int] = {}  # throttles that somebody waits for already, and for how long
        rows = 0
        for _ in range(len(self._wishes)):
            wish = self._wishes.popleft()
            throttles, n = wish.turn.throttles, len(wish.turn.candidates)
            if rows >= _ROWS or throttles in ahead:
                self._wishes.append(wish)
                continue
            wait, _by = self._throttles.wait(throttles, batch.at, n)
            if self.closed or batch.at - self.looked_at > UNSEEN or wait > _PATIENCE or wish.turn.is_shut(batch.at):
                self._redeem(wish.turn)
                wish.grant(set(), from_micros(batch.at))
            elif wait > 0:
                ahead[throttles] = wait
                self._wishes.append(wish)
            else:
                self._redeem(wish.turn)
                self._spend(batch, self._throttles.take(throttles, batch.at, n))
                batch.wishes.append(wish)
                rows += n
        batch.warm_ups = self._throttles.warmed()
        self._set_alarm(0 if rows >= _ROWS else min(ahead.values(), default=None))
        return batch

    def _redeem(self, turn: Turn) -> None:
        """The promise that a turn was given out with has been kept, or is off."""
        self._throttles.promise(turn.throttles, -turn.promised)
        turn.promised = 0

    def _set_alarm(self, wait: int | None) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if wait is not None:
            self._alarm = asyncio.get_running_loop().call_later(wait / 1_000_000, self._something.set)

    def _count_from_now(self, batch: _Batch) -> None:
        """The hand-overs of a batch begin now, not when its commit began."""
        now = self._throttles.now()
        for turn in [wish.turn for wish in batch.wishes if wish.turn.throttles]:
            self._spend(self._gathering, self._throttles.postpone(turn.throttles, batch.at, now, len(turn.candidates)))

    @staticmethod
    def _spend(batch: _Batch, uses: Iterable[tuple[str, int, int]]) -> None:
        for key, start, used in uses:
            batch.uses[key, start] = used

    async def _written(self, batch: _Batch) -> None:
        while batch:
            try:
                granted = await self._aside(batch)
            except StoreError as error:
                self._refused(batch, error)
                await asyncio.sleep(_AGAIN_AFTER)
                continue
            if self.trouble:
                log.info("store.writable")
                self.trouble = ""
            self._count(batch)
            self._count_from_now(batch)
            at = from_micros(batch.at)
            for wish in batch.wishes:
                wish.grant(granted, at)
            return

    async def _aside(self, batch: _Batch) -> set[int]:
        if self._executor is None:
            return self._commit(batch)
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._commit, batch)

    def _refused(self, batch: _Batch, error: StoreError) -> None:
        """Nothing was written: no lease is granted, and what is known of messages waits for the next try."""
        if self.trouble != error.sentence:
            log.error("store.refuses", reason=error.sentence)
        self.trouble = error.sentence
        for wish in batch.wishes:
            wish.grant(set(), from_micros(batch.at))
        batch.wishes = []

    def _commit(self, batch: _Batch) -> set[int]:
        """Settle first, then pause, then lease: one transaction, on disk when it returns."""
        leased: set[int] = set()
        with self._store.write() as connection:
            outbox.settle(connection, self._attributed(connection, batch))
            for stretch in batch.ended:
                if stretch.id is not None:
                    outbox.count_handover(connection, stretch.id, stretch.rows)
            for campaign, reason in batch.pauses:
                self._pause(connection, campaign, reason)
            if batch.wishes:
                leased = self._lease(connection, batch)
            if batch.uses:
                spent.write(connection, [(key, start, used) for (key, start), used in batch.uses.items()])
            for whose, pace in batch.paces.items():
                spent.write_pace(connection, whose, pace)
            for whose, reached in batch.warm_ups.items():
                warm_ups.write(connection, whose, reached)
            for key, before in batch.stale:
                spent.forget(connection, key, before)
        return leased

    def _lease(self, connection: Connection, batch: _Batch) -> set[int]:
        ids = [candidate.id for wish in batch.wishes for candidate in wish.turn.candidates]
        leased = outbox.lease(connection, self._worker_id, ids, batch.at)
        if missed := [i for i in ids if i not in leased]:
            outbox.suppress_queued(connection, missed, batch.at)
        return leased

    def _attributed(self, connection: Connection, batch: _Batch) -> Iterator[tuple[Settlement, int | None]]:
        """The settlements with their hand-over's id, and with given-up messages expired."""
        began = self._first_tries(connection, batch)
        for stretch, settlement in batch.settlements:
            if stretch is not None and stretch.id is None:
                self._record(connection, stretch, settlement.at)
            first = began.get(settlement.message_ids[0])
            if first is not None and self._given_up(settlement, first):
                settlement = settlement._replace(state=MessageState.EXPIRED)
            yield settlement, stretch.id if stretch else None

    def _count(self, batch: _Batch) -> None:
        for stretch, settlement in batch.settlements:
            self.settled[stretch.transport if stretch else "", settlement.state] += len(settlement.message_ids)

    @staticmethod
    def _first_tries(connection: Connection, batch: _Batch) -> dict[int, int]:
        again = [s.message_ids[0] for _, s in batch.settlements if s.state is MessageState.QUEUED and s.outcome]
        return outbox.first_tries(connection, again) if again else {}

    def _record(self, connection: Connection, stretch: Stretch, at: int) -> None:
        stretch.id = outbox.record_handover(
            connection,
            self._worker_id,
            stretch.transport,
            host=stretch.host,
            remote_id=stretch.remote_id,
            code=stretch.code,
            text=stretch.text,
            at=at,
            rows=stretch.rows,
        )

    @staticmethod
    def _given_up(settlement: Settlement, began: int) -> bool:
        return given_up(from_micros(began), from_micros(settlement.due_at), timedelta(seconds=settlement.give_up_after))

    def _pause(self, connection: Connection, campaign: SendingCampaign, reason: str) -> None:
        changed = campaigns.change_state(
            connection, campaign.id, CampaignState.PAUSED, allowed={CampaignState.SENDING}, reason=reason
        )
        if changed:
            history.record(
                connection,
                at=self._clock.now(),
                who="worker",
                verb="pause",
                thing="campaign",
                thing_id=campaign.id,
                detail={"reason": reason},
            )
            log.warning("campaign.paused", campaign=campaign.name, reason=reason)
