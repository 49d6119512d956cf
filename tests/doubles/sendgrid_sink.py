"""A SendGrid that reads whole requests, counts their personalizations and answers 202: for benchmarks."""

import asyncio
import json
import re

_TO = re.compile(rb'"to"\s*:\s*\[')  # cannot stand inside a JSON string, where quotes are escaped
_ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nX-Message-Id: fast-sink-fast-sink-fa\r\n\r\n"


class Sink:
    """Totals over all connections."""

    def __init__(self, delay: float = 0) -> None:
        self.delay = delay  # seconds before each answer
        self.requests = self.personalizations = self.bytes = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "Sink":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.get_running_loop().create_server(lambda: _Talk(self), "127.0.0.1", port)

    async def stop(self) -> None:
        if self._server:
            self._server.close()

    @property
    def url(self) -> str:
        assert self._server
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def answer(self, request_line: bytes, body: bytes) -> bytes:
        if request_line.startswith(b"GET"):
            totals = {"requests": self.requests, "personalizations": self.personalizations, "bytes": self.bytes}
            document = json.dumps(totals).encode()
            return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
                len(document),
                document,
            )
        self.requests += 1
        self.bytes += len(body)
        compact = body.count(b'"to":[')
        self.personalizations += compact or len(_TO.findall(body))
        return _ACCEPTED


class _Talk(asyncio.Protocol):
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._got = bytearray()
        self._head = b""
        self._missing = -1  # bytes of the body; -1 while the head is being read

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        while True:
            if self._missing < 0:
                end = self._got.find(b"\r\n\r\n")
                if end < 0:
                    return
                self._head = bytes(self._got[:end])
                del self._got[: end + 4]
                length = re.search(rb"(?i)\r\ncontent-length:\s*(\d+)", self._head)
                self._missing = int(length[1]) if length else 0
            if len(self._got) < self._missing:
                return
            body = bytes(self._got[: self._missing])
            del self._got[: self._missing]
            self._missing = -1
            self._write(self._sink.answer(self._head, body))

    def _write(self, answer: bytes) -> None:
        if self._sink.delay:
            asyncio.get_running_loop().call_later(self._sink.delay, self._transport.write, answer)
        else:
            self._transport.write(answer)
