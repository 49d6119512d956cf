"""The one contract of all transports, and what a hand-over can end as.

A transport opens connections; each carries one batch at a time. The dispatcher's order is

    refusal = await connection.prepare(envelope)      nothing is leased yet; the far side may say no
    ... the messages are leased: from here on they may be on the wire ...
    outcomes = await connection.hand_over(messages)

Over SMTP with PIPELINING the next envelope travels with the mail, so that a message costs one round trip; and the
answer comes as a call, because a task that is woken for each mail costs more than the mail:

    connection.begin(message, next_envelope, answered)      answered(outcome) is called
    ... the next message is leased if connection.stands_ready(next_envelope), else it is prepared ...

No method raises for what a server says or does.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

from campaigns.message.message import Envelope, Message


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    DEFERRED = "deferred"  # about this recipient, for now: 4xx at RCPT or after DATA, a request that asks to wait
    REJECTED = "rejected"  # about this recipient, for good: X.1.x, X.2.x
    UNCERTAIN = "uncertain"  # handed over, and no answer came: never sent again by itself
    RETURNED = "returned"  # nothing left, and the message is not to blame: back to queued, no attempt counted


class Blame(StrEnum):
    NOBODY = "nobody"
    RECIPIENT = "recipient"
    US = "us"  # our key, sender, message or size: returned; ten in a row pause the campaign
    OUTAGE = "outage"  # no connection, a cut, a server that is shutting down


class Stage(StrEnum):
    """Where in the dialogue the answer came."""

    CONNECT = "connect"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"  # after the final dot, or the answer to a request


class Outcome(NamedTuple):
    """What became of one message, or of the try to prepare for it."""

    verdict: Verdict
    stage: Stage
    blame: Blame = Blame.NOBODY
    code: str = ""  # "250", "550", "429": the protocol's own
    enhanced: str = ""  # "5.1.1" (RFC 3463), if given
    text: str = ""  # the server's words, one line, at most 500 characters, without secrets
    remote_id: str = ""  # what the provider calls the message
    retry_after: float | None = None  # seconds that the server asked for
    pauses: bool = False  # one of these is enough to pause the transport's campaigns: wrong key, certificate, sender


class Connection(Protocol):
    """One way through, used by one task at a time."""

    host: str  # the server that it speaks to, or spoke to last; "" where there is none
    opened: int  # how often it was opened so far

    async def prepare(self, envelope: Envelope) -> Outcome | None:
        """Bring the connection to the point where only the bytes are missing; None when it is there.

        Connects, greets, encrypts and logs in first where that is needed. The envelope is the batch's first: what can
        be asked beforehand is asked of one (SMTP).
        """
        ...

    async def abandon(self) -> None:
        """Drop what was prepared, or begun and not answered; the connection may be closed for it."""
        ...

    async def close(self) -> None:
        """Say goodbye where the protocol has a word for it; never raises, never takes over 2 s."""
        ...


class BatchConnection(Connection, Protocol):
    """One that takes several messages at once."""

    async def hand_over(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """Put the messages on the wire and wait for the answer: one Outcome for each, in order."""
        ...


@runtime_checkable
class SteppingConnection(Connection, Protocol):
    """One that takes message after message, and with each the envelope of the next."""

    def begin(self, message: Message, then: Envelope | None, answered: Callable[[Outcome], None]) -> None:
        """Put the prepared message on the wire, and `then` behind it if it may; `answered` is called once, maybe at once."""
        ...

    def stands_ready(self, envelope: Envelope) -> bool:
        """Whether the far side has agreed to this envelope; where not, `prepare` says why or asks anew."""
        ...


class Transport(Protocol):
    """One configured way out."""

    name: str  # the settings' name: "relay"
    kind: str  # "maildir", "smtp", "sendgrid"
    leaves: bool  # False: a rehearsal, nobody receives its mail
    connections: int  # how many hand-overs may be under way at once
    batch: int  # how many messages one hand-over may carry; over 1 they share campaign and shape and, where they leave, files

    def connect(self) -> BatchConnection | SteppingConnection:
        """A new, unopened connection; opening happens in `prepare`."""
        ...

    async def close(self) -> None: ...
