"""What will leave when: mails flow through limits and send windows on a clock that jumps to whatever comes next.

A flow is the mail of one campaign's lane. It goes as it would go through the worker: the campaigns of a transport take
turns, and within one its lanes (`turns.py`); all limits that hold a mail let it through together, and are spent together.
Where there is little mail each goes by itself. Of much, as many go together as an even pace lets through in a stretch
of time that is short against the whole (`stretch_for`): a campaign of a million costs hardly more than one of ten thousand.
All instants are microseconds UTC.
"""

from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from campaigns.model.turns import Turns

NEVER = 2**62
WINDOW = "window"  # what mail waits for while its send windows are shut
BIN = 60_000_000  # micros: how finely the curve is drawn
FARTHEST = 400 * 86_400 * 1_000_000  # micros: nobody plans beyond

_ONE_BY_ONE = 5_000  # mails that go by themselves
_STEPS = 3_000  # in about which more are sent
_PARTS = 200  # in which mail leaves that no even pace holds
_ENOUGH = 200_000  # steps after which the plan is given up: something lets through next to nothing


class Limit(Protocol):
    """What lets so many through: `throttle.Spending`, `pace.Pace` and whatever else has these three."""

    def most(self, now: int) -> int: ...

    def wait(self, now: int, n: int, *, ahead: int = 0) -> int: ...

    def take(self, now: int, n: int) -> object: ...


class Opening(Protocol):
    """Send windows, as `campaigns.gate.Gate` asks them."""

    def opens(self, now: int) -> int: ...

    def shuts(self, now: int) -> int: ...


@dataclass(frozen=True, slots=True)
class Flow:
    """The mail of one campaign's lane through one transport."""

    campaign: int
    transport: str
    dues: Sequence[tuple[int, int]]  # (due, mails), the earliest first
    held_by: tuple[str, ...] = ()  # the keys of its limits
    gate: Opening | None = None
    canary: bool = False

    @property
    def mails(self) -> int:
        return sum(mails for _, mails in self.dues)


@dataclass(frozen=True, slots=True)
class Begin:
    """When a campaign may begin; those that do not belong to its canary wait for that, and `hold` longer."""

    at: int
    hold: int = 0  # micros
    holds_until: int | None = None  # the canary has left already


@dataclass(slots=True)
class Course:
    """How one campaign goes."""

    mails: int = 0  # that leave
    left: int = 0  # that never do
    first: int | None = None
    last: int | None = None
    curve: Counter[int] = field(default_factory=Counter)  # mails by the bin's begin
    held: Counter[str] = field(default_factory=Counter)  # micros for which its mail waited, by what for

    def note(self, at: int, mails: int, interval: float) -> None:
        """So many leave, the first now, the others an interval apart."""
        last = at + int((mails - 1) * interval)
        self.mails += mails
        self.first = at if self.first is None else min(self.first, at)
        self.last = last if self.last is None else max(self.last, last)
        while mails:
            begin = at - at % BIN
            here = min(mails, int((begin + BIN - 1 - at) / interval) + 1) if interval else mails
            self.curve[begin] += here
            mails -= here
            at += int(here * interval)


def stretch_for(flows: Iterable[Flow], speeds: Mapping[str, float]) -> float:
    """Seconds whose mail goes together; 0 where each goes by itself. `speeds`: of even paces, mails a second, by key."""
    flows = list(flows)
    if sum(flow.mails for flow in flows) <= _ONE_BY_ONE:
        return 0.0
    return sum(flow.mails / speed for flow in flows if (speed := _slowest(flow, speeds))) / _STEPS


def simulate(
    flows: Iterable[Flow],
    begins: Mapping[int, Begin],
    limits: Mapping[str, Limit],
    speeds: Mapping[str, float],
    *,
    now: int,
    stretch: float,
    wanted: Collection[int] = (),
) -> dict[int, Course]:
    """How each campaign goes, until the `wanted` ones are through; all others, if none is named.

    `limits` are spent. `speeds`: of those among them that let through evenly, mails a second.
    """
    return _Simulation(list(flows), begins, limits, speeds, now=now, stretch=stretch).run(wanted)


@dataclass(slots=True, eq=False)
class _Lane:
    flow: Flow
    dues: deque[tuple[int, int]]
    limits: list[tuple[str, Limit]]
    interval: float  # micros between two mails at the slowest even pace; 0 where none holds it
    size: int  # how many go together
    waiting: int = 0  # due by now
    not_before: int = 0

    def is_due(self, now: int) -> bool:
        """Whether something waits; if not, `not_before` says since when it will."""
        while self.dues and self.dues[0][0] <= now:
            self.waiting += self.dues.popleft()[1]
        if not self.waiting:
            self.not_before = self.dues[0][0] if self.dues else NEVER
        return self.waiting > 0


class _Line:
    """The lanes in front of one transport."""

    def __init__(self, lanes: Sequence[_Lane]) -> None:
        self.lanes = lanes
        self.turns: Turns[_Lane] = Turns()
        for lane in lanes:
            self.turns.join(lane.flow.campaign, lane)
        held_by = [lane.flow.held_by for lane in lanes]
        self.shared = [key for key in held_by[0] if all(key in others for others in held_by)]  # in the order of one
        self.not_before = 0

    def next(self) -> int:
        """When something may go again."""
        return max(self.not_before, min(lane.not_before for lane in self.lanes))


