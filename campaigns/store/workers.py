"""The workers that have run on this store, and what the one that runs now is doing."""

import json
import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from campaigns.clock import from_micros, to_micros
from campaigns.store.machine import boot_id, machine_id
from campaigns.store.tables import workers

ALIVE_WITHIN = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Worker:
    """One start of a worker, as its last beat left it."""

    id: int
    host: str
    pid: int
    version: str
    started_at: datetime
    beat_at: datetime
    doing: dict[str, Any]  # {"campaigns": {name: {"rate", "waiting"}}, "troubles": [{"transport", "sentence"}], ...}


def start(conn: Connection, *, version: str, at: datetime) -> int:
    """Write down that this process is a worker from now on; its id."""
    row = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "machine_id": machine_id(),
        "boot_id": boot_id(),
        "version": version,
        "started_at": to_micros(at),
        "beat_at": to_micros(at),
    }
    worker_id: int = conn.execute(insert(workers).values(row).returning(workers.c.id)).scalar_one()
    return worker_id


def beat(conn: Connection, worker_id: int, *, at: datetime, doing: dict[str, Any]) -> None:
    """The worker lives, and this is what it does (rates, waits and troubles, for `status`)."""
    text = json.dumps(doing, ensure_ascii=False)
    conn.execute(update(workers).where(workers.c.id == worker_id).values(beat_at=to_micros(at), doing=text))


def stopped(conn: Connection, worker_id: int, *, at: datetime) -> None:
    """The worker ended in good order."""
    conn.execute(update(workers).where(workers.c.id == worker_id).values(stopped_at=to_micros(at)))


def last_beat(conn: Connection) -> int | None:
    """When a worker was last seen on this store (micros); None if there never was one."""
    seen: int | None = conn.scalar(select(func.max(workers.c.beat_at)))
    return seen


def alive(conn: Connection, now: datetime) -> Worker | None:
    """The worker that beats: not stopped, and its last beat at most 15 s away; None when nothing runs.

    A beat further ahead than that is of a dead worker, from before the clock was set back.
    """
    heard = to_micros(now - ALIVE_WITHIN), to_micros(now + ALIVE_WITHIN)
    row = conn.execute(
        select(workers)
        .where(workers.c.stopped_at.is_(None), workers.c.beat_at.between(*heard))
        .order_by(workers.c.beat_at.desc(), workers.c.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    return Worker(
        id=row.id,
        host=row.host,
        pid=row.pid,
        version=row.version,
        started_at=from_micros(row.started_at),
        beat_at=from_micros(row.beat_at),
        doing=json.loads(row.doing) if row.doing else {},
    )
