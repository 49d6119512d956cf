"""How far warm-ups have come. What the worker counts and what a person asks for stand in columns of their own."""

from datetime import date

from sqlalchemy import Connection, select

from campaigns.model.warm_up import WarmUp
from campaigns.model.warming_up import Reached, WarmingUp
from campaigns.store import spent
from campaigns.store.engine import upsert
from campaigns.store.tables import warm_ups

WARM_UP = "warm-up "  # and whose: under that key, its slices stand among those of throttles


def read(connection: Connection, whose: str, table: WarmUp, now: int) -> WarmingUp:
    """A warm-up as it is now (micros), with what a person has asked for and no worker has followed yet."""
    row = connection.execute(select(warm_ups).where(warm_ups.c.whose == whose)).one_or_none()
    reached = Reached()
    if row is not None:
        day = date.fromisoformat(row.day) if row.day else None
        reached = Reached(row.step, day, row.tried, row.deferred, row.heard)
    found = WarmingUp(table, reached, spent.read(connection, WARM_UP + whose), now)
    if row is not None and row.asked_step is not None and row.asked_at > row.heard:
        found.put(row.asked_step, now, row.asked_at)
    return found


def write(connection: Connection, whose: str, reached: Reached) -> None:
    """Keep what the worker has counted."""
    kept = {
        "step": reached.step,
        "day": reached.day.isoformat() if reached.day else None,
        "tried": reached.tried,
        "deferred": reached.deferred,
        "heard": reached.heard,
    }
    statement = upsert(connection, warm_ups).values(whose=whose, **kept)
    connection.execute(statement.on_conflict_do_update(index_elements=[warm_ups.c.whose], set_=kept))


def ask(connection: Connection, whose: str, step: int, at: int) -> None:
    """Have a step hold today: the worker follows at its next look, or at its next start."""
    before = connection.scalar(select(warm_ups.c.asked_at).where(warm_ups.c.whose == whose)) or 0
    asked = {"asked_step": step, "asked_at": max(at, before + 1)}  # the clock may have been set back
    statement = upsert(connection, warm_ups).values(whose=whose, **asked)
    connection.execute(statement.on_conflict_do_update(index_elements=[warm_ups.c.whose], set_=asked))


def asked(connection: Connection) -> dict[str, tuple[int, int]]:
    """What people have asked for and the worker may not have followed yet: whose -> (step, when)."""
    query = select(warm_ups).where(warm_ups.c.asked_at > warm_ups.c.heard)
    return {row.whose: (row.asked_step, row.asked_at) for row in connection.execute(query)}
