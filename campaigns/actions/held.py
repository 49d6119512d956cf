"""Held: a workspace that may be a copy, or from a backup, sends nothing by itself; a person accepts it.

Its original has sent, or will send, what waits in it. Where nothing waits there is nothing to hold: whoever queues
something then takes the store over, and so does a worker.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from campaigns.actions.desk import Desk
from campaigns.actions.filesystem import filesystem_of, keeps_inodes
from campaigns.clock import from_micros
from campaigns.errors import CopiedError, Where
from campaigns.model.when import say
from campaigns.store import history, origin
from campaigns.store.engine import Connection
from campaigns.store.lock import last_turn
from campaigns.store.machine import machine_id
from campaigns.store.origin import Doubt, Here, Waiting

ACCEPT = "mergecast run --accept-restored"
_SAID = 3  # campaigns that are named
_WHY = {
    Doubt.RESTORED: "This workspace was restored from a backup.",
    Doubt.MACHINE: "This workspace last sent from another machine.",
    Doubt.FILE: "This workspace was copied: its database is another file than the one that was worked on.",
    Doubt.OLDER: "An older database was put in the place of the one that the last worker left.",
}


@dataclass(frozen=True, slots=True)
class Held:
    """Why nothing is sent, and what waits."""

    why: Doubt
    waiting: Sequence[Waiting]
    known_until: str  # with weekday, zone and distance; empty if no worker has run

    def as_json(self) -> dict[str, Any]:
        waiting = [
            {"campaign": one.campaign, "state": str(one.state), "messages": one.messages} for one in self.waiting
        ]
        return {"why": str(self.why), "waiting": waiting, "sentence": self.sentence, "remedy": self.remedy}

    @property
    def sentence(self) -> str:
        messages = sum(one.messages for one in self.waiting)
        counts = [f"{one.messages:,} of " if one.messages else "" for one in self.waiting]
        named = [f"{n}{one.campaign} ({one.state})" for n, one in zip(counts, self.waiting[:_SAID], strict=False)]
        waits = f"the {messages:,} messages that wait here" if messages else "what waits here"
        more = [f"{len(self.waiting) - _SAID} more campaigns"] if len(self.waiting) > _SAID else []
        return (
            f"{_WHY[self.why]} Nothing leaves it by itself, because its original may have sent, or may yet send,"
            f" {waits}: {', '.join((*named, *more))}."
            f"{f' What became of them since {self.known_until}, is not known here.' if self.known_until else ''}"
        )

    @property
    def remedy(self) -> str:
        return (
            f"Once the original sends no more: cancel what has left already, as by `mergecast cancel"
            f" {self.waiting[0].campaign}`, then `{ACCEPT}`, which sends the rest."
        )

    def as_error(self, desk: Desk) -> CopiedError:
        return CopiedError(self.sentence, where=Where(file=str(desk.store.path)), remedy=self.remedy)


def held(desk: Desk) -> Held | None:
    """Whether a worker would hold; None where nothing speaks for a copy, or nothing waits."""
    with desk.store.read() as conn:
        return _held(desk, conn)


def refuse_held(desk: Desk) -> None:
    """CopiedError if a worker would hold."""
    if (found := held(desk)) is not None:
        raise found.as_error(desk)


def settle(desk: Desk, *, accept: bool) -> None:
    """As the store's only worker: take the store over, or CopiedError where it is held and nobody has accepted it."""
    with desk.store.write() as conn:
        if (found := _held(desk, conn)) is not None:
            if not accept:
                raise found.as_error(desk)
            detail = {"why": str(found.why), "messages": sum(one.messages for one in found.waiting)}
            history.record(conn, at=desk.clock.now(), who=desk.who, verb="accept", thing="workspace", detail=detail)
        origin.settle(conn, _here(desk, conn))


def before_queueing(desk: Desk, conn: Connection) -> None:
    """The store belongs here if nothing waits yet: what is queued in a copy from now on is queued on purpose."""
    if not origin.waits(conn):
        origin.settle(conn, _here(desk, conn))


def _held(desk: Desk, conn: Connection) -> Held | None:
    why = origin.doubt(conn, _here(desk, conn))
    if why is None or not (waiting := origin.waiting(conn)):
        return None
    until = origin.known_until(conn)
    zone, now = desk.workspace.settings.zone, desk.clock.now()
    return Held(why, waiting, "" if until is None else say(from_micros(until), zone, now))


def _here(desk: Desk, conn: Connection) -> Here:
    machine = desk.workspace.settings.machine or machine_id()
    path = desk.store.path
    if path is None:
        return Here(machine, None, 0)
    turn = last_turn(path)
    inode = path.stat().st_ino if keeps_inodes(filesystem_of(path.resolve())) else None
    return Here(machine, inode, turn.number if turn and turn.store == origin.uuid(conn) else 0)
