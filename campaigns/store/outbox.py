"""The wall: what the worker asks of the outbox and writes into it.

A message is *leased* in a transaction that is on disk before its first byte may leave; so leased means "may be on the
wire". No lease ends by the clock: what a dead worker left leased becomes uncertain (`recover`), and only evidence or a
person settles it. Candidates are read ahead without a lease; all that they carry was frozen when they were queued.
"""

import zlib
from collections.abc import Collection, Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from campaigns.message.message import Sender
from campaigns.message.shape import Shape, unpack_shape
from campaigns.model.states import AttemptOutcome, CampaignKind, CampaignState, MessageState, Wave
from campaigns.store.literal import literal
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
    throttle_use,
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


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of one leased message, or of several in the same way, as it is written down."""

    message_ids: tuple[int, ...]
    state: MessageState  # ACCEPTED, REJECTED, UNCERTAIN, EXPIRED, or QUEUED for another try
    at: int
    due_at: int = 0
    attempts: int = 0  # after this one
    give_up_after: int = 0  # seconds; a try that would come later after the first one is not made
    remote_id: str | None = None
    handover_id: int | None = None
    outcome: AttemptOutcome | None = None  # written into `attempts` where it is not plain acceptance
    code: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class SendingCampaign:
    """A campaign that the worker may take messages from."""

    id: int
    name: str
    state: CampaignState
    transport: str
    throttles: tuple[str, ...]
    give_up_after: int  # seconds
    starts_at: int
    sender: Sender


# Reading ahead


def sending_campaigns(connection: Connection) -> list[SendingCampaign]:
    """All that send now, and all that have a proof waiting, in the order in which they were queued."""
    proofs = select(messages.c.campaign_id).where(QUEUED, messages.c.wave == literal(Wave.PROOF))
    query = (
        select(campaigns)
        .where(or_(campaigns.c.state == CampaignState.SENDING, campaigns.c.id.in_(proofs)))
        .order_by(campaigns.c.queued_at, campaigns.c.id)
    )
    return [_sending(row) for row in connection.execute(query).mappings()]


def candidates(
    connection: Connection, campaign_id: int, lane: int, *, after: tuple[int, int], now: int, limit: int
) -> list[Candidate]:
    """Queued messages of a lane that are due, in order of due time, past the (due_at, id) given in `after`."""
    due, last = after
    lane_of = _CANDIDATES.where(
        messages.c.campaign_id == campaign_id, messages.c.lane == lane, messages.c.wave != literal(Wave.PROOF)
    )
    # Two looks, because SQLite finds its place in the index by due time and id only where the due time is given.
    equal = lane_of.where(messages.c.due_at == due, messages.c.id > last).order_by(messages.c.id)
    found = [Candidate(*row) for row in connection.execute(equal.limit(limit))]
    if len(found) < limit:
        later = lane_of.where(messages.c.due_at > due, messages.c.due_at <= now)
        later = later.order_by(messages.c.due_at, messages.c.id).limit(limit - len(found))
        found += [Candidate(*row) for row in connection.execute(later)]
    return found


def proofs(connection: Connection, campaign_id: int, *, limit: int) -> list[Candidate]:
    """A campaign's proofs that wait, oldest first."""
    query = (
        # "+ 0" keeps SQLite on the small index of proofs: the queued ones of a campaign may be millions.
        _CANDIDATES.where(messages.c.wave == literal(Wave.PROOF), messages.c.campaign_id + 0 == campaign_id)
        .order_by(messages.c.id)
        .limit(limit)
    )
    return [Candidate(*row) for row in connection.execute(query)]


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

    Call it inside `Store.lease()`: when that block ends, the lease is on disk.
    """
    statement = _LEASE.values(worker_id=worker_id, leased_at=at)
    return set(connection.execute(statement, {"ids": list(ids)}).scalars())


def suppress_queued(connection: Connection, ids: Sequence[int], at: int) -> int:
    """Of the queued messages in `ids`, settle those whose person was suppressed meanwhile."""
    statement = (
        update(messages)
        .where(messages.c.id.in_(ids), QUEUED, _SUPPRESSED)
        .values(state=MessageState.SUPPRESSED, settled_at=at)
    )
    return connection.execute(statement).rowcount


def settle(connection: Connection, settlements: Iterable[Settlement]) -> None:
    """Write down what became of leased messages."""
    rows: list[dict[str, object]] = []
    tries: list[dict[str, object]] = []
    for settlement in settlements:
        if len(settlement.message_ids) > _FEW:
            connection.execute(_SETTLE_MANY, {"messages": settlement.message_ids, **_columns(settlement)})
        else:
            rows.extend({"message": message_id, **_columns(settlement)} for message_id in settlement.message_ids)
        if settlement.outcome is not None:
            tries.extend(_tries(settlement))
    if rows:
        connection.execute(_SETTLE, rows)
    if tries:
        connection.execute(insert(attempts), tries)


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
    statement = (
        insert(handovers)
        .values(
            worker_id=worker_id,
            transport=transport,
            host=host,
            remote_id=remote_id,
            code=code,
            text=text,
            at=at,
            rows=rows,
        )
        .returning(handovers.c.id)
    )
    return int(connection.execute(statement).scalar_one())


def count_handover(connection: Connection, handover_id: int, rows: int) -> None:
    """Write down how many messages a connection's stretch carried."""
    connection.execute(update(handovers).where(handovers.c.id == handover_id).values(rows=rows))