class _Simulation:
    def __init__(
        self,
        flows: Sequence[Flow],
        begins: Mapping[int, Begin],
        limits: Mapping[str, Limit],
        speeds: Mapping[str, float],
        *,
        now: int,
        stretch: float,
    ) -> None:
        self._now = now
        self._begins = begins
        self._limits = limits
        self._stretch = stretch
        self._courses: dict[int, Course] = {flow.campaign: Course() for flow in flows}
        self._left: Counter[int] = Counter()
        self._canary_left: Counter[int] = Counter()
        by_transport: dict[str, list[_Lane]] = {}
        for flow in flows:
            self._left[flow.campaign] += flow.mails
            self._canary_left[flow.campaign] += flow.mails if flow.canary else 0
            by_transport.setdefault(flow.transport, []).append(self._lane(flow, speeds))
        self._lines = [_Line(lanes) for lanes in by_transport.values()]
        for line in self._lines:
            for lane in line.lanes:
                lane.not_before = self._released(lane.flow)

    def run(self, wanted: Collection[int]) -> dict[int, Course]:
        wanted = wanted or list(self._left)
        steps, end = 0, self._now + FARTHEST
        while any(self._left[campaign] for campaign in wanted) and self._now < end and steps < _ENOUGH:
            for line in self._lines:
                steps += self._pass(line)
            ahead = min(line.next() for line in self._lines)
            steps += 1
            self._now = max(self._now + 1, ahead)
        for campaign, course in self._courses.items():
            course.left = self._left[campaign]
        return self._courses

    def _lane(self, flow: Flow, speeds: Mapping[str, float]) -> _Lane:
        speed = _slowest(flow, speeds)
        limits = [(key, self._limits[key]) for key in flow.held_by]
        if not self._stretch:
            size = 1 if speed else -(-flow.mails // _PARTS)
        else:
            size = max(1, int(self._stretch * speed)) if speed else -(-flow.mails // _PARTS)
        return _Lane(flow, deque(flow.dues), limits, 1_000_000 / speed if speed else 0.0, size)

    def _released(self, flow: Flow) -> int:
        """When its campaign lets a flow begin; NEVER as long as its canary has not left."""
        begin = self._begins[flow.campaign]
        if flow.canary or not (self._canary_left[flow.campaign] or begin.holds_until):
            return max(begin.at, self._now)
        return NEVER if begin.holds_until is None else max(begin.at, begin.holds_until, self._now)

    def _pass(self, line: _Line) -> int:
        """Let go what may go through a transport now; in how many steps."""
        steps = 0
        while self._now >= line.not_before:
            lane = next((lane for lane in line.turns.in_order() if self._may_go(line, lane)), None)
            if lane is None:
                return steps
            self._go(lane)
            line.turns.had(lane.flow.campaign, lane)
            steps += 1
        return steps

    def _may_go(self, line: _Line, lane: _Lane) -> bool:
        now = self._now
        if lane.not_before > now or line.not_before > now or not lane.is_due(now):
            return False
        wait, by = 0, ""
        if lane.flow.gate is not None and (opens := lane.flow.gate.opens(now)) > now:
            wait, by = opens - now, WINDOW
        else:
            for key, limit in lane.limits:
                if (longer := limit.wait(now, 1)) > wait:
                    wait, by = longer, key
        if not wait:
            return True
        if by in line.shared:
            line.not_before = now + wait
            for campaign in {other.flow.campaign for other in line.lanes}:
                self._courses[campaign].held[by] += wait
        else:
            self._courses[lane.flow.campaign].held[by] += wait
            lane.not_before = now + wait
        return False

    def _go(self, lane: _Lane) -> None:
        """As many as all limits allow, and no more than fit in before a window shuts."""
        now, flow = self._now, lane.flow
        n = min([lane.waiting, lane.size, *(limit.most(now) for _, limit in lane.limits)])
        if n > 1 and flow.gate is not None and lane.interval:
            n = max(1, min(n, int((flow.gate.shuts(now) - now) / lane.interval) + 1))
        while n > 1 and any(limit.wait(now, n) for _, limit in lane.limits):
            n //= 2
        for _, limit in lane.limits:
            limit.take(now, n)
        lane.waiting -= n
        self._courses[flow.campaign].note(now, n, lane.interval)
        self._left[flow.campaign] -= n
        if flow.canary:
            self._count_canary(flow.campaign, n, now)

    def _count_canary(self, campaign: int, n: int, now: int) -> None:
        self._canary_left[campaign] -= n
        if not self._canary_left[campaign]:
            until = now + self._begins[campaign].hold
            for line in self._lines:
                for lane in line.lanes:
                    if lane.flow.campaign == campaign and not lane.flow.canary:
                        lane.not_before = until


def _slowest(flow: Flow, speeds: Mapping[str, float]) -> float:
    """The slowest even pace that holds a flow, in mails a second; 0 for none."""
    return min((speeds[key] for key in flow.held_by if key in speeds), default=0.0)
