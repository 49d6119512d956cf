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

    def connect(self) -> "ScriptedSteps | ScriptedBatches":
        return ScriptedSteps(self) if self.batch == 1 else ScriptedBatches(self)

    async def close(self) -> None:
        """Nothing is held."""

    @property
    def addresses(self) -> list[str]:
        return [message.to for _, message in self.got]


class _Scripted:
    host = ""
    opened = 0

    def __init__(self, transport: ScriptedTransport) -> None:
        self._transport = transport

    async def prepare(self, envelope: Envelope) -> Outcome | None:
        await asyncio.sleep(self._transport.delay)
        return self._transport.on_prepare(envelope)

    async def abandon(self) -> None:
        self._transport.abandoned += 1

    async def close(self) -> None:
        """Nothing is open."""

    async def _taken(self, messages: Sequence[Message]) -> list[Outcome]:
        transport = self._transport
        begun = transport.clock.now()
        await asyncio.sleep(transport.delay)
        outcomes = [transport.on_hand_over(message) for message in messages]
        for message, outcome in zip(messages, outcomes, strict=True):
            if outcome.verdict in (Verdict.ACCEPTED, Verdict.UNCERTAIN):
                transport.got.append((begun, message))
        transport.batches.append(list(messages))
        return outcomes


class ScriptedBatches(_Scripted):
    async def hand_over(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        return await self._taken(messages)


class ScriptedSteps(_Scripted):
    """As a server without PIPELINING: no envelope travels along."""

    _busy: asyncio.Task[None] | None = None

    def begin(self, message: Message, then: Envelope | None, answered: Callable[[Outcome], None]) -> None:
        self._busy = asyncio.create_task(self._answer(message, answered))

    def stands_ready(self, envelope: Envelope) -> bool:
        return False

    async def abandon(self) -> None:
        await super().abandon()
        if self._busy is not None:
            self._busy.cancel()

    async def _answer(self, message: Message, answered: Callable[[Outcome], None]) -> None:
        (outcome,) = await self._taken([message])
        answered(outcome)
