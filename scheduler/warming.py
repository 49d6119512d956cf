"""The warm-ups of all transports and senders: what people ask of them, what the store must keep, what the log says."""

from typing import Any

import structlog

from campaigns.model.warm_up import WarmUp, said_limit
from campaigns.model.warming_up import Reached, WarmingUp
from campaigns.store import warm_ups
from campaigns.store.engine import Connection, Store

log = structlog.get_logger()


class WarmUps:
    """Every warm-up in use, by whose it is: "transport relay", "sender ada@example.com"."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._all: dict[str, WarmingUp] = {}
        self._told: dict[str, Reached] = {}  # as of the last line in the log

    def add(self, whose: str, table: WarmUp, now: int) -> WarmingUp:
        """Somebody's, as the store remembers it."""
        with self._store.read() as connection:
            found = warm_ups.read(connection, whose, table, now)
        self._all[whose], self._told[whose] = found, found.reached
        return found

    def heed_people(self, connection: Connection, now: int) -> None:
        """Let them stand where a person has put them."""
        if not self._all:
            return
        for whose, (step, at) in warm_ups.asked(connection).items():
            found = self._all.get(whose)
            if found is not None and at > found.reached.heard:
                found.put(step, now, at)
                self._told[whose] = found.reached
                log.info("warm_up.set", whose=whose, day=found.step(now) + 1, of=len(found.table.steps))

    def changed(self) -> dict[str, Reached]:
        """Those of which the store does not know how far they are; it is told now."""
        changed = {whose: found for whose, found in self._all.items() if found.changed}
        for whose, found in changed.items():
            found.changed = False
            before, self._told[whose] = self._told[whose], found.reached
            if before.day is None or before.step != found.reached.step:
                self._tell(whose, found, before)
        return {whose: found.reached for whose, found in changed.items()}

    def told(self, now: int) -> list[dict[str, Any]]:
        """Whose, the day and what is left of it, of those that are not over."""
        return [
            {"whose": whose.partition(" ")[2], "day": found.step(now) + 1, "room": found.room(now)}
            for whose, found in self._all.items()
            if found.limit(now) is not None
        ]

    @staticmethod
    def _tell(whose: str, found: WarmingUp, before: Reached) -> None:
        reached, steps = found.reached, found.table.steps
        if reached.step >= len(steps):
            if before.step < len(steps):
                log.info("warm_up.over", whose=whose)
            return
        told = {"whose": whose, "day": reached.step + 1, "of": len(steps), "limit": said_limit(steps[reached.step])}
        if before.deferred_much:
            log.warning("warm_up.back", **told, tried=before.tried, deferred=before.deferred)
        else:
            log.info("warm_up.step", **told)


def said(whose: str, found: WarmingUp, now: int) -> str:
    """`relay, warm-up day 3 of 17: 500 a day`"""
    limit, of = found.limit(now), len(found.table.steps)
    if limit is None:
        return f"{whose}, whose warm-up is over"
    return f"{whose}, warm-up day {found.step(now) + 1} of {of}: {said_limit(limit)}"