def left_leased(connection: Connection, *, limit: int) -> list[tuple[int, int, str]]:
    """Messages that a dead worker left leased: (id, attempts, transport)."""
    query = (
        select(messages.c.id, messages.c.attempts, campaigns.c.transport)
        .join(campaigns, campaigns.c.id == messages.c.campaign_id)
        .where(messages.c.state == literal(MessageState.LEASED))
        .limit(limit)
    )
    return [(row.id, row.attempts, row.transport) for row in connection.execute(query)]


# Campaigns on their way


def due_before(connection: Connection, instant: int, transports: Collection[str]) -> bool:
    """Whether anything is leased, or may leave by one of `transports` before an instant."""
    if connection.execute(
        select(messages.c.id).where(messages.c.state == literal(MessageState.LEASED)).limit(1)
    ).first():
        return True
    for campaign in sending_campaigns(connection):
        if campaign.transport not in transports:
            continue
        if proofs(connection, campaign.id, limit=1):
            return True
        if campaign.state is CampaignState.SENDING:
            due = [next_due(connection, campaign.id, lane) for lane in lanes(connection, campaign.id)]
            if any(d is not None and d <= instant for d in due):
                return True
    return False


def due_campaigns(connection: Connection, now: int) -> list[tuple[int, str, int, int]]:
    """Scheduled campaigns whose start has come: (id, name, starts_at, late_after in seconds)."""
    query = (
        select(campaigns.c.id, campaigns.c.name, campaigns.c.starts_at, campaigns.c.late_after)
        .where(campaigns.c.state == CampaignState.SCHEDULED, campaigns.c.starts_at <= now)
        .order_by(campaigns.c.starts_at)
    )
    return [tuple(row) for row in connection.execute(query)]


def next_start(connection: Connection) -> int | None:
    """The earliest start among the scheduled campaigns."""
    query = select(func.min(campaigns.c.starts_at)).where(campaigns.c.state == CampaignState.SCHEDULED)
    return connection.execute(query).scalar()


def finish(connection: Connection, campaign_id: int, at: int) -> bool:
    """Mark a sending campaign finished; False if it does not send any more."""
    statement = (
        update(campaigns)
        .where(campaigns.c.id == campaign_id, campaigns.c.state == CampaignState.SENDING)
        .values(state=CampaignState.FINISHED, finished_at=at)
    )
    return connection.execute(statement).rowcount == 1


def has_open_messages(connection: Connection, campaign_id: int) -> bool:
    """Whether anything of a campaign is still queued or leased, proofs aside."""
    mine = and_(messages.c.campaign_id == campaign_id, messages.c.wave != literal(Wave.PROOF))
    queued = exists(select(messages.c.id).where(QUEUED, mine))
    leased = exists(select(messages.c.id).where(messages.c.state == literal(MessageState.LEASED), mine))
    return bool(connection.execute(select(or_(queued, leased))).scalar())


