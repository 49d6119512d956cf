"""Bytes to and from an SMTP server: one socket, one reader, one deadline."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, cast

from scheduler.transports.smtp_replies import GarbageError, Replies, Reply

_SILENT = "The server did not answer for {:g} s."


class CutError(Exception):
    """The connection is of no more use: it ended, or nothing came in time, or what came is no SMTP."""

    def __init__(self, sentence: str, code: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code  # "421" when the server said goodbye


class Wire(asyncio.Protocol):
    """Used by one task at a time; every wait ends by an answer or by CutError."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._under_tls: asyncio.Transport | None = None  # the socket's own, once STARTTLS stands before it
        self._replies = Replies()
        self._waiter: asyncio.Future[None] | None = None
        self._called: Callable[[], None] | None = None  # instead of a waiter: see `call`
        self._lost = self._loop.create_future()
        self._deadline: float | None = None
        self._patience = 0.0  # the wait's seconds
        self._on_time: str | None = None  # what to say of them when the deadline passes; None: go quietly
        self._timer: asyncio.TimerHandle | None = None
        self.cut: str | None = None  # why nothing more can be said or heard

    # -- what the task does

    def write(self, data: bytes) -> bool:
        """Send; False when certainly nothing of it left."""
        if self.cut is not None or self._transport is None or self._transport.is_closing():
            return False
        self._deadline = None  # it rests no longer
        self._transport.write(data)
        return not self._transport.is_closing()  # a first send that fails closes at once

    async def drained(self, seconds: float) -> None:
        """Wait until all that was written has left this process; raises CutError."""
        while self.cut is None and self._unsent():
            await self._wait(seconds, "The server took no data for {:g} s.")
        if self.cut is not None:
            raise CutError(self.cut)

    async def reply(self, seconds: float) -> Reply:
        """The next reply, maybe one that came long ago; raises CutError."""
        while (reply := self._replies.next()) is None:
            if self.cut is not None:
                raise CutError(self.cut)
            await self._wait(seconds, _SILENT)
        return reply

    def heard(self) -> Reply | None:
        """The next reply if it is there already; where nothing was asked, it is mostly a 421."""
        return self._replies.next()

    def call(self, called: Callable[[], None], seconds: float) -> None:
        """Call once when a reply is there or none will come; a task that waits for each mail costs more than the mail."""
        self._called = called
        self._on_time = _SILENT
        self._arm(seconds)

    def agreed(self) -> bool:
        """Take the next three replies if they are there and say yes to MAIL, RCPT and DATA."""
        return self._replies.agreed()

    def rest(self, seconds: float) -> None:
        """Say goodbye by itself unless the connection is used again in time; only between two messages."""
        self._on_time = None
        self._arm(seconds)

    async def start_tls(self, context: ssl.SSLContext, host: str, seconds: float) -> None:
        """Encrypt; whatever came in clear is forgotten, so that nobody can put words into the encrypted part."""
        assert self._transport is not None
        self._replies.clear()
        self._under_tls = self._transport
        self._transport = await self._loop.start_tls(
            self._transport, self, context, server_hostname=host, ssl_handshake_timeout=seconds, ssl_shutdown_timeout=1
        )
        self._replies.clear()
        if self._transport is None:  # lost during the handshake
            raise CutError(self.cut or "The connection was lost.")
        self._transport.set_write_buffer_limits(high=0)

    def local_address(self) -> str:
        assert self._transport is not None
        name = self._transport.get_extra_info("sockname")
        return str(name[0]) if isinstance(name, tuple) else "127.0.0.1"

    def certificate(self) -> dict[str, Any]:
        """The server's, as `ssl` tells it; empty without encryption."""
        assert self._transport is not None
        return self._transport.get_extra_info("peercert") or {}

    def abort(self, why: str = "The connection was dropped.") -> None:
        """Drop the connection at once; what was not sent yet is never sent."""
        self.cut = self.cut or why
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    def drop(self) -> None:
        """Drop the connection, and tell nobody."""
        self._called = None
        self.abort()

    async def ended(self, seconds: float) -> None:
        """Wait until the socket is closed."""
        if self._transport is not None:
            await asyncio.wait((self._lost,), timeout=seconds)

    # -- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)  # `drained` means empty

    def data_received(self, data: bytes) -> None:
        if self.cut is not None:
            return
        try:
            self._replies.feed(data)
        except GarbageError as garbage:
            self.abort(str(garbage))
        self._wake()

    def pause_writing(self) -> None:
        self._wake()  # TLS layers turn "paused" round each time that they are empty, and then say no more

    def resume_writing(self) -> None:
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self.cut = self.cut or (f"The connection broke: {error}." if error else "The server closed the connection.")
        if self._timer is not None:
            self._timer.cancel()
        if not self._lost.done():
            self._lost.set_result(None)
        self._wake()

    # -- waiting

    async def _wait(self, seconds: float, on_time: str) -> None:
        self._waiter = self._loop.create_future()
        self._on_time = on_time
        self._arm(seconds)
        try:
            await self._waiter
        finally:
            self._waiter = None
            self._deadline = None

    def _unsent(self) -> bool:
        return any(t.get_write_buffer_size() for t in (self._transport, self._under_tls) if t is not None)

    def _wake(self) -> None:
        called = self._called
        if called is not None and (self._replies.waiting or self.cut is not None):
            self._called = self._deadline = None
            called()
        elif self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _arm(self, seconds: float) -> None:
        """Move the deadline; the timer is seldom touched, for most deadlines move before they pass."""
        self._patience = seconds
        self._deadline = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(self._deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._deadline is None or self.cut is not None:
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._tick)
        elif self._on_time is not None:
            self.abort(self._on_time.format(self._patience))
        else:
            self.write(b"QUIT\r\n")
            self.cut = "The connection had rested too long."
            if self._transport is not None:
                self._transport.close()
