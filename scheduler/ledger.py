"""The group commit: leases and settlements of all connections go to disk together.

One transaction writes the settlements so far and leases the next message of each connection that asked; its fsync is
what makes *leased* mean "may be on the wire". While one commit is on its way, the wishes for the next one gather.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from campaigns.clock import Clock, from_micros
from campaigns.errors import StoreError
from campaigns.model.retry import given_up
from campaigns.model.states import CampaignState, MessageState
from campaigns.store import campaigns, history, outbox, spent
from campaigns.store.engine import Connection, Store
from campaigns.store.outbox import Candidate, Settlement
from campaigns.store.underway import SendingCampaign
from scheduler.throttle import Throttles

_PATIENCE = 5_000_000  # micros that a prepared connection waits for its throttle before it gives its turn back
_PROMPT = 10_000  # micros between counting a hand-over and beginning it
_AGAIN_AFTER = 1.0  # seconds between two tries to write to a store that refuses
_ROWS = 1_000  # leases in one commit: no transaction lasts over 100 ms
_GATHER = 3  # turns of the event loop in which connections whose replies are there, too, join a commit
_FORGET_EVERY = 500  # commits between two sweeps of throttle slices that count no longer

log = structlog.get_logger()


@dataclass(slots=True)
class Turn:
    """A promise to one connection: these messages are next."""

    campaign: SendingCampaign
    candidates: list[Candidate]
    throttles: tuple[str, ...]
    promised: int = 0  # how many hand-overs its throttles have set aside for it


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


@dataclass(slots=True)
class _Wish:
    turn: Turn
    at: int
    granted: asyncio.Future[set[int]]


@dataclass(slots=True)
class _Batch:
    wishes: list[_Wish] = field(default_factory=list)
    settlements: list[tuple[Stretch | None, Settlement]] = field(default_factory=list)
    ended: list[Stretch] = field(default_factory=list)
    pauses: list[tuple[SendingCampaign, str]] = field(default_factory=list)
    uses: dict[tuple[str, int], int] = field(default_factory=dict)
    stale: list[tuple[str, int]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.wishes or self.settlements or self.ended or self.pauses)


class Ledger:
    """The only writer of leases and settlements."""

    def __init__(
        self, store: Store, worker_id: int, throttles: Throttles, clock: Clock, executor: Executor | None
    ) -> None:
        self.trouble = ""  # why the store takes nothing just now
        self.closed = ""  # why nothing may be leased just now: the disk is nearly full, the worker is stopping
        self.settled: Counter[MessageState] = Counter()  # what this run has written down
        self._store = store
        self._worker_id = worker_id
        self._throttles = throttles
        self._clock = clock
        self._executor = executor  # one thread; None commits in the event loop itself
        self._gathering = _Batch()
        self._something = asyncio.Event()
        self._on_disk = asyncio.Event()
        self._committing = False
        self._gates: dict[tuple[str, ...], asyncio.Lock] = {}
        self._commits = 0

    async def lease(self, turn: Turn) -> tuple[list[Candidate], datetime]:
        """The candidates of a turn that are leased now, on disk, and the lease's instant.

        None of them when the turn's time or its campaign is gone.
        """
        at = await self._taken(turn, _PATIENCE)
        self._throttles.promise(turn.throttles, -turn.promised)
        turn.promised = 0
        if at is None:
            return [], self._clock.now()
        wish = _Wish(turn, at, asyncio.get_running_loop().create_future())
        self._gathering.wishes.append(wish)
        self._something.set()
        granted = await wish.granted
        leased = [candidate for candidate in turn.candidates if candidate.id in granted]
        if leased and not await self._may_begin(turn, at):
            self._return(leased)
            leased = []
        return leased, from_micros(at)

    def settle(self, stretch: Stretch | None, settlements: Sequence[Settlement]) -> None:
        """Have these written with the next commit."""
        self._gathering.settlements.extend((stretch, settlement) for settlement in settlements)
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

    async def keep(self) -> None:
        """Commit whatever gathers, until cancelled; a store that refuses is asked again every second."""
        while True:
            await self._something.wait()
            for _ in range(_GATHER):
                await asyncio.sleep(0)
            self._something.clear()
            batch = self._next_batch()
            self._commits += 1
            if self._commits % _FORGET_EVERY == 0:
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
        """All that gathered, but no more leases than a short transaction can hold."""
        batch, self._gathering = self._gathering, _Batch()
        rows = 0
        for number, wish in enumerate(batch.wishes):
            rows += len(wish.turn.candidates)
            if rows >= _ROWS:
                self._gathering.wishes = batch.wishes[number + 1 :]
                del batch.wishes[number + 1 :]
        if self._gathering:
            self._something.set()
        return batch

    async def _taken(self, turn: Turn, patience: int | None) -> int | None:
        """Wait for the turn's throttles and count it; the instant, or None when that takes too long.

        Ready connections stand in a queue and only its head watches the throttles: a turn that was promised to a
        connection which is still busy holds nobody up.
        """
        if not turn.throttles:
            return None if self.closed else self._throttles.now()
        n = len(turn.candidates)
        async with self._gates.setdefault(turn.throttles, asyncio.Lock()):
            while not self.closed:
                now = self._throttles.now()
                wait, _ = self._throttles.wait(turn.throttles, now, n)
                if wait <= 0:
                    self._spend(self._throttles.take(turn.throttles, now, n))
                    return now
                if patience is not None and wait > patience:
                    return None
                await asyncio.sleep(wait / 1_000_000)
        return None

    async def _may_begin(self, turn: Turn, at: int) -> bool:
        """Whether the hand-over begins when it was counted; one that a slow commit held up is counted anew.

        Otherwise a disk that stands still for three seconds would let three seconds' mail go at once.
        """
        if not turn.throttles or self._throttles.now() - at <= _PROMPT:
            return True
        self._spend(self._throttles.give_back(turn.throttles, at, len(turn.candidates)))
        return await self._taken(turn, None) is not None

    def _spend(self, uses: Iterable[tuple[str, int, int]]) -> None:
        for key, start, used in uses:
            self._gathering.uses[key, start] = used

    def _return(self, leased: Sequence[Candidate]) -> None:
        """Nothing of these left: the worker stops before their time comes."""
        now = self._throttles.now()
        self.settle(
            None,
            [
                Settlement((one.id,), MessageState.QUEUED, now, due_at=one.due_at, attempts=one.attempts)
                for one in leased
            ],
        )

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
            for wish in batch.wishes:
                if not wish.granted.cancelled():
                    wish.granted.set_result(granted)
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
            if not wish.granted.cancelled():
                wish.granted.set_result(set())
        batch.wishes = []

    def _commit(self, batch: _Batch) -> set[int]:
        """Settle first, then pause, then lease: one transaction, on disk when it returns."""
        leased: set[int] = set()
        with self._store.lease() as connection:
            outbox.settle(connection, self._attributed(connection, batch))
            for stretch in batch.ended:
                if stretch.id is not None:
                    outbox.count_handover(connection, stretch.id, stretch.rows)
            for campaign, reason in batch.pauses:
                self._pause(connection, campaign, reason)
            if batch.wishes:
                leased = self._lease(connection, batch.wishes)
            if batch.uses:
                spent.write(connection, [(key, start, used) for (key, start), used in batch.uses.items()])
            for key, before in batch.stale:
                spent.forget(connection, key, before)
        return leased

    def _lease(self, connection: Connection, wishes: Sequence[_Wish]) -> set[int]:
        """Each at the instant at which its throttles counted it; what no throttle counted shares one, and a statement."""
        granted: set[int] = set()
        for at, ids in _by_instant(wishes).items():
            leased = outbox.lease(connection, self._worker_id, ids, at)
            if missed := [i for i in ids if i not in leased]:
                outbox.suppress_queued(connection, missed, at)
            granted |= leased
        return granted

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
        for _, settlement in batch.settlements:
            self.settled[settlement.state] += len(settlement.message_ids)

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


def _by_instant(wishes: Sequence[_Wish]) -> dict[int, list[int]]:
    together = max(wish.at for wish in wishes)
    ids: dict[int, list[int]] = {}
    for wish in wishes:
        if not wish.turn.throttles:
            wish.at = together
        ids.setdefault(wish.at, []).extend([candidate.id for candidate in wish.turn.candidates])
    return ids
