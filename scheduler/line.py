"""Who is next: the line in front of one transport.

Candidates are read ahead without a lease, for each campaign and lane. Proofs go first; then the lanes that their
throttles let through take turns, so that a small campaign never waits behind a large one. A turn is given out at most two
seconds before its throttles are due, so that a connection can prepare for it.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from campaigns.model.states import CampaignState
from campaigns.store import outbox
from campaigns.store.engine import Connection, Store
from campaigns.store.outbox import Candidate
from campaigns.store.underway import SendingCampaign
from scheduler.ledger import Turn
from scheduler.throttle import Throttles

HORIZON = 2_000_000  # micros: how long before its time a turn is given out; preparing may take slow round trips
_READ_AHEAD = 500  # messages a lane holds in memory, or two batches
_START = (-1, 0)  # before the first (due_at, id)
_NEVER = 2**62
_LOOK_AGAIN = 50_000  # micros between two looks at a lane whose queued messages are all in somebody's hand

_PROOFS = -(2**15)  # the lane in which a campaign's proofs stand
_Key = tuple[int, int]  # campaign id, lane


@dataclass(slots=True, eq=False)
class _Lane:
    key: _Key
    campaign: SendingCampaign
    throttles: tuple[str, ...]
    waiting: deque[Candidate] = field(default_factory=deque)
    read_to: tuple[int, int] = _START
    dry_until: int = 0  # micros: nothing is due before
    wait_until: int = 0  # micros: its throttles let nothing through before
    wait_for: str = ""


class Line:
    """Gives out turns for one transport."""

    def __init__(
        self, store: Store, transport: str, throttles: tuple[str, ...], spending: Throttles, batch: int
    ) -> None:
        self._store = store
        self._transport = transport
        self._throttles = throttles
        self._spending = spending
        self._batch = batch
        self._lanes: dict[_Key, _Lane] = {}
        self._proofs: deque[_Lane] = deque()  # whose turn is next among them
        self._others: deque[_Lane] = deque()
        self._in_hand: set[int] = set()
        self._moved = asyncio.Event()
        self._closed = False

    def refresh(self, campaigns: list[SendingCampaign]) -> None:
        """Take note of what sends now; lanes that ran dry look again."""
        mine = {c.id: c for c in campaigns if c.transport == self._transport}
        wanted = self._wanted(mine)
        for key in self._lanes.keys() - wanted.keys():
            self._drop(key)
        for key, campaign in wanted.items():
            throttles = (*self._throttles, *self._spending.keys(f"campaign {campaign.id}", campaign.throttles))
            lane = self._lanes.get(key)
            if lane is None:
                lane = self._lanes[key] = _Lane(key, campaign, throttles)
                self._peers(lane).append(lane)
            else:
                lane.campaign, lane.throttles, lane.dry_until = campaign, throttles, 0
        self._move()

    def close(self) -> None:
        """Give out no more turns."""
        self._closed = True
        self._move()

    async def next_turn(self, patience: float) -> Turn | None:
        """The next turn; None when there was none for `patience` seconds."""
        give_up = asyncio.get_running_loop().time() + patience
        while True:
            moved = self._moved
            if turn := self.turn():
                return turn
            left = give_up - asyncio.get_running_loop().time()
            if left <= 0 or self._closed:
                return None
            pause = min(left, max(0.001, (self._earliest() - self._spending.now()) / 1_000_000))
            try:
                async with asyncio.timeout(pause):
                    await moved.wait()
            except TimeoutError:
                continue

    def turn(self, within: int = HORIZON) -> Turn | None:
        """The next turn that is due within so many microseconds, if there is one."""
        if self._closed:
            return None
        now = self._spending.now()
        for lane in (*self._proofs, *self._others):
            if (lane.waiting or now >= lane.dry_until) and (chosen := self._due(lane, now, within)):
                peers = self._peers(lane)
                peers.remove(lane)
                peers.append(lane)
                return Turn(lane.campaign, chosen, lane.throttles, promised=len(chosen), lane=lane.key)
        return None

    def give_back(self, turn: Turn) -> None:
        """Nothing came of the turn: its messages stand in line again."""
        self._spending.promise(turn.throttles, -turn.promised)
        turn.promised = 0
        self.done(turn.candidates)

    def shorten(self, turn: Turn, most: int) -> None:
        """Only the turn's first `most` messages go now; the others are next again."""
        rest = turn.candidates[most:]
        turn.candidates = turn.candidates[:most]
        self._spending.promise(turn.throttles, -len(rest))
        turn.promised -= len(rest)
        lane = self._lanes.get(turn.lane) if turn.lane else None
        if lane is None:
            self.done(rest)
        else:
            lane.waiting.extendleft(reversed(rest))

    def done(self, candidates: Iterable[Candidate]) -> None:
        """These are in nobody's hand any more: settled, or to be read again when they are due."""
        self._in_hand.difference_update(candidate.id for candidate in candidates)

    def waits(self) -> dict[int, tuple[str, int]]:
        """For each campaign that only waits: the throttle's key, or "" for a retry, and until when (micros)."""
        now = self._spending.now()
        found: dict[int, tuple[str, int]] = {}
        for (campaign_id, _), lane in self._lanes.items():
            until = lane.wait_until if lane.waiting else lane.dry_until
            if now + HORIZON < until < found.get(campaign_id, ("", _NEVER))[1]:
                found[campaign_id] = (lane.wait_for if lane.waiting else "", until)
        return found

    def _move(self) -> None:
        """Wake whoever waits for a turn."""
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _wanted(self, campaigns: dict[int, SendingCampaign]) -> dict[_Key, SendingCampaign]:
        """The lanes that messages wait in, a campaign's proofs in a lane of their own."""
        wanted = {}
        with self._store.read() as connection:
            for campaign in campaigns.values():
                wanted[campaign.id, _PROOFS] = campaign
                if campaign.state is CampaignState.SENDING:
                    wanted.update({(campaign.id, lane): campaign for lane in outbox.lanes(connection, campaign.id)})
        return wanted

    def _drop(self, key: _Key) -> None:
        lane = self._lanes.pop(key)
        self.done(lane.waiting)
        self._peers(lane).remove(lane)

    def _peers(self, lane: _Lane) -> deque[_Lane]:
        """The lanes that it takes turns with."""
        return self._proofs if lane.key[1] == _PROOFS else self._others

    def _due(self, lane: _Lane, now: int, within: int) -> list[Candidate]:
        """What may leave the lane together, set aside under its throttles; none when that is not due in time."""
        if not lane.waiting and not self._filled(lane, now):
            return []
        if not lane.throttles:
            lane.wait_until = now
            return self._choose(lane, self._batch)
        if self._wait(lane, now, 1) > within:
            return []
        chosen = self._choose(lane, self._spending.most(lane.throttles, self._batch))
        if len(chosen) > 1 and self._wait(lane, now, len(chosen)) > within:
            lane.waiting.extendleft(reversed(chosen))
            return []
        self._spending.promise(lane.throttles, len(chosen))
        return chosen

    def _filled(self, lane: _Lane, now: int) -> bool:
        """Read ahead; whether something waits now."""
        with self._store.read() as connection:
            found = self._read(connection, lane, now)
            if not found and lane.read_to != _START:  # messages that came back stand before the place we read to
                lane.read_to = _START
                found = self._read(connection, lane, now)
            if not found:
                lane.read_to = _START
                lane.dry_until = max(outbox.next_due(connection, *lane.key) or _NEVER, now + _LOOK_AGAIN)
        lane.waiting.extend(found)
        self._in_hand.update(candidate.id for candidate in found)
        return bool(found)

    def _read(self, connection: Connection, lane: _Lane, now: int) -> list[Candidate]:
        """The next messages that are in nobody's hand, past the place that was read to."""
        campaign_id, number = lane.key
        limit = max(_READ_AHEAD, 2 * self._batch)
        if number == _PROOFS:
            return self._free(outbox.proofs(connection, campaign_id, limit=limit))
        while page := outbox.candidates(connection, campaign_id, number, after=lane.read_to, now=now, limit=limit):
            lane.read_to = page[-1].due_at, page[-1].id
            if free := self._free(page):
                return free
        return []

    def _free(self, page: list[Candidate]) -> list[Candidate]:
        return [candidate for candidate in page if candidate.id not in self._in_hand]

    def _wait(self, lane: _Lane, now: int, n: int) -> int:
        wait, lane.wait_for = self._spending.wait(lane.throttles, now, n, behind_promises=True)
        lane.wait_until = now + wait
        return wait

    def _choose(self, lane: _Lane, size: int) -> list[Candidate]:
        """The first that waits and, up to `size`, others of its shape: they can share a hand-over."""
        first = lane.waiting.popleft()
        if size == 1:
            return [first]
        chosen, people, left = [first], {first.address_id}, deque[Candidate]()
        for candidate in lane.waiting:
            fits = len(chosen) < size and candidate.shape_id == first.shape_id and candidate.address_id not in people
            (chosen if fits else left).append(candidate)
            if fits:
                people.add(candidate.address_id)
        lane.waiting = left
        return chosen

    def _earliest(self) -> int:
        """When there may be a turn again (micros)."""
        return min(
            (lane.wait_until - HORIZON if lane.waiting else lane.dry_until for lane in self._lanes.values()),
            default=_NEVER,
        )
