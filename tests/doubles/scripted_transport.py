"""A transport that answers as a test tells it to, and remembers who got what."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from campaigns.clock import Clock
from campaigns.message.message import Envelope, Message
from scheduler.transports.contract import Outcome, Stage, Verdict

ACCEPTED = Outcome(Verdict.ACCEPTED, Stage.BODY, code="250", text="Ok: queued")


@dataclass
class ScriptedTransport:
    clock: Clock
    name: str = "local"
    kind: str = "scripted"
    leaves: bool = True
    connections: int = 4
    batch: int = 1
    delay: float = 0.02
    on_prepare: Callable[[Envelope], Outcome | None] = lambda envelope: None
    on_hand_over: Callable[[Message], Outcome] = lambda message: ACCEPTED
    got: list[tuple[datetime, Message]] = field(default_factory=list)
    batches: list[list[Message]] = field(default_factory=list)
    abandoned: int = 0

    def connect(self) -> "ScriptedConnection":
        return ScriptedConnection(self)

    async def close(self) -> None:
        """Nothing is held."""

    @property
    def addresses(self) -> list[str]:
        return [message.to for _, message in self.got]


class ScriptedConnection:
    host = ""
    opened = 0

    def __init__(self, transport: ScriptedTransport) -> None:
        self._transport = transport

    async def prepare(self, envelope: Envelope) -> Outcome | None:
        await asyncio.sleep(self._transport.delay)
        return self._transport.on_prepare(envelope)

    async def hand_over(self, messages: Sequence[Message], then: Envelope | None = None) -> Sequence[Outcome]:
        transport = self._transport
        begun = transport.clock.now()
        await asyncio.sleep(transport.delay)
        outcomes = [transport.on_hand_over(message) for message in messages]
        for message, outcome in zip(messages, outcomes, strict=True):
            if outcome.verdict in (Verdict.ACCEPTED, Verdict.UNCERTAIN):
                transport.got.append((begun, message))
        transport.batches.append(list(messages))
        return outcomes

    async def abandon(self) -> None:
        self._transport.abandoned += 1

    async def close(self) -> None:
        """Nothing is open."""
