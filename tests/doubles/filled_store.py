"""A real SQLite store with a campaign in it, made without the preparing half: for tests of dispatching alone."""

import functools
import os
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import insert, update

from campaigns.clock import SystemClock, to_micros
from campaigns.message.message import pack_values
from campaigns.message.shape import Escape, Hole, Shape
from campaigns.model.states import CampaignKind, CampaignState, MessageState, RowVerdict, Wave
from campaigns.store import campaigns, lanes, shapes, tables
from campaigns.store.engine import Connection, Store
from campaigns.store.migrate import create_store

NAME = Hole(0, Escape.PLAIN)
SHAPE = Shape(
    subject=("Hello ", NAME),
    text=("Dear ", NAME, ",\n\nthe summer fair opens on Saturday.\n"),
    html=("<p>Dear ", Hole(0, Escape.HTML), ",</p>\n<p>the summer fair opens on Saturday.</p>\n"),
)


def new_store(folder: Path, name: str = "mergecast.db") -> Store:
    """An empty store: a copy of what the migrations made."""
    path = folder / name
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(_migrated())
    return Store(f"sqlite:///{path}")


@functools.cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mergecast.db"
        create_store(f"sqlite:///{path}", made_by="test", clock=SystemClock())
        return path.read_bytes()


def add_campaign(
    store: Store,
    name: str,
    people: int,
    *,
    transport: str = "local",
    leaves: bool = True,
    state: CampaignState = CampaignState.SENDING,
    throttles: str = "",
    starts_at: int | None = None,
    late_after: int = 3600,
    give_up_after: int = 86_400,
    kind: CampaignKind = CampaignKind.BULK,
    shape: Shape = SHAPE,
    domain: str = "example.com",
    group: str | None = None,
    canary: int = 0,
    now: int | None = None,
    **columns: Any,
) -> int:
    """A campaign with one queued message for each of `people`; returns its id.

    `group`: the recipient-domain group of `domain`. The first `canary` messages leave first. `columns` of the campaign.
    """
    now = to_micros(SystemClock().now()) if now is None else now
    with store.write() as connection:
        campaign_id = _campaign(
            connection, name, transport, leaves, state, throttles, starts_at, late_after, give_up_after, kind, now
        )
        if canary:
            columns |= {"canary": str(canary), "canary_mails": canary}
        if columns:
            campaigns.update(connection, campaign_id, **columns)
        lane = lanes.number(connection, group)
        shape_id = shapes.keep(connection, campaign_id, 1, shape, {})
        first = _people(connection, campaign_id, people, domain)
        connection.execute(update(tables.domains).where(tables.domains.c.name == domain).values(lane=lane))
        rows = [
            {
                "campaign_id": campaign_id,
                "recipient_id": first + i,
                "address_id": first + i,
                "ordinal": 0,
                "wave": Wave.CANARY if i < canary else Wave.REST,
                "state": MessageState.QUEUED,
                "due_at": 0,
                "lane": -1 - lane if i < canary else lane,
                "attempts": 0,
                "shape_id": shape_id,
                "slots": pack_values(f"Person {i}\0"),
                "token": os.urandom(8),
            }
            for i in range(people)
        ]
        if rows:
            connection.execute(insert(tables.messages), rows)
    return campaign_id


def address_of(campaign_id: int, i: int, domain: str = "example.com") -> str:
    return f"p{i}.c{campaign_id}@{domain}"


def _campaign(
    connection: Connection,
    name: str,
    transport: str,
    leaves: bool,
    state: CampaignState,
    throttles: str,
    starts_at: int | None,
    late_after: int,
    give_up_after: int,
    kind: CampaignKind,
    now: int,
) -> int:
    if not connection.execute(tables.lists.select()).first():
        connection.execute(insert(tables.lists).values(id=1, name="people", folded="people"))
        connection.execute(
            insert(tables.sheets).values(
                id=1, list_id=1, n=1, sha256="", file_name="people.csv", kept=False, header_row=1, at=now, who="test"
            )
        )
        connection.execute(
            insert(tables.versions).values(id=1, template="t.md", kind="md", sha256="", source=b"", at=now, who="test")
        )
    values = {
        "name": name,
        "kind": kind,
        "state": state,
        "list_id": 1,
        "sheet_id": 1,
        "template": "t.md",
        "version_id": 1,
        "sender": "Ada <ada@example.org>",
        "transport": transport,
        "leaves": leaves,
        "zone": "UTC",
        "starts_at": now if starts_at is None else starts_at,
        "late_after": late_after,
        "give_up_after": give_up_after,
        "throttles": throttles,
        "tag_salt": os.urandom(16),
        "made_at": now,
        "queued_at": now,
        "who": "test",
    }
    return connection.execute(insert(tables.campaigns).values(values).returning(tables.campaigns.c.id)).scalar_one()


def _people(connection: Connection, campaign_id: int, people: int, domain: str) -> int:
    """Addresses and recipients, with equal consecutive ids; returns the first."""
    found = connection.execute(tables.domains.select().where(tables.domains.c.name == domain)).first()
    domain_id = (
        found.id
        if found
        else connection.execute(insert(tables.domains).values(name=domain).returning(tables.domains.c.id)).scalar_one()
    )
    first = campaign_id * 1_000_000
    if people:
        connection.execute(
            insert(tables.addresses),
            [
                {"id": first + i, "folded": address_of(campaign_id, i, domain), "domain_id": domain_id}
                for i in range(people)
            ],
        )
        connection.execute(
            insert(tables.recipients),
            [
                {
                    "id": first + i,
                    "sheet_id": 1,
                    "row": first + i,
                    "address_id": first + i,
                    "cells": "[]",
                    "verdict": RowVerdict.GOOD,
                }
                for i in range(people)
            ],
        )
    return first
