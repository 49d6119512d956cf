"""Who is next: the line in front of one transport.

Candidates are read ahead without a lease, for each campaign and lane. Proofs go first; then campaigns take turns, and
within one its lanes, so that a small campaign never waits behind a large one. A turn is given out before its throttles
are due, by as long as connections take to prepare for it just now; up to two seconds where there is nothing else to do.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from campaigns.model.pace import Pace
from campaigns.model.states import CampaignState
from campaigns.store import outbox
from campaigns.store.engine import Store
from campaigns.store.outbox import Candidate
from campaigns.store.underway import SendingCampaign
from scheduler.lane import NEVER, Key, Lane, Queue, is_of_proofs, key_of_proofs, number_of
from scheduler.ledger import Turn
from scheduler.routing import Part, Routing
from scheduler.rules import Rules
from scheduler.throttle import Throttles
from scheduler.transports.contract import Transport

HORIZON = 2_000_000  # micros: how long before its time a turn is given out; preparing may take slow round trips
_FORGETS = 16  # of how many turns the memory of a long preparation is made
_SELDOM = 10_000_000  # micros between two looks at lanes whose people have instants of their own: zones may be many

WINDOW, DUE = "window", "time"  # what a lane waits for besides throttles: an opening, or its people's own instants


@dataclass(frozen=True, slots=True)
class Wait:
    """What holds messages back: a throttle's key, WINDOW, DUE or "" for another try; and until when (micros)."""

    key: str
    until: int


