"""What has been spent of each throttle, kept slice by slice so that a restart grants nothing; and what goes slower."""

from collections.abc import Collection

from sqlalchemy import Connection, delete, select

from campaigns.model.pace import Pace
from campaigns.store.engine import upsert
from campaigns.store.tables import paces, throttle_use


def read(connection: Connection, throttle: str) -> list[tuple[int, int]]:
    """What has been spent of a throttle: (slice's start, used)."""
    query = select(throttle_use.c.slice, throttle_use.c.used).where(throttle_use.c.throttle == throttle)
    return [(row.slice, row.used) for row in connection.execute(query)]


def write(connection: Connection, uses: Collection[tuple[str, int, int]]) -> None:
    """Keep (throttle, slice, used) for each slice that was spent from."""
    statement = upsert(connection, throttle_use)
    statement = statement.on_conflict_do_update(
        index_elements=[throttle_use.c.throttle, throttle_use.c.slice], set_={"used": statement.excluded.used}
    )
    connection.execute(statement, [{"throttle": t, "slice": s, "used": u} for t, s, u in uses])


def forget(connection: Connection, throttle: str, before: int) -> None:
    """Drop the slices that count no longer."""
    connection.execute(delete(throttle_use).where(throttle_use.c.throttle == throttle, throttle_use.c.slice < before))


def read_paces(connection: Connection) -> dict[str, Pace]:
    """What went slower than it might, by whose pace it is."""
    return {row.whose: Pace(row.top, row.rate, row.at, row.held_until) for row in connection.execute(select(paces))}


def write_pace(connection: Connection, whose: str, pace: Pace) -> None:
    kept = {"top": pace.top, "rate": pace.rate, "at": pace.at, "held_until": pace.held_until}
    statement = upsert(connection, paces).values(whose=whose, **kept)
    connection.execute(statement.on_conflict_do_update(index_elements=[paces.c.whose], set_=kept))
