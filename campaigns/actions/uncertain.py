"""Uncertain messages: handed over and never answered; a person says what became of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from campaigns.actions.desk import Desk
from campaigns.actions.held import before_queueing
from campaigns.actions.naming import campaign_named
from campaigns.actions.resend import send_again
from campaigns.errors import CampaignError, UsageError
from campaigns.message.message import handle, read_handle
from campaigns.model.states import CampaignState, MessageState
from campaigns.store import campaigns, history, steering
from campaigns.store.engine import Connection
from campaigns.store.steering import Uncertain

_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class UncertainList:
    messages: list[Uncertain]

    def as_json(self) -> dict[str, Any]:
        return {
            "uncertain": [
                {
                    "message": one.handle,
                    "campaign": one.campaign,
                    "row": one.row,
                    "to": one.to,
                    "proof": one.proof,
                    "leased_at": one.leased_at.isoformat() if one.leased_at else None,
                    "words": one.words,
                }
                for one in self.messages
            ]
        }


@dataclass(frozen=True, slots=True)
class Settled:
    """What a person settled: `verb` is "confirm" or "resend"."""

    verb: str
    messages: int

    def as_json(self) -> dict[str, Any]:
        return {"confirmed" if self.verb == "confirm" else "queued": self.messages}


def listed(desk: Desk, name: str = "") -> UncertainList:
    """All uncertain messages, or those of one campaign."""
    with desk.store.read() as conn:
        campaign_id = campaign_named(conn, name).id if name else None
        return UncertainList([one for page in _pages(conn, campaign_id) for one in page])


def confirm(desk: Desk, which: str) -> Settled:
    """They arrived: settle a message (its handle), or all of a campaign (its name), as accepted."""
    return _settle(desk, which, "confirm", lambda conn, ids: steering.confirm(conn, ids, at=desk.clock.now()))


def resend(desk: Desk, which: str) -> Settled:
    """They did not arrive: queue a message (its handle), or all of a campaign (its name), once more."""

    def again(conn: Connection, ids: list[int]) -> int:
        return steering.queue_again(conn, ids, (MessageState.UNCERTAIN,), at=desk.clock.now())

    return _settle(desk, which, "resend", again)


def _settle(desk: Desk, which: str, verb: str, settle: Callable[[Connection, list[int]], int]) -> Settled:
    """Batch by batch, each with its line of history; what becomes uncertain again meanwhile is left alone."""
    done, after = 0, 0
    while True:
        with desk.store.write() as conn:
            batch = _named(conn, which, after)
            if not batch and not done:
                raise CampaignError(f"Nothing of {which} is uncertain.", remedy="Look at `mergecast uncertain list`.")
            for campaign_id in dict.fromkeys(one.campaign_id for one in batch):
                ids = [one.message_id for one in batch if one.campaign_id == campaign_id]
                done += _settle_some(desk, conn, campaign_id, ids, verb=verb, settle=settle)
        if len(batch) < _AT_ONCE:
            return Settled(verb, done)
        after = batch[-1].message_id


def _settle_some(
    desk: Desk,
    conn: Connection,
    campaign_id: int,
    ids: list[int],
    *,
    verb: str,
    settle: Callable[[Connection, list[int]], int],
) -> int:
    campaign = campaigns.by_id(conn, campaign_id)
    assert campaign is not None
    if verb == "resend":
        if campaign.state is CampaignState.CANCELLED:
            raise CampaignError(
                f"{campaign.name} is cancelled: nothing of it can be sent again.",
                remedy="If you know that the mails arrived, `mergecast uncertain confirm` settles them.",
            )
        before_queueing(desk, conn)
        send_again(conn, campaign)
    settled = settle(conn, ids)
    history.record(
        conn,
        at=desk.clock.now(),
        who=desk.who,
        verb=f"uncertain {verb}",
        thing="campaign",
        thing_id=campaign_id,
        detail={"name": campaign.name, "messages": settled} | ({"message": ids[0]} if len(ids) == 1 else {}),
    )
    return settled


def _named(conn: Connection, which: str, after: int) -> list[Uncertain]:
    """The uncertain messages that a person named, by a message's handle (or Message-ID) or a campaign's name."""
    named = read_handle(which)
    if named is None or campaigns.find(conn, which):
        return steering.uncertain(conn, campaign_id=campaign_named(conn, which).id, after=after, limit=_AT_ONCE)
    found = steering.uncertain(conn, message_id=named[0])
    if not found or found[0].handle != handle(*named):
        raise UsageError(f"No uncertain message is called {which}.", remedy="Look at `mergecast uncertain list`.")
    return [one for one in found if one.message_id > after]


def _pages(conn: Connection, campaign_id: int | None) -> Iterator[list[Uncertain]]:
    after = 0
    while page := steering.uncertain(conn, campaign_id=campaign_id, after=after, limit=_AT_ONCE):
        yield page
        after = page[-1].message_id
