"""The history: every verb that changes something leaves a line, in the transaction that made the change."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from campaigns.clock import from_micros, to_micros
from campaigns.store.tables import history


def record(
    conn: Connection,
    *,
    at: datetime,
    who: str,
    verb: str,
    thing: str,
    thing_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write down who did what to which thing ("campaign", "list", ...); `detail` is kept as JSON."""
    conn.execute(
        insert(history).values(
            at=to_micros(at),
            who=who,
            verb=verb,
            thing=thing,
            thing_id=thing_id,
            detail=json.dumps(detail, ensure_ascii=False) if detail else "",
        )
    )


def last_said(conn: Connection, key: str, *, thing: str, thing_id: int, until: int | None) -> dict[str, Any]:
    """The last detail about a thing that has `key`, up to an instant (microseconds UTC); empty if none has."""
    query = select(history.c.detail).where(history.c.thing == thing, history.c.thing_id == thing_id)
    if until is not None:
        query = query.where(history.c.at <= until)
    for detail in conn.scalars(query.order_by(history.c.id.desc())):
        said: dict[str, Any] = json.loads(detail) if detail else {}
        if key in said:
            return said
    return {}


def last_at(conn: Connection, verb: str) -> datetime | None:
    """When a verb was last called."""
    at: int | None = conn.scalar(select(func.max(history.c.at)).where(history.c.verb == verb))
    return None if at is None else from_micros(at)


def mentions(conn: Connection, verb: str, word: str) -> bool:
    """Whether a line of this verb has `word` in its detail."""
    query = select(history.c.id).where(history.c.verb == verb, history.c.detail.contains(word, autoescape=True))
    return conn.scalar(query.limit(1)) is not None
