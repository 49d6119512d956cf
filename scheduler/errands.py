"""What the worker has done beside it: occurrences of series are made, and what lies in the inbox is imported.

A process of its own does it, the clerk (`scheduler/clerk.py`), one at a time: the sending of others goes on, and what a
broken sheet costs in memory or time is not the worker's. It ends with this process, kill -9 included.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import structlog

from campaigns.actions.desk import Desk
from campaigns.actions.inbox import Inbox
from campaigns.clock import to_micros
from campaigns.errors import StoreError
from campaigns.settings_file import PREFIX, SECRETS
from campaigns.store import series

COULD_NOT = 3  # how the clerk ends when the store or the disk refuses
_LOOK = 1.0  # seconds between two looks at what is due
_AFTERWARDS = 2.0  # seconds in which the worker surely sees what an errand has queued
_AFTER_A_MISTAKE = 60.0  # seconds until a clerk that has failed is sent again
_CRASHES = 3  # after which what it was at is given up
_LONGEST_LINE = 1 << 20  # bytes that one event of the clerk may have

log = structlog.get_logger()


class Errands:
    """Sends the clerk whenever something is due."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._inbox = Inbox(desk.workspace, desk.clock)
        self._under_way = False
        self._said = ""  # of the inbox's trouble
        self._is_first = True
        self._crashes = 0  # of the clerk, one after the other
        self._quiet_since = 0.0  # monotonic: when the last errand ended
        self._not_before = 0.0  # monotonic: after a mistake

    async def keep(self) -> None:
        """Look, send, and look again, until cancelled; then the clerk ends, too."""
        while True:
            self._under_way = True
            try:
                is_time = self._desk.clock.monotonic() >= self._not_before
                # In a thread: a folder on a network may take its time, and mail goes on meanwhile.
                if is_time and (files := await asyncio.to_thread(self._due)) is not None:
                    await self._send(files)
                    self._quiet_since = self._desk.clock.monotonic()
            except OSError as error:  # no process can be started just now
                self._failed(str(error))
            finally:
                self._under_way = False
            await asyncio.sleep(_LOOK)

    def come_by(self, instant: int) -> bool:
        """Whether something will be queued by an instant (microseconds), or may have been just now."""
        now = self._desk.clock.monotonic()
        if self._under_way or now - self._quiet_since < _AFTERWARDS:
            return True
        if now < self._not_before:  # what cannot be done just now holds nobody up
            return False
        if self._inbox.has_files():
            return True
        with self._desk.store.read() as connection:
            wakes_at = series.wakes_at(connection)
        return wakes_at is not None and wakes_at <= instant

    def _due(self) -> list[str] | None:
        """The files of the inbox that are whole, or none of them if only a series is due; None if nothing is."""
        files = self._inbox.ready()
        if self._inbox.trouble != self._said:
            self._said = self._inbox.trouble
            if self._said:
                log.error("inbox.unreadable", reason=self._said)
        try:
            with self._desk.store.read() as connection:
                wakes_at = series.wakes_at(connection)
        except StoreError as error:
            log.error("store.refuses", reason=error.sentence)
            return None
        is_due = wakes_at is not None and wakes_at <= to_micros(self._desk.clock.now())
        is_first, self._is_first = self._is_first, False  # zones may have other rules than when the alarms were set
        is_due = is_due or (is_first and wakes_at is not None)
        return files if files or is_due or self._inbox.has_claimed() else None

    async def _send(self, files: list[str]) -> None:
        clerk = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "scheduler.clerk", str(self._desk.workspace.root)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=_environment(),
            limit=_LONGEST_LINE,
        )
        assert clerk.stdin is not None
        assert clerk.stdout is not None
        try:
            with suppress(ConnectionError):  # it has ended already: its status says so
                asked = {"files": files, "spare": self._crashes >= _CRASHES}
                clerk.stdin.write(json.dumps(asked).encode() + b"\n")
                await clerk.stdin.drain()
            async for line in clerk.stdout:
                _pass_on(line)
            status = await clerk.wait()
        finally:
            if clerk.returncode is None:
                clerk.kill()
                await clerk.wait()
        self._crashes = self._crashes + 1 if status not in (0, COULD_NOT) else 0
        if status:
            self._failed(f"it ended with {status}")

    def _failed(self, why: str) -> None:
        self._not_before = self._desk.clock.monotonic() + _AFTER_A_MISTAKE
        log.error("clerk.failed", reason=why, again_in=_AFTER_A_MISTAKE)


def _pass_on(line: bytes) -> None:
    """What the clerk tells goes into the worker's log."""
    with suppress(ValueError):
        told: dict[str, Any] = json.loads(line)
        event = told.pop("event")
        (log.warning if event.endswith((".held", ".failed", ".missed")) else log.info)(event, **told)


def _environment() -> dict[str, str]:
    """This process's own, without secrets: what the clerk does needs none."""
    return dict(_public(os.environ.items()))


def _public(variables: Any) -> Iterator[tuple[str, str]]:
    for name, value in variables:
        if not (name.startswith(PREFIX) and name.lower().rpartition("__")[2] in SECRETS):
            yield name, value
