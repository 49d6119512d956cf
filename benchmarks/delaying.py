"""A far-away server: passes bytes between two ports of this machine, each way after a while.

python -m benchmarks.delaying OWN-PORT SERVER-PORT SECONDS
"""

import asyncio
import contextlib
import sys
from typing import cast


class _End(asyncio.Protocol):
    """One side; what comes in here goes out at the other end, later."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._out: asyncio.Transport | None = None
        self._early: list[bytes] = []  # before the other end stood

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def joined(self, out: asyncio.Transport) -> None:
        self._out = out
        for data in self._early:
            self._later(out.write, data)

    def data_received(self, data: bytes) -> None:
        if self._out is None:
            self._early.append(data)
        else:
            self._later(self._out.write, data)

    def connection_lost(self, error: Exception | None) -> None:
        if self._out is not None:
            self._later(self._out.close)

    def _later(self, *call: object) -> None:
        asyncio.get_running_loop().call_later(self._seconds, *call)  # type: ignore[arg-type]


class _Near(_End):
    """The client's side, which opens the way to the server."""

    def __init__(self, port: int, seconds: float) -> None:
        super().__init__(seconds)
        self._port = port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._joining = asyncio.get_running_loop().create_task(self._join())

    async def _join(self) -> None:
        far = _End(self._seconds)
        await asyncio.get_running_loop().create_connection(lambda: far, "127.0.0.1", self._port)
        far.joined(self.transport)
        self.joined(far.transport)


async def _main() -> None:
    own, port, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    server = await asyncio.get_running_loop().create_server(lambda: _Near(port, seconds), "127.0.0.1", own, backlog=200)
    with contextlib.suppress(asyncio.CancelledError):
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
