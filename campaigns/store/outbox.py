"""The wall: what the worker asks of the outbox and writes into it.

A message is *leased* in a transaction that is on disk before its first byte may leave; so leased means "may be on the
wire". No lease ends by the clock: what a dead worker left leased becomes uncertain (`recover`), and only evidence or a
person settles it. Candidates are read ahead without a lease; all that they carry was frozen when they were queued.
"""

import zlib
from collections.abc import Collection, Iterable, MutableMapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Select,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    update,
)

from campaigns.message.shape import Shape, unpack_shape
from campaigns.model.states import AttemptOutcome, CampaignState, MessageState, Wave
from campaigns.store.bulk import insert_rows
from campaigns.store.literal import literal
from campaigns.store.prepared import Prepared, among, numbers
from campaigns.store.tables import (
    QUEUED,
    addresses,
    attempts,
    campaigns,
    constants,
    handovers,
    messages,
    shapes,
    suppressions,
)


class Candidate(NamedTuple):
    """A queued message as it was read ahead."""

    id: int
    campaign_id: int
    address_id: int
    lane: int
    due_at: int
    attempts: int
    shape_id: int
    to: str
    token: bytes
    slots: bytes


class Settlement(NamedTuple):
    """What became of one leased message, or of several in the same way, as it is written down."""

    message_ids: tuple[int, ...]
    state: MessageState  # ACCEPTED, REJECTED, UNCERTAIN, EXPIRED, or QUEUED for another try
    at: int
    due_at: int = 0
    attempts: int = 0  # after this one
    give_up_after: int = 0  # seconds; a try that would come later after the first one is not made
    remote_id: str | None = None
    outcome: AttemptOutcome | None = None  # written into `attempts` where it is not plain acceptance
    code: str = ""
    text: str = ""


# Reading ahead


def candidates(
    connection: Connection, campaign_id: int, lane: int, *, after: tuple[int, int], now: int, limit: int
) -> list[Candidate]:
    """Queued messages of a lane that are due, in order of due time, past the (due_at, id) given in `after`."""
    due, last = after
    # Two looks, because SQLite finds its place in the index by due time and id only where the due time is given.
    found = _DUE_THEN.all(connection, campaign_id, lane, due, last, limit)
    if len(found) < limit:
        found += _DUE_LATER.all(connection, campaign_id, lane, due, now, limit - len(found))
    return list(map(Candidate._make, found))


def proofs(connection: Connection, campaign_id: int, *, limit: int) -> list[Candidate]:
    """A campaign's proofs that wait, oldest first."""
    return list(map(Candidate._make, _PROOFS.all(connection, campaign_id, limit)))


def proof_lanes(connection: Connection) -> list[tuple[int, int]]:
    """Where proofs wait: (campaign id, lane)."""
    # No DISTINCT: for its order SQLite would walk the index of all that is queued, not the small one of proofs.
    query = select(messages.c.campaign_id, messages.c.lane).where(QUEUED, messages.c.wave == literal(Wave.PROOF))
    return sorted({(row.campaign_id, row.lane) for row in connection.execute(query)})


def lanes(connection: Connection, campaign_id: int) -> list[int]:
    """The lanes in which a campaign has queued messages: one index look-up for each."""
    found: list[int] = []
    while True:
        beyond = found[-1] if found else -(2**15)
        query = select(func.min(messages.c.lane)).where(
            QUEUED, messages.c.campaign_id == campaign_id, messages.c.lane > beyond
        )
        lane = connection.execute(query).scalar()
        if lane is None:
            return found
        found.append(lane)


def next_due(connection: Connection, campaign_id: int, lane: int) -> int | None:
    """When the earliest queued message of a lane is due; None if none is queued."""
    query = select(func.min(messages.c.due_at)).where(
        QUEUED, messages.c.campaign_id == campaign_id, messages.c.lane == lane
    )
    return connection.execute(query).scalar()


def has_untried(connection: Connection, campaign_id: int) -> bool:
    """Whether a queued message of a campaign was never handed over."""
    query = select(messages.c.id).where(QUEUED, messages.c.campaign_id == campaign_id, messages.c.attempts == 0)
    return connection.execute(query.limit(1)).scalar() is not None