# Throttles


def read_throttle(connection: Connection, throttle: str) -> list[tuple[int, int]]:
    """What has been spent of a throttle: (slice's start, used)."""
    query = select(throttle_use.c.slice, throttle_use.c.used).where(throttle_use.c.throttle == throttle)
    return [(row.slice, row.used) for row in connection.execute(query)]


def write_throttle(connection: Connection, uses: Collection[tuple[str, int, int]]) -> None:
    """Keep (throttle, slice, used) for each slice that was spent from."""
    into = sqlite_insert if connection.dialect.name == "sqlite" else pg_insert
    statement = into(throttle_use)
    statement = statement.on_conflict_do_update(
        index_elements=[throttle_use.c.throttle, throttle_use.c.slice], set_={"used": statement.excluded.used}
    )
    connection.execute(statement, [{"throttle": t, "slice": s, "used": u} for t, s, u in uses])


def forget_throttle(connection: Connection, throttle: str, before: int) -> None:
    """Drop the slices that count no longer."""
    connection.execute(delete(throttle_use).where(throttle_use.c.throttle == throttle, throttle_use.c.slice < before))


def _sending(row: RowMapping) -> SendingCampaign:
    name, address = parseaddr(row["sender"])
    return SendingCampaign(
        id=row["id"],
        name=row["name"],
        state=CampaignState(row["state"]),
        transport=row["transport"],
        throttles=tuple(row["throttles"].splitlines()),
        give_up_after=row["give_up_after"],
        starts_at=row["starts_at"] or 0,
        sender=Sender(
            campaign_id=row["id"],
            campaign=row["name"],
            bulk=row["kind"] == CampaignKind.BULK,
            name=name,
            address=address,
            reply_to=row["reply_to"],
            public_url=row["public_url"],
            tag_salt=row["tag_salt"],
        ),
    )


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

_SUPPRESSED = or_(
    exists(select(suppressions.c.id).where(suppressions.c.address_id == messages.c.address_id).correlate(messages)),
    exists(
        select(suppressions.c.id)
        .join(addresses, addresses.c.domain_id == suppressions.c.domain_id)
        .where(addresses.c.id == messages.c.address_id)
        .correlate(messages)
    ),
)

_LEASE = (
    update(messages)
    .where(
        messages.c.id.in_(bindparam("ids", expanding=True)),
        QUEUED,
        or_(
            messages.c.wave == literal(Wave.PROOF),
            messages.c.campaign_id.in_(select(campaigns.c.id).where(campaigns.c.state == CampaignState.SENDING)),
        ),
        ~_SUPPRESSED,
    )
    .values(state=MessageState.LEASED)
    .returning(messages.c.id)
)

_FEW = 3  # messages that are quicker settled one by one than by a statement of their own
_SETTLED: dict[str, Any] = {
    name: bindparam(name) for name in ("state", "settled_at", "due_at", "attempts", "remote_id", "handover_id")
}
_SETTLE = (
    update(messages)
    .where(messages.c.id == bindparam("message"), messages.c.state == literal(MessageState.LEASED))
    .values(worker_id=None, **_SETTLED)
)
_SETTLE_MANY = (
    update(messages)
    .where(messages.c.id.in_(bindparam("messages", expanding=True)), messages.c.state == literal(MessageState.LEASED))
    .values(worker_id=None, **_SETTLED)
)


def _columns(settlement: Settlement) -> dict[str, object]:
    return {
        "state": settlement.state,
        "settled_at": None if settlement.state is MessageState.QUEUED else settlement.at,
        "due_at": settlement.due_at,
        "attempts": settlement.attempts,
        "remote_id": settlement.remote_id,
        "handover_id": settlement.handover_id,
    }


def _tries(settlement: Settlement) -> list[dict[str, object]]:
    return [
        {
            "message_id": message_id,
            "n": settlement.attempts,
            "handover_id": settlement.handover_id,
            "at": settlement.at,
            "outcome": settlement.outcome,
            "code": settlement.code,
            "text": settlement.text,
        }
        for message_id in settlement.message_ids
    ]
