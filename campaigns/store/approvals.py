"""Approvals: who stood for a campaign, and for exactly what; the newest of a campaign counts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from campaigns.store.tables import approvals


@dataclass(frozen=True, slots=True)
class Approval:
    """`at` is microseconds UTC."""

    id: int
    hash: str
    parts: Mapping[str, str]  # what was approved, part by part, so that it can be said what changed
    who: str
    at: int
    note: str
    stands: bool  # until something that it binds changes


def add(
    conn: Connection, campaign_id: int, *, sha256: str, parts: Mapping[str, str], who: str, at: int, note: str
) -> None:
    words = json.dumps(parts, ensure_ascii=False)
    row = {"campaign_id": campaign_id, "hash": sha256, "parts": words, "who": who, "at": at, "note": note}
    conn.execute(insert(approvals).values(row))


def newest(conn: Connection, campaign_id: int) -> Approval | None:
    query = select(approvals).where(approvals.c.campaign_id == campaign_id).order_by(approvals.c.id.desc()).limit(1)
    row = conn.execute(query).one_or_none()
    if row is None:
        return None
    return Approval(row.id, row.hash, json.loads(row.parts), row.who, row.at, row.note, stands=row.withdrawn_at is None)


def withdraw(conn: Connection, campaign_id: int, *, at: int) -> bool:
    """Take a campaign's approvals back; False if none stood."""
    standing = update(approvals).where(approvals.c.campaign_id == campaign_id, approvals.c.withdrawn_at.is_(None))
    return conn.execute(standing.values(withdrawn_at=at)).rowcount > 0