def shape(connection: Connection, shape_id: int, known: MutableMapping[int, bytes]) -> Shape:
    """A stored shape; `known` carries constant pieces, which shapes share, from call to call."""

    def constant(number: int) -> bytes:
        if number not in known:
            body = connection.execute(select(constants.c.body).where(constants.c.id == number)).scalar_one()
            known[number] = zlib.decompress(body)
        return known[number]

    return unpack_shape(
        connection.execute(select(shapes.c.parts).where(shapes.c.id == shape_id)).scalar_one(), constant
    )


# Leasing and settling


def lease(connection: Connection, worker_id: int, ids: Sequence[int], at: int) -> set[int]:
    """Lease those of `ids` that are still queued, whose campaign still sends and whose person is not suppressed.

    Call it inside `Store.write()`: when that block ends, the lease is on disk.
    """
    wanted = numbers(ids)
    if _LEASE.one(connection, worker_id, at, wanted).rowcount == len(ids):
        return set(ids)
    return set(_LEASED.one(connection, worker_id, at, wanted).scalars())


def suppress_queued(connection: Connection, ids: Sequence[int], at: int) -> int:
    """Of the queued messages in `ids`, settle those whose person was suppressed meanwhile."""
    statement = (
        update(messages)
        .where(messages.c.id.in_(ids), QUEUED, _SUPPRESSED)
        .values(state=MessageState.SUPPRESSED, settled_at=at)
    )
    return connection.execute(statement).rowcount


def settle(connection: Connection, settlements: Iterable[tuple[Settlement, int | None]]) -> None:
    """Write down what became of leased messages, each with the id of its hand-over, if there was one."""
    few: list[tuple[Any, ...]] = []
    tries: list[tuple[Any, ...]] = []
    for settlement, handover_id in settlements:
        common = (
            int(settlement.state),
            None if settlement.state is MessageState.QUEUED else settlement.at,
            settlement.due_at,
            settlement.attempts,
            settlement.remote_id,
            handover_id,
        )
        if len(settlement.message_ids) > _FEW:
            _SETTLE_MANY.one(connection, *common, numbers(settlement.message_ids))
        else:
            few.extend((*common, message_id) for message_id in settlement.message_ids)
        if settlement.outcome is not None:
            words = (handover_id, settlement.at, str(settlement.outcome), settlement.code, settlement.text)
            tries.extend((message_id, settlement.attempts, *words) for message_id in settlement.message_ids)
    _SETTLE.each(connection, few)
    insert_rows(connection, attempts, _TRY, tries)


def first_tries(connection: Connection, ids: Collection[int]) -> dict[int, int]:
    """When the messages were tried first, for those that were tried before."""
    query = select(attempts.c.message_id, attempts.c.at).where(attempts.c.message_id.in_(ids), attempts.c.n == 1)
    return {row.message_id: row.at for row in connection.execute(query)}


def record_handover(
    connection: Connection,
    worker_id: int,
    transport: str,
    *,
    host: str,
    remote_id: str,
    code: str,
    text: str,
    at: int,
    rows: int,
) -> int:
    """One SendGrid request, or one SMTP connection's stretch; returns its id."""
    return int(_HANDOVER.one(connection, worker_id, transport, host, remote_id, code, text, at, rows).scalar_one())


def count_handover(connection: Connection, handover_id: int, rows: int) -> None:
    """Write down how many messages a connection's stretch carried."""
    _HANDOVER_ROWS.one(connection, rows, handover_id)


def left_leased(connection: Connection, *, limit: int) -> list[tuple[int, int, str]]:
    """Messages that a dead worker left leased: (id, attempts, its campaign's transport if that is a rehearsal)."""
    rehearsal = case((campaigns.c.leaves, literal_column("''")), else_=campaigns.c.transport).label("rehearsal")
    query = (
        select(messages.c.id, messages.c.attempts, rehearsal)
        .join(campaigns, campaigns.c.id == messages.c.campaign_id)
        .where(messages.c.state == literal(MessageState.LEASED))
        .limit(limit)
    )
    return [(row.id, row.attempts, row.rehearsal) for row in connection.execute(query)]


