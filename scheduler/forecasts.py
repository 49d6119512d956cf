"""Keeps the forecasts of all campaigns under way, beside the worker, in a thread that takes little of its time."""

import asyncio
from typing import Any

import structlog

from campaigns.actions.desk import Desk
from campaigns.actions.promises import revise
from campaigns.errors import StoreError

_EVERY = 30.0  # seconds between two plans
_SHARE = 50  # times as long as a plan took: those of a million messages must not hold up their sending

log = structlog.get_logger()


class Forecasts:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def keep(self) -> None:
        """Plan again and again, until cancelled."""
        took = 0.0
        while True:
            await asyncio.sleep(max(_EVERY, _SHARE * took))
            began = self._desk.clock.monotonic()
            await self.look()
            took = self._desk.clock.monotonic() - began

    async def look(self) -> None:
        try:
            await asyncio.to_thread(revise, self._desk, _tell)
        except StoreError as error:
            log.error("store.refuses", reason=error.sentence)


def _tell(event: str, **about: Any) -> None:
    log.warning(event, **about)
