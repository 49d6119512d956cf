"""SMTP (RFC 5321), one message a round trip where the server offers PIPELINING (RFC 2920).

    prepare      connect, greet, encrypt, log in; MAIL, RCPT, DATA up to the 354
    begin        the mail, its final dot and the next MAIL, RCPT, DATA in one write; a call with the final reply
    prepare      what was answered to the next MAIL, RCPT, DATA, unless that was yes three times

At most one message a connection is unanswered, so a cut leaves at most one uncertain. The mails never hold a bare CR
or LF nor a line that begins with a dot (`campaigns/message/mime.py`), so nothing can end them early.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from campaigns.message.message import Envelope, Message
from campaigns.message.mime import pieces
from scheduler.transports.contract import Blame, Outcome, Stage, Verdict
from scheduler.transports.smtp_envelope import commands, unsendable
from scheduler.transports.smtp_replies import Reply, complains_of_pipelining
from scheduler.transports.smtp_session import RefusedError, Session, outage
from scheduler.transports.smtp_wire import CutError

if TYPE_CHECKING:
    from scheduler.transports.smtp import SmtpTransport

_LARGE = 65_536  # octets; above it the final dot goes by itself, so that a cut before it is known to be one


class SmtpConnection:
    """Kept open from message to message, and opened again when the server has closed it in between."""

    def __init__(self, transport: "SmtpTransport") -> None:
        self.host = ""
        self.opened = 0
        self._transport = transport
        self._session: Session | None = None
        self._asked: Envelope | None = None  # its MAIL, RCPT, DATA left with the last message
        self._ready: Envelope | None = None  # its DATA was answered by 354
        self._owed = 0  # replies that belong to nobody
        self._handed_over = 0
        self._answered: Callable[[Outcome], None] | None = None  # who waits for the mail's outcome
        self._writing: asyncio.Task[None] | None = None  # of a large mail

    async def prepare(self, envelope: Envelope) -> Outcome | None:
        if self._ready == envelope and self._is_open():
            return None
        if self._ready is not None or self._asked not in (None, envelope):
            self._drop()  # the server waits for another mail
        try:
            refusal = await self._announced(envelope)
        except BaseException:  # cancelled
            self._drop()
            raise
        if refusal is not None:
            self._rest()
        return refusal

    def begin(self, message: Message, then: Envelope | None, answered: Callable[[Outcome], None]) -> None:
        try:
            self._begin(message, then, answered)
        except BaseException:  # the server waits for a mail that never comes
            self._drop()
            raise

    def _begin(self, message: Message, then: Envelope | None, answered: Callable[[Outcome], None]) -> None:
        ready, self._ready = self._ready, None
        session = self._session
        self._answered = answered
        if session is None or not self._is_open() or ready is None or ready.message_id != message.id:
            self._drop()
            self._tell(outage(Stage.DATA, "The connection was lost before the mail was written."))
            return
        mail = pieces(message)
        length = len(mail[0]) if len(mail) == 1 else sum(map(len, mail))
        size = session.features.size
        if size and length > size:
            self._drop()
            text = f"The mail has {length:,} bytes, and the server takes {size:,}."
            self._tell(Outcome(Verdict.RETURNED, Stage.BODY, Blame.US, code="552", enhanced="5.3.4", text=text))
        elif length > _LARGE:
            self._writing = asyncio.create_task(self._write_large(session, mail, then))
        else:
            self._end(session, b"".join(mail), then)

    def stands_ready(self, envelope: Envelope) -> bool:
        return self._ready == envelope and self._is_open()

    async def abandon(self) -> None:
        if self._ready is not None or self._asked is not None or self._answered is not None:
            self._answered = None
            self._drop()  # RFC 5321 has no word that takes back a DATA

    async def close(self) -> None:
        session = self._session
        if session is None:
            return
        try:
            async with asyncio.timeout(self._transport.timeouts.goodbye):
                if self._ready is None and self._asked is None:
                    await self._skip_owed(session)
                    await session.ask(Stage.BODY, "QUIT")
        except (CutError, TimeoutError):
            pass
        finally:
            self._drop()
        await session.wire.ended(self._transport.timeouts.goodbye)

    # -- up to the 354

    async def _announced(self, envelope: Envelope) -> Outcome | None:
        """None when the server waits for the mail."""
        while True:
            fresh = False
            if not self._is_open() or (
                self._handed_over >= self._transport.settings.messages_a_connection and self._asked is None
            ):
                await self.close()
                try:
                    self._session = await self._transport.open()
                except RefusedError as refused:
                    return refused.outcome
                self.host, self.opened = self._session.host, self.opened + 1
                fresh = True
            session = self._session
            assert session is not None
            pipelines = self._pipelines(session)
            try:
                if self._asked is None and (problem := unsendable(envelope, session.features)) is not None:
                    return problem
                mail, rcpt, data = await (self._ask_at_once if pipelines else self._ask_in_turn)(session, envelope)
            except CutError as cut:
                self._drop()
                if fresh:
                    return outage(session.stage, cut.sentence, cut.code)
                continue  # the server closed a kept connection: a new one may do
            if pipelines and any(reply and complains_of_pipelining(reply) for reply in (mail, rcpt, data)):
                self._transport.pipelines = False
                self._drop()
                continue
            return self._settled(session, envelope, mail, rcpt, data)

    async def _ask_at_once(self, session: Session, envelope: Envelope) -> tuple[Reply, Reply, Reply]:
        if self._asked is None:
            session.wire.write(commands(envelope, session.features))
        self._asked = None
        await self._skip_owed(session)
        return await session.hear(Stage.MAIL), await session.hear(Stage.RCPT), await session.hear(Stage.DATA)

    async def _ask_in_turn(self, session: Session, envelope: Envelope) -> tuple[Reply, Reply | None, Reply | None]:
        await self._skip_owed(session)
        replies: list[Reply | None] = [None, None, None]
        lines = commands(envelope, session.features).splitlines(keepends=True)
        for place, stage in enumerate((Stage.MAIL, Stage.RCPT, Stage.DATA)):
            session.wire.write(lines[place])
            reply = replies[place] = await session.hear(stage)
            if reply.code >= 400:
                break
        mail, rcpt, data = replies
        assert mail is not None
        return mail, rcpt, data

    async def _skip_owed(self, session: Session) -> None:
        while self._owed:
            await session.hear(Stage.MAIL)
            self._owed -= 1

    def _settled(
        self, session: Session, envelope: Envelope, mail: Reply, rcpt: Reply | None, data: Reply | None
    ) -> Outcome | None:
        """What the three replies mean together; after a refusal the server is brought back to its start."""
        for stage, reply in ((Stage.MAIL, mail), (Stage.RCPT, rcpt)):
            if reply is not None and reply.code >= 300:
                refusal = session.judged(stage, reply)
                break
        else:
            assert data is not None
            if data.code == 354:
                self._ready = envelope
                return None
            refusal = session.judged(Stage.DATA, data)
        if data is None or data.code != 354:
            session.wire.write(b"RSET\r\n")
            self._owed = 1
        elif rcpt is not None and rcpt.code >= 400:
            session.wire.write(b".\r\n")  # RFC 2920 3.1: no recipient, so it reaches nobody
            self._owed = 1
        else:
            self._drop()  # the server says no and yes: an empty mail might reach somebody
        return refusal

    # -- the mail

    def _ahead(self, session: Session, then: Envelope | None) -> bytes:
        """The next MAIL, RCPT, DATA, if they may leave with the mail."""
        if (
            then is None
            or not self._pipelines(session)
            or self._handed_over + 1 >= self._transport.settings.messages_a_connection
        ):
            return b""
        if unsendable(then, session.features) is not None:
            return b""
        self._asked = then
        return commands(then, session.features)

    async def _write_large(self, session: Session, mail: Sequence[bytes], then: Envelope | None) -> None:
        try:
            for piece in mail:
                for start in range(0, len(piece), _LARGE):
                    session.wire.write(piece[start : start + _LARGE])
                    await session.wire.drained(self._transport.timeouts.block)
        except CutError as cut:
            self._writing = None
            self._tell(self._never_ended(session, cut.sentence))
        else:
            self._writing = None
            self._end(session, b"", then)

    def _end(self, session: Session, last: bytes, then: Envelope | None) -> None:
        """The last of the mail, its dot and, if it may, the next envelope, in one write."""
        wire = session.wire
        if (early := wire.heard()) is not None:
            self._tell(self._answered_early(session, early))
        elif not wire.write(last + b".\r\n" + self._ahead(session, then)):
            self._tell(self._never_ended(session, wire.cut or "The connection broke before the mail was written."))
        else:
            wire.call(partial(self._heard, session), self._transport.timeouts.final_dot)

    def _heard(self, session: Session) -> None:
        """The final reply is there, or none will come."""
        reply = session.wire.heard()
        if reply is None:  # the dot may have left: only the server knows
            self._drop()
            self._tell(Outcome(Verdict.UNCERTAIN, Stage.BODY, Blame.OUTAGE, text=session.wire.cut or ""))
            return
        self._handed_over += 1
        outcome = self._judged(session, reply, pipelined=self._asked is not None)
        if self._asked is None:
            self._rest()
        elif session.wire.agreed():
            self._asked, self._ready = None, self._asked
        self._tell(outcome)

    def _tell(self, outcome: Outcome) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(outcome)

    def _never_ended(self, session: Session, sentence: str) -> Outcome:
        """The connection broke before the final dot: nothing was accepted; the server may have said why."""
        early = session.wire.heard()
        if early is not None:
            return self._answered_early(session, early)
        self._drop()
        return outage(Stage.DATA, sentence)

    def _answered_early(self, session: Session, reply: Reply) -> Outcome:
        """A reply before the final dot, which is then never sent."""
        self._drop()
        if reply.code < 400:
            return outage(Stage.DATA, f"The server answered before the mail was sent: {session.words(reply)}")
        return session.judged(Stage.DATA, reply)

    def _judged(self, session: Session, reply: Reply, *, pipelined: bool) -> Outcome:
        outcome = session.judged(Stage.BODY, reply)
        if pipelined and complains_of_pipelining(reply):
            self._transport.pipelines = False
            self._drop()
            return outage(Stage.BODY, outcome.text, outcome.code)
        if reply.code == 421 or outcome.verdict is Verdict.UNCERTAIN:
            self._drop()
        return outcome

    # -- the connection

    def _is_open(self) -> bool:
        return self._session is not None and self._session.wire.cut is None

    def _pipelines(self, session: Session) -> bool:
        return session.features.pipelining and self._transport.pipelines

    def _rest(self) -> None:
        if self._session is not None:
            self._session.wire.rest(self._transport.timeouts.rest)

    def _drop(self) -> None:
        if self._session is not None:
            self._session.wire.drop()
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
        self._session = self._asked = self._ready = None
        self._owed = self._handed_over = 0