_CANDIDATES: Select[Any] = (
    select(
        messages.c.id,
        messages.c.campaign_id,
        messages.c.address_id,
        messages.c.lane,
        messages.c.due_at,
        messages.c.attempts,
        messages.c.shape_id,
        func.coalesce(messages.c.to_addr, addresses.c.folded),
        messages.c.token,
        messages.c.slots,
    )
    .join(addresses, addresses.c.id == messages.c.address_id)
    .where(QUEUED)
)
_OF_THE_LANE = _CANDIDATES.where(
    messages.c.campaign_id == bindparam("campaign"),
    messages.c.lane == bindparam("lane"),
    messages.c.wave != literal(Wave.PROOF),
)
_DUE_THEN = Prepared(
    _OF_THE_LANE.where(messages.c.due_at == bindparam("due"), messages.c.id > bindparam("last"))
    .order_by(messages.c.id)
    .limit(bindparam("most"))
    .offset(literal(0)),  # else Core gives a parameter of its own for it
    ("campaign", "lane", "due", "last", "most"),
)
_DUE_LATER = Prepared(
    _OF_THE_LANE.where(messages.c.due_at > bindparam("due"), messages.c.due_at <= bindparam("now"))
    .order_by(messages.c.due_at, messages.c.id)
    .limit(bindparam("most"))
    .offset(literal(0)),  # else Core gives a parameter of its own for it
    ("campaign", "lane", "due", "now", "most"),
)
_PROOFS = Prepared(
    # "+ 0" keeps SQLite on the small index of proofs: the queued ones of a campaign may be millions.
    _CANDIDATES.where(
        messages.c.wave == literal(Wave.PROOF), messages.c.campaign_id + literal(0) == bindparam("campaign")
    )
    .order_by(messages.c.id)
    .limit(bindparam("most"))
    .offset(literal(0)),  # else Core gives a parameter of its own for it
    ("campaign", "most"),
)

_SUPPRESSED = or_(
    exists(select(suppressions.c.id).where(suppressions.c.address_id == messages.c.address_id).correlate(messages)),
    exists(
        select(suppressions.c.id)
        .join(addresses, addresses.c.domain_id == suppressions.c.domain_id)
        .where(addresses.c.id == messages.c.address_id)
        .correlate(messages)
    ),
)

_LEASE = Prepared(
    update(messages)
    .where(
        messages.c.id.in_(among("ids")),
        QUEUED,
        or_(
            messages.c.wave == literal(Wave.PROOF),
            messages.c.campaign_id.in_(
                select(campaigns.c.id).where(campaigns.c.state == literal_column(f"'{CampaignState.SENDING}'"))
            ),
        ),
        ~_SUPPRESSED,
    )
    .values(state=literal(MessageState.LEASED), worker_id=bindparam("worker_id"), leased_at=bindparam("leased_at")),
    ("worker_id", "leased_at", "ids"),
)
_LEASED = Prepared(
    select(messages.c.id).where(
        messages.c.id.in_(among("ids")),
        messages.c.state == literal(MessageState.LEASED),
        messages.c.worker_id == bindparam("worker_id"),
        messages.c.leased_at == bindparam("leased_at"),
    ),
    ("worker_id", "leased_at", "ids"),
)

_FEW = 3  # messages that are quicker settled one by one than by a statement of their own
_SETTLED = ("state", "settled_at", "due_at", "attempts", "remote_id", "handover_id")
_SETTLING = (
    update(messages)
    .where(messages.c.state == literal(MessageState.LEASED))
    .values(worker_id=null(), **{name: bindparam(name) for name in _SETTLED})
)
_SETTLE = Prepared(_SETTLING.where(messages.c.id == bindparam("message")), (*_SETTLED, "message"))
_SETTLE_MANY = Prepared(_SETTLING.where(messages.c.id.in_(among("messages"))), (*_SETTLED, "messages"))
_HANDED = ("worker_id", "transport", "host", "remote_id", "code", "text", "at", "rows")
_HANDOVER = Prepared(
    insert(handovers).values({name: bindparam(name) for name in _HANDED}).returning(handovers.c.id), _HANDED
)
_HANDOVER_ROWS = Prepared(
    update(handovers).where(handovers.c.id == bindparam("handover")).values(rows=bindparam("carried")),
    ("carried", "handover"),
)
_TRY = ("message_id", "n", "handover_id", "at", "outcome", "code", "text")
