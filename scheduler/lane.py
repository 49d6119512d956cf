"""A lane in front of a transport: a campaign's queued messages for one group of domains, or its proofs, read ahead.

Nothing is leased here. Lanes take turns in a `Queue`; those whose send windows are shut stand aside, for zones may be many.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from campaigns.gate import Gate
from campaigns.model.turns import Turns
from campaigns.store import outbox
from campaigns.store.engine import Connection
from campaigns.store.lanes import plain
from campaigns.store.outbox import Candidate
from campaigns.store.underway import SendingCampaign

NEVER = 2**62

_READ_AHEAD = 500  # messages a lane holds in memory, or two batches
_START = (-1, 0)  # before the first (due_at, id)
_LOOK_AGAIN = 50_000  # micros between two looks at a lane whose queued messages are all in somebody's hand
_PROOFS = -(2**15)  # proofs for a group stand in the lane of this plus its number, below all canaries
_CANARIES = -(2**14)  # the lowest lane that may be a canary's

Key = tuple[int, int]  # campaign id, lane


def key_of_proofs(campaign_id: int, group: int) -> Key:
    """Of a campaign's proofs for a group of domains."""
    return campaign_id, _PROOFS + group


def is_of_proofs(key: Key) -> bool:
    return key[1] < _CANARIES


def number_of(key: Key) -> int:
    """The number of the lane that a message stands in, be it a proof, in the canary or neither."""
    return key[1] - _PROOFS if is_of_proofs(key) else plain(key[1])


@dataclass(slots=True, eq=False)
class Lane:
    """What was read ahead of it, and since when it waits for what."""

    key: Key
    campaign: SendingCampaign
    throttles: tuple[str, ...] = ()
    gate: Gate | None = None  # its send windows; proofs have none
    tries: bool = False  # another transport carries its mail: one at a time is read, to see whether this one can again
    waiting: deque[Candidate] = field(default_factory=deque)
    looked_at: int = 0  # micros: when it was last read
    dry_until: int = 0  # micros: nothing is due before
    wait_until: int = 0  # micros: its throttles let nothing through before
    wait_for: str = ""
    _read_to: tuple[int, int] = _START

    @property
    def number(self) -> int:
        """Its group's, or that of the group's people in one zone."""
        return number_of(self.key)

    def opens(self, now: int) -> int:
        """`now` while its send windows are open, else when they are next (micros)."""
        return now if self.gate is None else self.gate.opens(now)

    def read_ahead(self, connection: Connection, now: int, batch: int, in_hand: set[int]) -> bool:
        """Add what is due and in nobody's hand; whether something waits now."""
        self.looked_at = now
        limit = max(_READ_AHEAD, 2 * batch)
        found = self._read(connection, now, limit, in_hand)
        if not found and self._read_to != _START:  # messages that came back stand before the place we read to
            self._read_to = _START
            found = self._read(connection, now, limit, in_hand)
        if not found:
            self._read_to = _START
            self.dry_until = max(outbox.next_due(connection, *self.key) or NEVER, now + _LOOK_AGAIN)
        self.waiting.extend(found)
        in_hand.update(candidate.id for candidate in found)
        return bool(found)

    def forget(self) -> list[Candidate]:
        """Let go of what was read ahead, and begin anew; returns that."""
        gone = list(self.waiting)
        self.waiting.clear()
        self._read_to = _START
        return gone

    def choose(self, size: int) -> list[Candidate]:
        """Take the first that waits and, up to `size`, others of its shape: they can share a hand-over."""
        first = self.waiting.popleft()
        if size == 1:
            return [first]
        chosen, people, others = [first], {first.address_id}, []
        while self.waiting and len(chosen) < size:
            candidate = self.waiting.popleft()
            if candidate.shape_id == first.shape_id and candidate.address_id not in people:
                chosen.append(candidate)
                people.add(candidate.address_id)
            else:
                others.append(candidate)
        self.put_back(others)
        return chosen

    def put_back(self, candidates: list[Candidate]) -> None:
        """They are the next again, in their order."""
        self.waiting.extendleft(reversed(candidates))

    def _read(self, connection: Connection, now: int, limit: int, in_hand: set[int]) -> list[Candidate]:
        """The next messages that are in nobody's hand, past the place that was read to."""
        campaign_id, number = self.key
        if is_of_proofs(self.key):
            found = outbox.proofs(connection, campaign_id, limit=limit)
            return self._free([candidate for candidate in found if candidate.lane == self.number], in_hand)
        while page := outbox.candidates(connection, campaign_id, number, after=self._read_to, now=now, limit=limit):
            self._read_to = page[-1].due_at, page[-1].id
            if free := self._free(page, in_hand):
                return free
        return []

    def _free(self, page: list[Candidate], in_hand: set[int]) -> list[Candidate]:
        free = [candidate for candidate in page if candidate.id not in in_hand]
        return free[:1] if self.tries else free


class Queue:
    """Lanes in the order of their turns: proofs go first, then campaigns take turns."""

    def __init__(self) -> None:
        self._proofs: Turns[Lane] = Turns()
        self._others: Turns[Lane] = Turns()
        self._shut: list[Lane] = []  # in neither, because their send windows are shut
        self._opens_at = NEVER  # when the first of those opens

    def join(self, lane: Lane) -> None:
        """Stand behind the others."""
        self._kind(lane).join(lane.key[0], lane)

    def leave(self, lane: Lane) -> None:
        if lane in self._shut:
            self._shut.remove(lane)
        else:
            self._kind(lane).leave(lane.key[0], lane)

    def had(self, lane: Lane) -> None:
        """A lane had its turn: its campaign, and in that the lane, are the last now."""
        self._kind(lane).had(lane.key[0], lane)

    def proofs(self, now: int) -> Iterator[Lane]:
        """The lanes of proofs."""
        return self._open(self._proofs, now) if self._proofs else iter(())

    def others(self, now: int) -> Iterator[Lane]:
        """All other lanes whose send windows are open."""
        if now >= self._opens_at:
            self.bring_back()
        return self._open(self._others, now)

    def bring_back(self) -> None:
        """All that were put aside stand in line again, behind the others."""
        for lane in self._shut:
            self.join(lane)
        self._shut, self._opens_at = [], NEVER

    def _open(self, turns: Turns[Lane], now: int) -> Iterator[Lane]:
        """The lanes in the order of their turns; those that have shut are put aside."""
        for lane in turns.in_order():
            if lane.gate is None or lane.gate.opens(now) == now:
                yield lane
            else:
                turns.leave(lane.key[0], lane)
                self._shut.append(lane)
                self._opens_at = min(self._opens_at, lane.opens(now))

    def _kind(self, lane: Lane) -> Turns[Lane]:
        return self._proofs if is_of_proofs(lane.key) else self._others
