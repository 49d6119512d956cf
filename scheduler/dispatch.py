"""From the line to the wire and back into the outbox: what each connection does, over and over.

    next turn -> files -> prepare -> lease -> hand over -> settle

The message after this one is chosen before this one is handed over, so that its envelope can travel with it; the
settlement of this one rides along with the lease of the next. Throttle, suppression and the campaign's state are asked
in the transaction that leases.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from campaigns.clock import Clock
from campaigns.errors import StoreError
from campaigns.message.message import Envelope, Message, Sender, unpack_values
from campaigns.message.shape import Shape
from campaigns.model.states import CampaignState, PauseReason
from campaigns.store import outbox
from campaigns.store.engine import Store
from campaigns.store.outbox import Candidate
from campaigns.store.underway import SendingCampaign
from scheduler.baggage import Baggage, Files
from scheduler.blame import Complaint, Health, complaint, settlements
from scheduler.ledger import Ledger, Stretch, Turn
from scheduler.line import Line
from scheduler.rates import Rates
from scheduler.transports.contract import Blame, Connection, Outcome, Stage, Transport, Verdict

_IDLE = 10.0  # seconds after which a connection without work says goodbye
_REST = 0.25  # seconds between two looks at whether work may begin again
_ALONG = 1_000_000  # micros: an envelope travels along only if its throttles are due within
_SHAPES = 500  # shapes kept in memory

log = structlog.get_logger()


class Dispatch:
    """All connections of one transport."""

    def __init__(
        self, transport: Transport, line: Line, ledger: Ledger, store: Store, clock: Clock, *, baggage: Baggage
    ) -> None:
        self.transport = transport
        self.line = line
        self.health = Health(clock)
        self.rates = Rates(clock)
        self._ledger = ledger
        self._store = store
        self._clock = clock
        self._baggage = baggage
        self._shapes: OrderedDict[int, Shape] = OrderedDict()
        self._constants: dict[int, bytes] = {}
        self._stopping = False

    async def run(self) -> None:
        """Carry messages until `stop`; then until what is on the wire has been answered."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self.transport.connections):
                group.create_task(self._carry_on(_Through(self.transport.connect(), Stretch(self.transport.name))))

    def refresh(self, sending: list[SendingCampaign]) -> None:
        """Take note of what sends now."""
        self.rates.look()
        self.line.refresh(sending)

    def stop(self) -> None:
        self._stopping = True
        self.line.close()

    async def _carry_on(self, through: "_Through") -> None:
        turn: Turn | None = None
        while not self._stopping:
            try:
                turn = turn or await self._next_turn()
                if turn is None:
                    await self._close(through)
                    continue
                turn = await self._carry(through, turn)
            except StoreError as error:  # reading ahead failed; nothing is leased
                log.warning("store.unreadable", reason=error.sentence)
                if turn is not None:
                    self.line.give_back(turn)
                    turn = None
                await asyncio.sleep(1.0)
        if turn is not None:
            self.line.give_back(turn)
            await through.connection.abandon()
        await self._close(through)

    async def _close(self, through: "_Through") -> None:
        await through.connection.close()
        self._ledger.end(through.stretch)
        through.stretch = Stretch(self.transport.name)

    async def _next_turn(self) -> Turn | None:
        """None when there is no work, or none may be begun: then the connection says goodbye."""
        if self._ledger.closed or self._ledger.trouble or self.health.rests():
            await asyncio.sleep(_REST)
            return None
        return await self.line.next_turn(_IDLE)

    async def _carry(self, through: "_Through", turn: Turn) -> Turn | None:
        """One turn, from envelope to settlement; returns the turn whose envelope travelled along, if one did."""
        connection = through.connection
        shape = self._shape(turn.candidates[0].shape_id)  # what could fail is done before anything is leased
        files: Files = {}
        if shape.files or shape.own_files:
            try:
                files = await self._files(turn, shape)
            except _Unfit as unfit:
                await connection.abandon()
                await self._without_files(turn, unfit.reason, through)
                return None
        refusal = await connection.prepare(_envelope(turn))
        if connection.opened != through.opened:
            self._begin_stretch(through)
        if refusal is not None:
            await self._refused(turn, refusal, through)
            return None
        if turn.throttles:
            self.line.prepared(turn)
        leased, at = await self._ledger.lease(turn)
        if not leased:
            await connection.abandon()
            self.line.done(turn.candidates)
            return None
        if len(leased) < len(turn.candidates):
            self.line.done(set(turn.candidates).difference(leased))
        following = self._following()
        messages = _messages(turn.campaign.sender, leased, shape, at, files)
        outcomes = await self._hand_over(connection, messages, following)
        self._settle(turn, leased, outcomes, through)
        return following

    def _begin_stretch(self, through: "_Through") -> None:
        """The connection was opened anew, maybe to another server."""
        self._ledger.end(through.stretch)
        through.opened = through.connection.opened
        through.stretch = Stretch(self.transport.name, host=through.connection.host)

    async def _files(self, turn: Turn, shape: Shape) -> Files:
        """The files of a turn's messages; the turn may become shorter, because a request and our memory take so many."""
        own: Files = {}
        if shape.own_files:
            own = self._baggage.own(turn.candidates)
            most = self._baggage.together(turn.candidates, own, alike=self.transport.leaves)
            if most < len(turn.candidates):
                self.line.shorten(turn, most)
        try:
            return await self._baggage.load(turn.candidates, shape, own)
        except StoreError as error:
            raise _Unfit(f"{error.sentence} {error.remedy}") from error

    async def _without_files(self, turn: Turn, reason: str, through: "_Through") -> None:
        """The campaign is paused and nothing was leased; a proof of one that does not send is told as rejected."""
        if turn.campaign.state is CampaignState.SENDING:
            self._ledger.pause(turn.campaign, f"{PauseReason.ERRORS}: {reason}")
            self.line.give_back(turn)
            await asyncio.sleep(_REST)
            return
        leased, _ = await self._ledger.lease(turn)
        refused = Outcome(Verdict.REJECTED, Stage.BODY, text=reason[:500])
        self._settle(turn, leased, [refused] * len(leased), through)
        self.line.done(turn.candidates)

    async def _hand_over(
        self, connection: Connection, messages: Sequence[Message], following: Turn | None
    ) -> Sequence[Outcome]:
        """The contract says that nothing raises; if something does, nobody knows what left."""
        try:
            return await connection.hand_over(messages, then=None if following is None else _envelope(following))
        except Exception as error:
            log.exception("transport.broken", transport=self.transport.name)
            lost = Outcome(
                Verdict.UNCERTAIN, Stage.BODY, Blame.OUTAGE, text=f"Mergecast's own mistake: {error!r}"[:500]
            )
            return [lost] * len(messages)

    def _following(self) -> Turn | None:
        """The turn that can travel along: only one message at a time, and only while all is well."""
        if self.transport.batch > 1 or self._stopping or self._ledger.closed or self.health.rests():
            return None
        try:
            return self.line.turn(within=_ALONG)
        except StoreError:  # what is leased goes out all the same; the next look says what is wrong
            return None

    async def _refused(self, turn: Turn, refusal: Outcome, through: "_Through") -> None:
        """The far side said no before anything was leased; what is about the recipient is settled all the same."""
        if refusal.blame is Blame.RECIPIENT:
            leased, _ = await self._ledger.lease(turn)
            self._settle(turn, leased, [refusal] * len(leased), through)
            self.line.done(turn.candidates)
        else:
            self._judge(turn, refusal)
            self.line.give_back(turn)
            if refusal.blame is Blame.US:  # it may have taken no wait at all, and the pause is still to be written
                await asyncio.sleep(_REST)

    def _settle(
        self, turn: Turn, leased: Sequence[Candidate], outcomes: Sequence[Outcome], through: "_Through"
    ) -> None:
        stretch = through.stretch
        if self.transport.batch > 1 and outcomes:  # each hand-over is a request of its own
            first, host = outcomes[0], through.connection.host
            stretch = Stretch(self.transport.name, host, first.remote_id, first.code, first.text)
        stretch.rows += len(leased)
        self._ledger.settle(stretch, settlements(leased, outcomes, turn.campaign, self._clock))
        self.line.done(leased)
        for outcome in dict.fromkeys(outcomes):
            if outcome.verdict is not Verdict.RETURNED:
                self.rates.handed_over[turn.lane] += outcomes.count(outcome)
            self._judge(turn, outcome)
        if turn.campaign.pause_above is not None and (reason := self.health.count(outcomes, turn.campaign)):
            self._ledger.pause(turn.campaign, reason)

    def _judge(self, turn: Turn, outcome: Outcome) -> None:
        before = self.health.trouble
        if reason := self.health.judge(outcome, turn.campaign):
            self._ledger.pause(turn.campaign, reason)
        if self.health.trouble != before:
            self._tell(before)
        if outcome.verdict is not Verdict.ACCEPTED and (about := complaint(outcome)) is not None:
            self._slow(turn, outcome, about)

    def _slow(self, turn: Turn, outcome: Outcome, about: Complaint) -> None:
        """The transport, or the recipient's domain group on it, goes slower than it goes now."""
        group = self.line.group_of(turn.lane) if about is Complaint.GROUP else None
        going = self.rates.rate(lambda lane: group is None or self.line.group_of(lane) == group)
        going = max(going, self.transport.connections)  # what has just begun goes faster than its count so far says
        whose, pace, first = self.line.slow(turn, group, going, outcome.retry_after)
        self._ledger.keep_pace(whose, pace)
        if first:
            log.warning("pace.fell", whose=whose, per_minute=round(pace.rate * 60, 1), reason=outcome.text)

    def _tell(self, before: str) -> None:
        if not self.health.trouble:
            log.info("transport.recovered", transport=self.transport.name)
        elif not before:
            log.warning("transport.failing", transport=self.transport.name, reason=self.health.trouble)

    def _shape(self, shape_id: int) -> Shape:
        shape = self._shapes.get(shape_id)
        if shape is None:
            with self._store.read() as connection:
                shape = outbox.shape(connection, shape_id, self._constants)
            self._shapes[shape_id] = shape
            if len(self._shapes) > _SHAPES:
                self._shapes.popitem(last=False)
            if len(self._constants) > 100 * _SHAPES:
                self._constants.clear()
        else:
            self._shapes.move_to_end(shape_id)
        return shape


@dataclass(slots=True)
class _Through:
    """A connection, and what it carries from one opening to the next."""

    connection: Connection
    stretch: Stretch
    opened: int = 0


class _Unfit(Exception):  # noqa: N818 - it never leaves this file
    """A file is not as it was checked."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _messages(sender: Sender, leased: Sequence[Candidate], shape: Shape, at: datetime, files: Files) -> list[Message]:
    return [
        Message(c.id, c.token, sender, c.shape_id, shape, c.to, unpack_values(c.slots), at, files.get(c.id, ()))
        for c in leased
    ]


def _envelope(turn: Turn) -> Envelope:
    """What is asked before the lease: of a batch, the first."""
    first = turn.candidates[0]
    return Envelope(first.id, turn.campaign.sender.address, first.to)
