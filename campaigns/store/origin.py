"""Where a store belongs: a copy of it, or one from a backup, must not send by itself what its original has sent.

The workspace's row says on which machine, and on which file, the last worker ran. It counts turns as well, here and in
the lock file beside the database; a database that an older one was put in place of is behind the lock file. Whoever
makes a copy that is to be used writes `copied_since`.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Select, exists, func, select, update

from campaigns.model.states import CampaignState, Wave
from campaigns.store.literal import literal
from campaigns.store.machine import lasts
from campaigns.store.tables import QUEUED, campaigns, messages, workers, workspace

_ON_ITS_WAY = (CampaignState.SCHEDULED, CampaignState.SENDING, CampaignState.PAUSED)


class Doubt(StrEnum):
    """Why a store may not be the one that its last worker left."""

    RESTORED = "restored"  # it says so itself
    MACHINE = "machine"  # the last worker ran on another machine
    FILE = "file"  # the last worker wrote another file
    OLDER = "older"  # the last worker left a later one here


@dataclass(frozen=True, slots=True)
class Here:
    """Where a store lies now."""

    machine: str
    inode: int | None  # None where the file system's are no names that last
    turn: int  # of the lock file beside it; 0 unless it is this store's


@dataclass(frozen=True, slots=True)
class Waiting:
    """A campaign that a worker would go on with."""

    campaign: str
    state: CampaignState
    messages: int


def uuid(connection: Connection) -> str:
    """The store's own name, which its copies share."""
    return str(connection.execute(select(workspace.c.uuid)).scalar_one())


def doubt(connection: Connection, here: Here) -> Doubt | None:
    """Why this may be a copy; None if nothing speaks for it."""
    row = connection.execute(select(workspace)).one()
    if row.copied_since is not None:
        return Doubt.RESTORED
    if row.machine_id != here.machine and lasts(row.machine_id) and lasts(here.machine):
        return Doubt.MACHINE
    if None not in (row.inode, here.inode) and row.inode != here.inode:
        return Doubt.FILE
    return Doubt.OLDER if here.turn > row.turn else None


def waits(connection: Connection) -> bool:
    """Whether anything is on its way to people; rehearsals stay here and do not count."""
    proved = select(campaigns.c.id).where(campaigns.c.leaves, campaigns.c.id.in_(_proofs()))
    return any(connection.execute(select(exists(query))).scalar() for query in (_queued(), proved, _recurring()))


def waiting(connection: Connection) -> list[Waiting]:
    """What is on its way to people, each campaign with its queued messages."""
    counted: dict[int, int] = {}
    for query in (_proofs(), _queued()):  # the second counts a sending campaign's proofs, too
        per_campaign = query.add_columns(func.count()).group_by(messages.c.campaign_id)
        counted.update((row[0], row[1]) for row in connection.execute(per_campaign))
    counted.update(dict.fromkeys(connection.scalars(_recurring()), 0))
    leaving = select(campaigns).where(campaigns.c.leaves, campaigns.c.id.in_(list(counted))).order_by(campaigns.c.id)
    rows = connection.execute(leaving)
    return [Waiting(row.name, CampaignState(row.state), counted[row.id]) for row in rows]


def known_until(connection: Connection) -> int | None:
    """When this copy was made, as far as it tells, in microseconds: what happened later, its original alone knows."""
    made: int | None = connection.execute(select(workspace.c.copied_since)).scalar_one()
    return connection.execute(select(func.max(workers.c.beat_at))).scalar_one() if made is None else made


def settle(connection: Connection, here: Here) -> None:
    """The store belongs here from now on."""
    connection.execute(
        update(workspace).values(
            machine_id=here.machine,
            inode=here.inode,
            copied_since=None,
            turn=max(here.turn, connection.execute(select(workspace.c.turn)).scalar_one()),
        )
    )


def next_turn(connection: Connection) -> int:
    """Count up; the number may stand in the lock file once it is on the disk here."""
    statement = update(workspace).values(turn=workspace.c.turn + 1).returning(workspace.c.turn)
    return int(connection.execute(statement).scalar_one())


def mark_copied(connection: Connection, at: int) -> None:
    """This store is a copy, made at that instant (microseconds): `run` holds until a person accepts it."""
    connection.execute(update(workspace).values(copied_since=at))


def _queued() -> Select[tuple[int]]:
    ours = select(campaigns.c.id).where(campaigns.c.leaves, campaigns.c.state.in_(_ON_ITS_WAY))
    return select(messages.c.campaign_id).where(QUEUED, messages.c.campaign_id.in_(ours))


def _recurring() -> Select[tuple[int]]:
    """Series that run: what they send next is not written yet."""
    return select(campaigns.c.id).where(campaigns.c.leaves, campaigns.c.state == CampaignState.RECURRING)


def _proofs() -> Select[tuple[int]]:
    """Of any campaign, whatever its state; nothing else is asked, so that their own index finds them among millions."""
    return select(messages.c.campaign_id).where(QUEUED, messages.c.wave == literal(Wave.PROOF))
