"""The history: every verb that changes something leaves a line, in the transaction that made the change."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from campaigns.clock import to_micros
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


def mentions(conn: Connection, verb: str, word: str) -> bool:
    """Whether a line of this verb has `word` in its detail."""
    query = select(history.c.id).where(history.c.verb == verb, history.c.detail.contains(word, autoescape=True))
    return conn.scalar(query.limit(1)) is not None
