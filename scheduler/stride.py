"""A connection in step: the mail with the next envelope, the answer, the next lease, over and over.

    begin -> answered: settle, ask for the next lease -> granted: begin ...

No task runs meanwhile: the wire calls `_answered`, the ledger calls `_granted`. Whatever is out of step (a refusal, a
lease that is not granted, files to be read, nothing more to do) ends the stride, and `dispatch.py` goes on from there.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from campaigns.errors import StoreError
from campaigns.message.message import Envelope, Message, unpack_values
from campaigns.message.shape import Shape
from scheduler.aftermath import Aftermath, Through
from scheduler.baggage import Files
from scheduler.ledger import Ledger, Turn
from scheduler.line import Line
from scheduler.shapes import Shapes
from scheduler.transports.contract import Blame, Outcome, Stage, SteppingConnection, Verdict

log = structlog.get_logger()


class Stride:
    """Of one connection, from a granted lease to where it gets out of step."""

    def __init__(
        self,
        connection: SteppingConnection,
        through: Through,
        *,
        line: Line,
        ledger: Ledger,
        aftermath: Aftermath,
        shapes: Shapes,
        following: Callable[[], Turn | None],
    ) -> None:
        self._connection = connection
        self._through = through
        self._line = line
        self._ledger = ledger
        self._aftermath = aftermath
        self._choose = following
        self._shapes = shapes
        self._over: asyncio.Future[Turn | None]
        self._turn: Turn
        self._following: Turn | None = None
        self._envelope: Envelope | None = None  # of the following turn

    async def run(self, turn: Turn, at: datetime, files: Files) -> Turn | None:
        """Carry the leased turn and what can follow it in step; returns the turn that is to be prepared next."""
        self._over = asyncio.get_running_loop().create_future()
        self._begin(turn, self._shapes.find(turn.candidates[0].shape_id), at, files)
        try:
            following = await self._over
        except asyncio.CancelledError:  # whether the mail was taken is unknown, so nothing may follow it here
            await self._connection.abandon()
            raise
        if following is None:
            await self._connection.abandon()
        return following

    def _begin(self, turn: Turn, shape: Shape, at: datetime, files: Files) -> None:
        self._turn, self._following = turn, self._choose()
        self._envelope = None if self._following is None else envelope(self._following)
        first = turn.candidates[0]
        try:
            values, own = unpack_values(first.slots), files.get(first.id, ())
            message = Message(
                first.id, first.token, turn.campaign.sender, first.shape_id, shape, first.to, values, at, own
            )
            self._connection.begin(message, self._envelope, self._answered)
        except Exception as error:  # the contract says that nothing raises; if something does, nobody knows what left
            log.exception("transport.broken", transport=self._through.stretch.transport)
            self._answered(lost(error))

    def _answered(self, outcome: Outcome) -> None:
        try:
            self._aftermath.settle(self._turn, self._turn.candidates, (outcome,), self._through)
            following = self._following
            if following is not None and self._aftermath.health.rests():  # an outage just now: nothing more is risked
                self._line.give_back(following)
                following = None
            if following is not None and self._is_in_step(following):
                if following.throttles:
                    self._line.prepared(following)
                self._ledger.wish(following, self._granted)
            else:
                self._end(following)
        except BaseException as mistake:  # the task that waits ends the worker with it
            if self._over.done():
                raise
            self._over.set_exception(mistake)

    def _granted(self, leased: set[int], at: datetime) -> None:
        turn = self._following
        assert turn is not None
        first = turn.candidates[0]
        if first.id in leased:
            self._begin(turn, self._shapes.find(first.shape_id), at, {})
        else:
            self._line.done(turn.candidates)  # its time, its campaign or its people are gone
            self._end(None)

    def _is_in_step(self, following: Turn) -> bool:
        """The server waits for its mail, and nothing has to be read for that."""
        if self._envelope is None or not self._connection.stands_ready(self._envelope):
            return False
        try:
            shape = self._shapes.find(following.candidates[0].shape_id)
        except StoreError:  # it is looked for again where that is told
            return False
        return not (shape.files or shape.own_files)

    def _end(self, following: Turn | None) -> None:
        if not self._over.done():
            self._over.set_result(following)


def envelope(turn: Turn) -> Envelope:
    """What is asked before the lease: of a batch, the first."""
    first = turn.candidates[0]
    return Envelope(first.id, turn.campaign.sender.address, first.to)


def lost(error: Exception) -> Outcome:
    """Of a message in whose hand-over we made a mistake."""
    return Outcome(Verdict.UNCERTAIN, Stage.BODY, Blame.OUTAGE, text=f"Mergecast's own mistake: {error!r}"[:500])
