"""A time limit that other programs on the machine do not use up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

_OFTEN = 0.5  # seconds


@asynccontextmanager
async def patience(seconds: float) -> AsyncIterator[None]:
    """TimeoutError after so many seconds, without those in which this process was ready and no processor was free."""
    began = _kept_waiting()
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(seconds) as limit:
        ends = loop.time() + seconds

        async def extend() -> None:
            while True:
                limit.reschedule(ends + _kept_waiting() - began)
                await asyncio.sleep(_OFTEN)

        extending = asyncio.create_task(extend())
        try:
            yield
        finally:
            extending.cancel()


def _kept_waiting() -> float:
    """For how many seconds threads of this process have waited for a processor, as far as the kernel tells (Linux)."""
    waited = 0
    for thread in Path("/proc/self/task").glob("*/schedstat"):
        with suppress(OSError):  # it has ended
            waited += int(thread.read_text("ascii").split()[1])  # ns: Documentation/scheduler/sched-stats.rst
    return waited / 1e9
