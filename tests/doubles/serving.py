"""A server double in a thread, beside tests that wait for other processes."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

Double = TypeVar("Double")


@contextlib.contextmanager
def serving(double: AbstractAsyncContextManager[Double]) -> Iterator[Double]:
    """Keep the double going, in an event loop of its own, until the block ends."""
    ready, over = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []
    given: list[Double] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with double as served:
            given.append(served)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        if not ready.wait(10):
            raise RuntimeError("The double did not start.")
        yield given[0]
    finally:
        for loop in loops:
            loop.call_soon_threadsafe(over.set)
        thread.join(10)
