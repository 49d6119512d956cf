"""A desk on a store, for the verbs that need no more of a workspace than its folder; and messages put into any state."""

from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import insert, select, update

from campaigns.actions.desk import Desk
from campaigns.clock import Clock, to_micros
from campaigns.model.states import LeftOut, MessageState, RowVerdict
from campaigns.settings import Settings
from campaigns.store import tables
from campaigns.store.engine import Store
from campaigns.workspace import Workspace


def desk_of(store: Store, clock: Clock, who: str = "ada", **settings: Any) -> Desk:
    assert store.path is not None
    workspace = SimpleNamespace(root=store.path.parent, settings=Settings.model_validate(settings))
    return Desk(cast("Workspace", workspace), store, who, clock)


def put(store: Store, campaign_id: int, states: list[MessageState], clock: Clock, *, words: str = "") -> list[int]:
    """Give the campaign's messages these states, in the order of their ids; with `words`, as after one bad try."""
    at = to_micros(clock.now())
    with store.write() as conn:
        ids = message_ids(store, campaign_id)
        for message_id, state in zip(ids, states, strict=False):
            left = state not in (MessageState.QUEUED, MessageState.SUPPRESSED, MessageState.CANCELLED)
            conn.execute(
                update(tables.messages)
                .where(tables.messages.c.id == message_id)
                .values(
                    state=state,
                    leased_at=at if left else None,
                    settled_at=at if state > MessageState.LEASED else None,
                    attempts=1 if words else 0,
                )
            )
            if words:
                conn.execute(
                    insert(tables.attempts).values(
                        message_id=message_id, n=1, at=at, outcome="rejected", code="550", text=words
                    )
                )
    return ids


def message_ids(store: Store, campaign_id: int) -> list[int]:
    mine = tables.messages.c.campaign_id == campaign_id
    with store.read() as conn:
        return list(conn.scalars(select(tables.messages.c.id).where(mine).order_by(tables.messages.c.id)))


def states_of(store: Store, campaign_id: int) -> list[MessageState]:
    mine = tables.messages.c.campaign_id == campaign_id
    with store.read() as conn:
        found = conn.scalars(select(tables.messages.c.state).where(mine).order_by(tables.messages.c.id))
        return [MessageState(state) for state in found]


def leave_out(store: Store, campaign_id: int, row: int, code: LeftOut, note: str) -> None:
    """A row of the sheet that gets no message."""
    with store.write() as conn:
        recipient_id = conn.execute(
            insert(tables.recipients)
            .values(sheet_id=1, row=row, given="nobody at home", cells="[]", verdict=RowVerdict.REJECTED, note=note)
            .returning(tables.recipients.c.id)
        ).scalar_one()
        conn.execute(insert(tables.left_out).values(campaign_id=campaign_id, recipient_id=recipient_id, code=code))


def history_of(store: Store) -> list[tuple[str, str, str]]:
    """(who, verb, thing) of each line."""
    columns = (tables.history.c.who, tables.history.c.verb, tables.history.c.thing)
    with store.read() as conn:
        return [tuple(row) for row in conn.execute(select(*columns).order_by(tables.history.c.id))]
