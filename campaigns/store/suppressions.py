"""Suppressions: people and domains that are never mailed again, whatever the campaign."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, bindparam, delete, func, literal_column, or_, select, update

from campaigns.clock import from_micros, to_micros
from campaigns.model.states import MessageState, SuppressionReason
from campaigns.store import addresses as people
from campaigns.store.bulk import insert_new
from campaigns.store.tables import QUEUED, addresses, campaigns, domains, messages, suppressions

_AT_ONCE = 5_000  # parameters of one statement; SQLite allows 32,766, PostgreSQL 65,535


@dataclass(frozen=True, slots=True)
class Suppression:
    """One that holds; `what` is a folded address, or a domain as `@example.com`."""

    id: int
    what: str
    reason: SuppressionReason
    source: str
    campaign: str  # whose mail made them leave, "" where that is unknown
    at: datetime
    who: str


@dataclass(frozen=True, slots=True)
class Added:
    """What `add` did: how many are new, and the people that it holds for."""

    new: int
    address_ids: frozenset[int]


def suppressed(conn: Connection, address_ids: Collection[int]) -> set[int]:
    """Those of `address_ids` that must not be mailed; one look at an empty table where nobody is suppressed."""
    if not address_ids or conn.execute(_ANY).first() is None:
        return set()
    found: set[int] = set()
    for chunk in _chunks(address_ids):
        found.update(conn.scalars(_SUPPRESSED, {"ids": chunk}))
    return found


def add(
    conn: Connection,
    whose: Mapping[str, str],
    of_domains: Collection[str] = (),
    *,
    reason: SuppressionReason,
    source: str,
    at: datetime,
    who: str,
    campaign_id: int | None = None,
) -> Added:
    """Suppress people (folded address -> its domain) and whole domains; those who are suppressed already stay as they are.

    Their queued messages are settled by `stop_queued`; until then the lease refuses them.
    """
    before = count(conn)
    address_ids = frozenset(people.keep(conn, whose).values())
    domain_ids = _keep_domains(conn, of_domains)
    why = (str(reason), source, campaign_id, to_micros(at), who)
    insert_new(
        conn,
        suppressions,
        ("address_id", "domain_id", "reason", "source", "campaign_id", "at", "who"),
        [(key, None, *why) for key in address_ids] + [(None, key, *why) for key in domain_ids],
    )
    return Added(count(conn) - before, address_ids)


def remove(conn: Connection, what: str) -> bool:
    """Lift the suppression of a folded address or of a domain (`@example.com`); False if there was none."""
    if what.startswith("@"):
        whose = suppressions.c.domain_id.in_(select(domains.c.id).where(domains.c.name == what[1:]))
    else:
        whose = suppressions.c.address_id.in_(select(addresses.c.id).where(addresses.c.folded == what))
    return conn.execute(delete(suppressions).where(whose)).rowcount > 0


def count(conn: Connection) -> int:
    return conn.scalar(select(func.count()).select_from(suppressions)) or 0


def page(conn: Connection, *, after: int, limit: int) -> list[Suppression]:
    """The next ones behind id `after`, in the order in which they were added."""
    return [
        Suppression(
            id=row.id,
            what=row.folded or f"@{row.name}",
            reason=SuppressionReason(row.reason),
            source=row.source,
            campaign=row.campaign or "",
            at=from_micros(row.at),
            who=row.who,
        )
        for row in conn.execute(_PAGE.where(suppressions.c.id > after).limit(limit))
    ]


def people_of(conn: Connection, domain: str) -> Sequence[int]:
    """The ids of all addresses of a domain; a walk over all addresses."""
    query = select(addresses.c.id).join(domains, domains.c.id == addresses.c.domain_id).where(domains.c.name == domain)
    return conn.scalars(query).all()


def stop_queued(conn: Connection, address_ids: Collection[int], at: datetime) -> int:
    """Settle what is queued for these people as suppressed; how many messages that were."""
    stopped = 0
    for chunk in _chunks(address_ids):
        stopped += conn.execute(_STOP, {"ids": chunk, "at": to_micros(at)}).rowcount
    return stopped


def _keep_domains(conn: Connection, names: Collection[str]) -> Sequence[int]:
    if not names:
        return ()
    insert_new(conn, domains, ("name", "lane"), [(name, 0) for name in names])
    return conn.scalars(select(domains.c.id).where(domains.c.name.in_(names))).all()


def _chunks(ids: Iterable[int]) -> list[list[int]]:
    every = list(ids)
    return [every[start : start + _AT_ONCE] for start in range(0, len(every), _AT_ONCE)]


_ANY: Select[tuple[int]] = select(literal_column("1")).select_from(suppressions).limit(1)

_SUPPRESSED = (
    select(addresses.c.id)
    .join(
        suppressions,
        or_(suppressions.c.address_id == addresses.c.id, suppressions.c.domain_id == addresses.c.domain_id),
    )
    .where(addresses.c.id.in_(bindparam("ids", expanding=True)))
)

_STOP = (
    update(messages)
    .where(QUEUED, messages.c.address_id.in_(bindparam("ids", expanding=True)))
    .values(state=int(MessageState.SUPPRESSED), settled_at=bindparam("at"))
)

_PAGE = (
    select(suppressions, addresses.c.folded, domains.c.name, campaigns.c.name.label("campaign"))
    .join(addresses, addresses.c.id == suppressions.c.address_id, isouter=True)
    .join(domains, domains.c.id == suppressions.c.domain_id, isouter=True)
    .join(campaigns, campaigns.c.id == suppressions.c.campaign_id, isouter=True)
    .order_by(suppressions.c.id)
)
