"""Lanes: the number of each recipient-domain group, which domains carry, and messages with them.

A message of a canary stands in the lane -1 - n of the group n, so that a canary can leave while the others wait; 0 is
for all domains without a group. Where people's own zones are known, a group has a lane of its own for each zone: so a
send window by the recipients' clocks opens and shuts whole lanes, and nobody reads what waits behind it.
"""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, exists, func, insert, or_, select, update

from campaigns.store.engine import Store
from campaigns.store.prepared import among, numbers
from campaigns.store.tables import QUEUED, addresses, domains, lanes, messages

_AT_ONCE = 20_000  # ids of messages that one transaction looks at


def plain(lane: int) -> int:
    """The number of a message's lane, be the message in the canary or not."""
    return lane if lane >= 0 else -1 - lane


def names(conn: Connection) -> dict[int, str]:
    """Each group's number and name; 0, those without a group, is not among them."""
    return {row.id: row.name for row in conn.execute(select(lanes).where(lanes.c.part_of.is_(None)))}


def parts(conn: Connection) -> dict[int, tuple[int, str]]:
    """The lanes that hold only the people of one zone: number -> (the group's number, the zone)."""
    return {row.id: (row.part_of, row.zone) for row in conn.execute(select(lanes).where(lanes.c.part_of.is_not(None)))}


def group_of(lane: int, known: Mapping[int, tuple[int, str]]) -> int:
    """The number of the group whose messages stand in a lane; `known` are the `parts`."""
    lane = plain(lane)
    return known[lane][0] if lane in known else lane


def number(conn: Connection, group: str | None) -> int:
    """A group's number, which it keeps for good; 0 for None."""
    return 0 if group is None else _number(conn, group)


def part(conn: Connection, group: int, zone: str) -> int:
    """The number of the lane for a group's people in a zone."""
    return _number(conn, f"{group} {zone}", part_of=group, zone=zone)


def _number(conn: Connection, name: str, **more: Any) -> int:
    known: int | None = conn.scalar(select(lanes.c.id).where(lanes.c.name == name))
    if known is None:
        known = (conn.scalar(select(func.max(lanes.c.id))) or 0) + 1
        conn.execute(insert(lanes).values(id=known, name=name, **more))
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
            ways = _ways(conn, lane)
        which = {"domains": numbers(domain_ids)}
        for begin in range(first, last + 1, _AT_ONCE) if first is not None else ():
            with store.write() as conn:
                for to, of in ways.items():
                    conn.execute(_MOVE, {**which, "to": to, "of": numbers(of), "begin": begin, "end": begin + _AT_ONCE})
        with store.write() as conn:
            conn.execute(_SET, {**which, "to": lane})


def _ways(conn: Connection, group: int) -> dict[int, list[int]]:
    """Into which lane of a group messages come, by the lanes that they may stand in: people keep their zone."""
    known = parts(conn)
    ways = {group: [0, *names(conn)]}
    for zone in {zone for _, zone in known.values()}:
        ways[part(conn, group, zone)] = [lane for lane, (_, theirs) in known.items() if theirs == zone]
    return ways


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
        case((messages.c.lane < 0, -1 - messages.c.lane), else_=messages.c.lane).in_(among("of")),
    )
    .values(lane=case((messages.c.lane < 0, -1 - bindparam("to")), else_=bindparam("to")))
)
