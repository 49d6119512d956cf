"""Lanes: the number of each recipient-domain group, which domains carry, and messages with them.

A message of a canary stands in the lane -1 - n of the group n, so that a canary can leave while the others wait; 0 is
for all domains without a group.
"""

import json
from collections.abc import Mapping

from sqlalchemy import Connection, and_, bindparam, case, exists, func, insert, or_, select, update

from campaigns.store.engine import Store
from campaigns.store.prepared import among, numbers
from campaigns.store.tables import QUEUED, addresses, domains, lanes, messages

_AT_ONCE = 20_000  # ids of messages that one transaction looks at


def group_number(lane: int) -> int:
    """The group of a message's lane."""
    return lane if lane >= 0 else -1 - lane


def names(conn: Connection) -> dict[int, str]:
    """Each group's number and name; 0, those without a group, is not among them."""
    return {row.id: row.name for row in conn.execute(select(lanes))}


def number(conn: Connection, group: str | None) -> int:
    """A group's number, which it keeps for good; 0 for None."""
    if group is None:
        return 0
    known: int | None = conn.scalar(select(lanes.c.id).where(lanes.c.name == group))
    if known is None:
        known = (conn.scalar(select(func.max(lanes.c.id))) or 0) + 1
        conn.execute(insert(lanes).values(id=known, name=group))
    return known


def settle(store: Store, group_of: Mapping[str, str]) -> None:
    """Let every known domain, and what is queued for it, stand in the lane of its group: domain -> group's name.

    Messages move first, in short transactions, and a domain with the last of its own: what a crash leaves is done again.
    """
    with store.read() as conn:
        moves = _moves(conn, group_of)
        if not moves:
            return  # else a start would look at all that is queued
        first, last = conn.execute(select(func.min(messages.c.id), func.max(messages.c.id)).where(QUEUED)).one()
    for group, domain_ids in moves.items():
        with store.write() as conn:
            lane = number(conn, group)
        which = {"to": lane, "domains": numbers(domain_ids)}
        for begin in range(first, last + 1, _AT_ONCE) if first is not None else ():
            with store.write() as conn:
                conn.execute(_MOVE, {**which, "begin": begin, "end": begin + _AT_ONCE})
        with store.write() as conn:
            conn.execute(_SET, which)


def _moves(conn: Connection, group_of: Mapping[str, str]) -> dict[str | None, list[int]]:
    """The domains that stand in another lane than they should, by their group."""
    known = names(conn)
    moves: dict[str | None, list[int]] = {}
    for row in conn.execute(_GROUPED, {"names": json.dumps(list(group_of))}):
        group = group_of.get(row.name)
        if known.get(row.lane) != group:
            moves.setdefault(group, []).append(row.id)
    return moves


_GROUPED = select(domains.c.id, domains.c.name, domains.c.lane).where(
    or_(domains.c.name.in_(among("names")), domains.c.lane != 0)
)
_SET = update(domains).where(domains.c.id.in_(among("domains"))).values(lane=bindparam("to"))
_OF_THE_DOMAINS = exists().where(addresses.c.id == messages.c.address_id, addresses.c.domain_id.in_(among("domains")))
_MOVE = (
    update(messages)
    .where(
        QUEUED,
        and_(messages.c.id >= bindparam("begin"), messages.c.id < bindparam("end")),
        _OF_THE_DOMAINS,
    )
    .values(lane=case((messages.c.lane < 0, -1 - bindparam("to")), else_=bindparam("to")))
)