class Line:
    """Gives out turns for one transport."""

    def __init__(
        self,
        store: Store,
        transport: Transport,
        rules: Rules,
        spending: Throttles,
        *,
        routing: Routing,
        in_hand: set[int],  # of all lines together: a message is in one hand alone, whichever way it goes next
    ) -> None:
        self._store = store
        self._transport = transport.name
        self._rules = rules
        self._spending = spending
        self._batch = transport.batch
        self._lanes: dict[Key, Lane] = {}
        self._queue = Queue()
        self._routing = routing
        self._in_hand = in_hand
        self._lead = 0  # micros that lie between a turn and the wish to lease it, as seen of late
        self._moved = asyncio.Event()
        self._closed = False

    def refresh(self, campaigns: list[SendingCampaign]) -> None:
        """Take note of what sends now; lanes that ran dry look again."""
        now = self._spending.now()
        wanted = self._wanted({c.id: c for c in campaigns if self._routing.may_use(self._transport, c)}, now)
        for key in self._lanes.keys() - wanted.keys():
            self._drop(key)
        for key, campaign in wanted.items():
            lane = self._lanes.get(key)
            if lane is None:
                lane = self._lanes[key] = Lane(key, campaign)
                self._queue.join(lane)
            lane.campaign = campaign
            if not campaign.has_own_times or now - lane.looked_at >= _SELDOM:
                lane.dry_until = 0
            self._take_part(lane)
        self.heed(now)
        self._move()

    def heed(self, now: int) -> None:
        """Let every lane stand under what holds it now; a server may just have complained."""
        self._queue.bring_back()
        for lane in self._lanes.values():
            lane.throttles = self._rules.keys(lane.campaign, self.group_of(lane.key), now)
            lane.gate = None if is_of_proofs(lane.key) else self._rules.gate(lane.campaign, lane.number)
            self._wait(lane, now, 1)

    @property
    def needed(self) -> bool:
        """Whether mail waits for this transport, be it for a try."""
        return bool(self._lanes)

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
        return self._turn(self._queue.proofs(now), now, within) or self._turn(self._queue.others(now), now, within)

    def _turn(self, lanes: Iterator[Lane], now: int, within: int) -> Turn | None:
        """What may go once it is prepared, in order of turns; else what is due soonest."""
        soon: Lane | None = None
        for lane in lanes:
            if not lane.waiting and (now < lane.dry_until or not self._filled(lane, now)):
                continue
            if lane.wait_until - now > within:
                continue
            if not lane.throttles or self._wait(lane, now, 1) <= self._lead:
                if turn := self._given(lane, now, within):
                    return turn
            elif lane.wait_until - now <= within:
                if (
                    soon is None or lane.wait_until < soon.wait_until
                ):  # a connection that waits longer could carry others
                    soon = lane
                if self._rules.shared_by_all(lane.wait_for):
                    break  # nobody else may go earlier
        return self._given(soon, now, within) if soon is not None else None

    def prepared(self, turn: Turn) -> None:
        """A throttled turn is about to be leased: learn how long before its time one must be given out."""
        took = min(self._spending.now() - turn.given_at, HORIZON)
        self._lead = took if took > self._lead else self._lead - (self._lead - max(took, 0)) // _FORGETS

    def give_back(self, turn: Turn) -> None:
        """Nothing came of the turn: its messages stand in line again."""
        self._spending.promise(turn.throttles, -turn.promised)
        if (lane := self._lanes.get(turn.lane)) is not None:
            lane.wait_until = 0
        turn.promised = 0
        self.done(turn.candidates)

    def shorten(self, turn: Turn, most: int) -> None:
        """Only the turn's first `most` messages go now; the others are next again."""
        rest = turn.candidates[most:]
        turn.candidates = turn.candidates[:most]
        self._spending.promise(turn.throttles, -len(rest))
        turn.promised -= len(rest)
        lane = self._lanes.get(turn.lane)
        if lane is None:
            self.done(rest)
        else:
            lane.put_back(rest)

    def done(self, candidates: Iterable[Candidate]) -> None:
        """These are in nobody's hand any more: settled, or to be read again when they are due."""
        self._in_hand.difference_update(candidate.id for candidate in candidates)

    def answered(self, turn: Turn, tried: int, deferred: int) -> None:
        """So many of a turn's hand-overs were answered, so many of them deferred."""
        self._spending.answered(turn.throttles, tried, deferred)

    def slow(self, turn: Turn, group: int | None, going: float, retry_after: float | None) -> tuple[str, Pace, bool]:
        """A server complained of a turn's group, or of all: whose pace fell, to what, and whether just now.

        `going`: hand-overs a second that are made or could be; never more than the throttles let through.
        """
        whose, now = self._rules.whose(group), self._spending.now()
        before = self._spending.pace(whose, now)
        keys = turn.throttles if group is not None else list(filter(self._rules.shared_by_all, turn.throttles))
        pace = self._spending.slow(whose, min(going, self._spending.speed(keys)), retry_after)
        self.heed(now)
        return whose, pace, not before

    def waits(self) -> dict[int, tuple[list[Wait], bool]]:
        """For each campaign what holds messages of it back for a while, soonest first, and whether that is all of them."""
        now = self._spending.now()
        found: dict[int, tuple[list[Wait], bool]] = {}
        for (campaign_id, _), lane in self._lanes.items():
            if lane.tries:
                continue
            until, key = self._held(lane, now)
            waits, only = found.get(campaign_id, ([], True))
            held = now + HORIZON < until
            if held and until < NEVER:
                waits.append(Wait(key, until))
            found[campaign_id] = waits, only and held
        for waits, _ in found.values():
            waits.sort(key=lambda wait: wait.until)
        return found

    @staticmethod
    def _held(lane: Lane, now: int) -> tuple[int, str]:
        """Until when nothing of the lane leaves (micros), and what for."""
        if (opens := lane.opens(now)) > now:
            return opens, WINDOW
        if lane.waiting:
            return lane.opens(lane.wait_until), lane.wait_for
        return lane.dry_until, DUE if lane.campaign.has_own_times else ""

    def group_of(self, key: Key) -> int:
        """The number of the recipient-domain group whose messages stand in a lane."""
        return self._rules.group(number_of(key))

    def opens_by(self, campaign_id: int, number: int, instant: int) -> bool:
        """Whether a lane's send windows are open now, or will be until an instant (micros), and no warm-up waits longer."""
        lane = self._lanes.get((campaign_id, number))
        if lane is None:
            return True
        warms_up = self._spending.is_warm_up(lane.wait_for) and lane.wait_until > instant
        return not warms_up and lane.opens(self._spending.now()) <= instant

    def outrun(self) -> set[int]:
        """Campaigns that stand under throttles and wait for a connection: more of those would let them go faster."""
        now = self._spending.now()
        return {
            lane.campaign.id
            for lane in self._lanes.values()
            if lane.waiting
            and not lane.tries
            and lane.throttles
            and lane.opens(now) == now
            and self._spending.wait(lane.throttles, now, 1, behind_promises=True)[0] == 0
        }

    def _move(self) -> None:
        """Wake whoever waits for a turn."""
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _wanted(self, campaigns: dict[int, SendingCampaign], now: int) -> dict[Key, SendingCampaign]:
        """The lanes that messages wait in; proofs, a canary and the others have lanes of their own."""
        wanted = {}
        with self._store.read() as connection:
            for campaign_id, group in outbox.proof_lanes(connection):
                if campaign_id in campaigns:
                    wanted[key_of_proofs(campaign_id, group)] = campaigns[campaign_id]
            for campaign in campaigns.values():
                if campaign.state is CampaignState.SENDING:
                    alone = campaign.canary_alone(now)
                    lanes = (lane for lane in outbox.lanes(connection, campaign.id) if lane < 0 or not alone)
                    wanted.update({(campaign.id, lane): campaign for lane in lanes})
            self._rules.learn(connection, set(map(number_of, wanted)))
        return {key: campaign for key, campaign in wanted.items() if self._part(key, campaign) is not Part.NONE}

    def _part(self, key: Key, campaign: SendingCampaign) -> Part:
        return self._routing.part(self._transport, campaign, self._rules.name_of(self.group_of(key)))

    def _take_part(self, lane: Lane) -> None:
        """Carry the lane's mail, or only try; what was read for a try goes back to whoever carries it.

        A lane that others try leaves them one, for all that is left may have been read ahead here.
        """
        tries = self._part(lane.key, lane.campaign) is Part.TRIES
        if tries or lane.tries:
            self.done(lane.forget())
        elif lane.waiting and self._routing.is_tried(lane.campaign, self._rules.name_of(self.group_of(lane.key))):
            self.done([lane.waiting.pop()])
        lane.tries = tries

    def _drop(self, key: Key) -> None:
        lane = self._lanes.pop(key)
        self.done(lane.waiting)
        self._queue.leave(lane)

    def _given(self, lane: Lane, now: int, within: int) -> Turn | None:
        """A turn for what may leave the lane together; its campaign, and in that the lane, are the last in line now."""
        chosen = self._throttled(lane, now, within) if lane.throttles else lane.choose(self._batch)
        if not chosen:
            return None
        self._queue.had(lane)
        return Turn(lane.campaign, chosen, lane.throttles, lane.key, lane.gate, promised=len(chosen), given_at=now)

    def _throttled(self, lane: Lane, now: int, within: int) -> list[Candidate]:
        """What may leave the lane together, set aside under its throttles; none when that is not due in time."""
        chosen = lane.choose(self._spending.most(lane.throttles, now, self._batch))
        if len(chosen) > 1 and self._wait(lane, now, len(chosen)) > within:
            lane.put_back(chosen)
            return []
        self._spending.promise(lane.throttles, len(chosen))
        return chosen

    def _filled(self, lane: Lane, now: int) -> bool:
        with self._store.read() as connection:
            return lane.read_ahead(connection, now, self._batch, self._in_hand)

    def _wait(self, lane: Lane, now: int, n: int) -> int:
        wait, lane.wait_for = self._spending.wait(lane.throttles, now, n, behind_promises=True)
        lane.wait_until = now + wait
        return wait

    def _earliest(self) -> int:
        """When there may be a turn again (micros)."""
        now = self._spending.now()
        return min(
            (
                max(lane.opens(now), lane.wait_until - HORIZON if lane.waiting else lane.dry_until)
                for lane in self._lanes.values()
            ),
            default=NEVER,
        )
