"""Queued messages whose time has passed, and what becomes of them: they wait anew, or expire."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, select, update

from campaigns.model.late import Late
from campaigns.model.states import MessageState
from campaigns.store.engine import Store
from campaigns.store.tables import QUEUED, messages

_AT_ONCE = 5_000  # messages of one transaction: 15 ms
_NO_PROOF = messages.c.wave + 0 > 0  # the sum keeps SQLite off the index of persons


class Group(NamedTuple):
    """Messages of one lane that are due at the same instant; 0 is the campaign's start."""

    lane: int
    due_at: int
    messages: int


def groups(conn: Connection, campaign_id: int, *, before: int, own_times: bool) -> list[Group]:
    """The campaign's messages that were due before an instant (micros) and never tried; a look at every one of them.

    Without times of their own, messages that are due at another instant than the start wait for their next try.
    """
    due = (messages.c.due_at < before) if own_times else (messages.c.due_at == 0)
    untried = (messages.c.attempts == 0) if own_times else due
    query = (
        select(messages.c.lane, messages.c.due_at, func.count())
        .where(QUEUED, messages.c.campaign_id == campaign_id, due, untried, _NO_PROOF)
        .group_by(messages.c.lane, messages.c.due_at)
    )
    return [Group(*row) for row in conn.execute(query)]


def first_due(conn: Connection, campaign_id: int) -> int | None:
    """When the earliest staged message of a campaign is due (micros), proofs aside."""
    query = select(func.min(messages.c.due_at)).where(QUEUED, messages.c.campaign_id == campaign_id, _NO_PROOF)
    found: int | None = conn.scalar(query)
    return found


def settle(
    store: Store,
    campaign_id: int,
    late: Iterable[Group],
    policy: Late,
    *,
    next_chance: Callable[[Group], int | None],
    now: int,
) -> None:
    """Do with late messages what the policy says: leave them due, let them wait for their next chance, or expire.

    Where there is no next chance, they expire, too. Short transactions; what a crash leaves is done again.
    """
    if policy not in (Late.NEXT_WINDOW, Late.EXPIRE):
        return
    for group in late:
        to = next_chance(group) if policy is Late.NEXT_WINDOW else None
        change = _EXPIRE if to is None else _POSTPONE
        which = {"campaign": campaign_id, "of_lane": group.lane, "due": group.due_at, "to": now if to is None else to}
        while True:
            with store.write() as conn:
                if conn.execute(change, which).rowcount < _AT_ONCE:
                    break


_SOME = (
    select(messages.c.id)
    .where(
        QUEUED,
        messages.c.campaign_id == bindparam("campaign"),
        messages.c.lane == bindparam("of_lane"),
        messages.c.due_at == bindparam("due"),
        messages.c.attempts == 0,
        _NO_PROOF,
    )
    .limit(_AT_ONCE)
)
_POSTPONE = update(messages).where(messages.c.id.in_(_SOME)).values(due_at=bindparam("to"))
_EXPIRE = (
    update(messages).where(messages.c.id.in_(_SOME)).values(state=int(MessageState.EXPIRED), settled_at=bindparam("to"))
)
