"""From the line to the wire and back into the outbox: what each connection does, over and over.

    next turn -> files -> prepare -> lease -> hand over -> settle

Where a connection can (`stride.py`), the message after this one is chosen before this one is handed over, so that its
envelope can travel with it; the settlement of this one rides along with the lease of the next. Throttle, suppression
and the campaign's state are asked in the transaction that leases.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import structlog

from campaigns.clock import Clock
from campaigns.errors import StoreError
from campaigns.message.message import Message, Sender, unpack_all_values
from campaigns.message.shape import Shape
from campaigns.model.states import CampaignState, PauseReason
from campaigns.store.engine import Store
from campaigns.store.outbox import Candidate
from campaigns.store.underway import SendingCampaign
from scheduler.aftermath import Aftermath, Through
from scheduler.baggage import Baggage, Files
from scheduler.ledger import Ledger, Stretch, Turn
from scheduler.line import Line
from scheduler.shapes import Shapes
from scheduler.stride import Stride, envelope, lost
from scheduler.transports.contract import BatchConnection, Blame, Outcome, Stage, SteppingConnection, Transport, Verdict

_IDLE = 10.0  # seconds after which a connection without work says goodbye
_REST = 0.25  # seconds between two looks at whether work may begin again
_ALONG = 1_000_000  # micros: an envelope travels along only if its throttles are due within

log = structlog.get_logger()


class Dispatch:
    """All connections of one transport."""

    def __init__(
        self, transport: Transport, line: Line, ledger: Ledger, store: Store, clock: Clock, *, baggage: Baggage
    ) -> None:
        self.transport = transport
        self.line = line
        self.aftermath = Aftermath(transport, line, ledger, clock)
        self._ledger = ledger
        self._baggage = baggage
        self._shapes = Shapes(store)
        self._stopping = False
        self._trial: Through | None = None  # the one connection that tries whether a failing transport works again

    async def run(self) -> None:
        """Carry messages until `stop`; then until what is on the wire has been answered."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self.transport.connections):
                group.create_task(self._carry_on(Through(self.transport.connect(), Stretch(self.transport.name))))

    def refresh(self, sending: list[SendingCampaign]) -> None:
        """Take note of what sends now."""
        self.aftermath.rates.look()
        self.line.refresh(sending)

    def stop(self) -> None:
        self._stopping = True
        self.line.close()

    async def _carry_on(self, through: Through) -> None:
        turn: Turn | None = None
        while not self._stopping:
            if self._trial is through:
                self._trial = None
            try:
                turn = turn or await self._next_turn(through)
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

    async def _close(self, through: Through) -> None:
        await through.connection.close()
        self._ledger.end(through.stretch)
        through.stretch = Stretch(self.transport.name)

    async def _next_turn(self, through: Through) -> Turn | None:
        """None when there is no work, or none may be begun: then the connection says goodbye."""
        if not self._may_begin():
            await asyncio.sleep(_REST)
            return None
        turn = await self.line.next_turn(_IDLE)
        if turn is not None and not self._may_begin():  # it failed while this one waited for work
            self.line.give_back(turn)
            return None
        if turn is not None and self.aftermath.health.trouble:
            self._trial = through
        return turn

    def _may_begin(self) -> bool:
        tried = self.aftermath.health.rests() or (self.aftermath.health.trouble and self._trial is not None)
        return not (self._ledger.closed or self._ledger.trouble or tried)

    async def _carry(self, through: Through, turn: Turn) -> Turn | None:
        """One turn, from envelope to settlement; returns the turn whose envelope travelled along, if one did."""
        connection = through.connection
        shape = self._shapes.find(turn.candidates[0].shape_id)  # what could fail is done before anything is leased
        files: Files = {}
        if shape.files or shape.own_files:
            try:
                files = await self._files(turn, shape)
            except _Unfit as unfit:
                await connection.abandon()
                await self._without_files(turn, unfit.reason, through)
                return None
        refusal = await connection.prepare(envelope(turn))
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
        if isinstance(connection, SteppingConnection):
            return await self._stride(connection, through).run(turn, at, files)
        messages = _messages(turn.campaign.sender, leased, shape, at, files)
        self.aftermath.settle(turn, leased, await self._hand_over(connection, messages), through)
        return None

    def _stride(self, connection: SteppingConnection, through: Through) -> Stride:
        return Stride(
            connection,
            through,
            line=self.line,
            ledger=self._ledger,
            aftermath=self.aftermath,
            shapes=self._shapes,
            following=self._following,
        )

    def _begin_stretch(self, through: Through) -> None:
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

    async def _without_files(self, turn: Turn, reason: str, through: Through) -> None:
        """The campaign is paused and nothing was leased; a proof of one that does not send is told as rejected."""
        if turn.campaign.state is CampaignState.SENDING:
            self._ledger.pause(turn.campaign, f"{PauseReason.ERRORS}: {reason}")
            self.line.give_back(turn)
            await asyncio.sleep(_REST)
            return
        leased, _ = await self._ledger.lease(turn)
        refused = Outcome(Verdict.REJECTED, Stage.BODY, text=reason[:500])
        self.aftermath.settle(turn, leased, [refused] * len(leased), through)
        self.line.done(turn.candidates)

    async def _hand_over(self, connection: BatchConnection, messages: Sequence[Message]) -> Sequence[Outcome]:
        """The contract says that nothing raises; if something does, nobody knows what left."""
        try:
            return await connection.hand_over(messages)
        except Exception as error:
            log.exception("transport.broken", transport=self.transport.name)
            return [lost(error)] * len(messages)

    def _following(self) -> Turn | None:
        """The turn that can travel along, while all is well."""
        if self._stopping or self._ledger.closed or self.aftermath.health.trouble:
            return None
        try:
            return self.line.turn(within=_ALONG)
        except StoreError:  # what is leased goes out all the same; the next look says what is wrong
            return None

    async def _refused(self, turn: Turn, refusal: Outcome, through: Through) -> None:
        """The far side said no before anything was leased; what is about the recipient is settled all the same."""
        if refusal.blame is Blame.RECIPIENT:
            leased, _ = await self._ledger.lease(turn)
            self.aftermath.settle(turn, leased, [refusal] * len(leased), through)
            self.line.done(turn.candidates)
        else:
            self.aftermath.judge(turn, refusal)
            self.line.give_back(turn)
            if refusal.blame is Blame.US:  # it may have taken no wait at all, and the pause is still to be written
                await asyncio.sleep(_REST)


class _Unfit(Exception):  # noqa: N818 - it never leaves this file
    """A file is not as it was checked."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _messages(sender: Sender, leased: Sequence[Candidate], shape: Shape, at: datetime, files: Files) -> list[Message]:
    every = unpack_all_values([candidate.slots for candidate in leased])
    return [
        Message(c.id, c.token, sender, c.shape_id, shape, c.to, values, at, files.get(c.id, ()))
        for c, values in zip(leased, every, strict=True)
    ]
