"""Warm-ups as people see them: the step that each is at, and putting one to another step."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns.actions.desk import Desk
from campaigns.clock import from_micros, to_micros
from campaigns.errors import UsageError
from campaigns.model.throttle import Throttle
from campaigns.model.warm_up import WarmUp
from campaigns.model.warming_up import WarmingUp
from campaigns.settings import Settings
from campaigns.store import history, warm_ups
from campaigns.store.engine import Connection

OVER = "over"


@dataclass(frozen=True, slots=True)
class WarmUpTold:
    """A warm-up as it is now: the day that it is at, and how much that lets through."""

    whose: str  # a transport's name, or a sender's address
    table: WarmUp
    day: int  # from 1; one more than there are when it is over
    limit: Throttle | None
    used: int  # of this day or hour
    until: datetime  # when that ends
    coming: tuple[Throttle, ...]  # of the days after it
    last: str  # the day of the last hand-over; "" before the first
    tried: int  # answered hand-overs of that day
    deferred: int

    def as_json(self) -> dict[str, Any]:
        return {
            "whose": self.whose,
            "table": str(self.table),
            "day": self.day if self.limit else None,
            "days": len(self.table.steps),
            "limit": str(self.limit) if self.limit else None,
            "used": self.used,
            "until": self.until.isoformat() if self.limit else None,
            "zone": self.table.zone,
            "coming": list(map(str, self.coming)),
            "last": self.last or None,
            "tried": self.tried,
            "deferred": self.deferred,
        }


@dataclass(frozen=True, slots=True)
class WarmUpList:
    warm_ups: tuple[WarmUpTold, ...]

    def as_json(self) -> dict[str, Any]:
        return {"warm_ups": [one.as_json() for one in self.warm_ups]}


def tables(settings: Settings) -> dict[str, WarmUp]:
    """Every warm-up of the settings, by whose it is, as the worker and the store call it."""
    transports = {f"transport {name}": settings.warm_up_of(name) for name in settings.transports}
    senders = {f"sender {address}": table for address, table in settings.all_limits.warm_ups.items()}
    return {whose: table for whose, table in {**transports, **senders}.items() if table is not None}


def told(conn: Connection, settings: Settings, now: datetime) -> tuple[WarmUpTold, ...]:
    """All of them, transports first."""
    at = to_micros(now)
    return tuple(
        _told(whose.partition(" ")[2], warm_ups.read(conn, whose, table, at), at)
        for whose, table in tables(settings).items()
    )


def listed(desk: Desk) -> WarmUpList:
    with desk.store.read() as conn:
        return WarmUpList(told(conn, desk.workspace.settings, desk.clock.now()))


def put(desk: Desk, name: str, day: str) -> WarmUpTold:
    """Let a day of its table hold today, "1" to begin anew and "over" to end it; UsageError for what cannot be meant."""
    whose, table = _named(tables(desk.workspace.settings), name)
    step = _step(day, table)
    with desk.store.write() as conn:
        now = desk.clock.now()
        before = warm_ups.read(conn, whose, table, to_micros(now)).step(to_micros(now))
        warm_ups.ask(conn, whose, step, to_micros(now))
        detail = {"whose": whose, "before": before + 1, "after": step + 1}
        history.record(conn, at=now, who=desk.who, verb="warm-up set", thing="warm_up", detail=detail)
        return _told(whose.partition(" ")[2], warm_ups.read(conn, whose, table, to_micros(now)), to_micros(now))


def _told(whose: str, found: WarmingUp, now: int) -> WarmUpTold:
    step, reached = found.step(now), found.reached
    return WarmUpTold(
        whose=whose,
        table=found.table,
        day=step + 1,
        limit=found.limit(now),
        used=found.used(now),
        until=from_micros(found.ends(now)),
        coming=found.table.steps[step + 1 :],
        last=reached.day.isoformat() if reached.day else "",
        tried=reached.tried,
        deferred=reached.deferred,
    )


def _named(known: Mapping[str, WarmUp], name: str) -> tuple[str, WarmUp]:
    for whose, table in known.items():
        if whose.partition(" ")[2] == name.strip().lower():
            return whose, table
    names = ", ".join(_names(known))
    remedy = f"There is one of {names}." if names else 'Set one: warm_up = "daily" for a transport in mergecast.toml.'
    raise UsageError(f"{name} has no warm-up.", remedy=remedy)


def _names(known: Mapping[str, WarmUp]) -> Iterator[str]:
    return (whose.partition(" ")[2] for whose in known)


def _step(day: str, table: WarmUp) -> int:
    days = len(table.steps)
    if day.strip().lower() == OVER:
        return days
    if day.isascii() and day.isdecimal() and 1 <= int(day) <= days:
        return int(day) - 1
    remedy = f"Its days go from 1 to {days}; `{OVER}` ends it."
    raise UsageError(f"{day} is no day of the warm-up {table.name or 'that is set'}.", remedy=remedy)
