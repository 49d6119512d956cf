"""From the outbox, the settings and what has been spent to a plan: the worker's own rules, on a clock that jumps.

What is planned: every campaign that sends or is scheduled, and the one that is asked for, for they share transports and
limits. What nobody can know is left out: mails that are put off, outages, occurrences of series that are not made yet.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from email.utils import parseaddr

from campaigns.actions.desk import Desk
from campaigns.actions.past import chances
from campaigns.clock import to_micros
from campaigns.gate import Gate
from campaigns.model.canary import Canary
from campaigns.model.domain_group import NO_LIMITS, Limits
from campaigns.model.holders import key_of, of_mail, of_transport, pace_of, whose_pace, wire_of
from campaigns.model.pace import Pace
from campaigns.model.simulation import WINDOW, Begin, Course, Flow, Limit, simulate, stretch_for
from campaigns.model.states import CampaignState
from campaigns.model.throttle import LATE, Spending, Throttle
from campaigns.model.warming_up import WarmingUp
from campaigns.settings import Settings
from campaigns.store import lanes, planned, spent, warm_ups
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection
from campaigns.store.warm_ups import WARM_UP
from campaigns.windows import of_lane

_RECENT = 7 * 86_400 * 1_000_000  # micros: how old hand-overs may be that say how fast a transport is
_SECOND = 1_000_000  # micros
_QUEUED = (CampaignState.SCHEDULED, CampaignState.SENDING, CampaignState.PAUSED)
_MANY = 5_000  # instants of one lane; more are taken together, a minute at a time
_MINUTE = 60 * _SECOND

_Dues = dict[int, list[tuple[int, int]]]  # by lane: (due, mails)


@dataclass(slots=True)
class Planning:
    """All that a plan is computed from, as it was read in one transaction."""

    now: int
    flows: list[Flow] = field(default_factory=list)
    begins: dict[int, Begin] = field(default_factory=dict)
    speeds: dict[str, float] = field(default_factory=dict)  # of what lets through evenly, mails a second, by key
    wires: dict[str, float | None] = field(default_factory=dict)  # mails a second of each transport, where known
    stranded: Counter[int] = field(
        default_factory=Counter
    )  # mails whose transport is gone from the settings, by campaign
    limits: dict[str, Callable[[float], Limit]] = field(default_factory=dict)  # made anew for each run, for a stretch

    def run(self, wanted: Iterable[int] = (), *, without: Collection[str] = ()) -> dict[int, Course]:
        """How it goes until the `wanted` campaigns are through; `without` some keys, or without windows (WINDOW)."""
        flows = [_lifted(flow, without) for flow in self.flows] if without else self.flows
        stretch = stretch_for(flows, self.speeds)
        used = {key for flow in flows for key in flow.held_by}
        limits = {key: self.limits[key](stretch) for key in used}
        return simulate(flows, self.begins, limits, self.speeds, now=self.now, stretch=stretch, wanted=list(wanted))


def _lifted(flow: Flow, keys: Collection[str]) -> Flow:
    gate = None if WINDOW in keys else flow.gate
    return replace(flow, gate=gate, held_by=tuple(key for key in flow.held_by if key not in keys))


def planning(
    desk: Desk, conn: Connection, asked: Campaign | None = None, *, canary: Canary | None = None, hold: int = 0
) -> Planning:
    """Of all campaigns under way and the one that is `asked` for, as it would be sent now.

    `canary` and `hold` (seconds between `send` and the first mail) are those of a campaign that is not queued yet.
    """
    reader = _Reader(desk, conn)
    others = planned.under_way(conn)  # in the order in which they take their first turns
    for campaign in others:
        reader.add(asked if asked is not None and asked.id == campaign.id else campaign)
    if asked is not None and asked.id not in {campaign.id for campaign in others}:
        reader.add(asked, canary, hold)
    return reader.plan


class _Reader:
    """Reads one campaign after another into a Planning."""

    def __init__(self, desk: Desk, conn: Connection) -> None:
        self._desk = desk
        self._conn = conn
        self._settings: Settings = desk.workspace.settings
        self._names, self._parts = lanes.names(conn), lanes.parts(conn)
        self._paces = spent.read_paces(conn)
        self._gates: dict[object, Gate | None] = {}
        self.plan = Planning(to_micros(desk.clock.now()))

    def add(self, campaign: Campaign, canary: Canary | None = None, hold: int = 0) -> None:
        dues = self._dues(campaign)
        if canary is not None:
            _set_apart(dues, canary)
        self.plan.begins[campaign.id] = self._begin(campaign, canary, hold)
        ways = self._settings.all_routes.of(campaign.transport, parseaddr(campaign.sender)[1], leaves=campaign.leaves)
        for lane, some in dues.items():
            group = self._names.get(lanes.group_of(lane, self._parts), "")
            transport = ways.home(group)
            if transport not in self._settings.transports:
                self.plan.stranded[campaign.id] += sum(mails for _, mails in some)
                continue
            keys, gate = self._keys(campaign, group, transport), self._gate(campaign, lane, transport)
            self.plan.flows.append(Flow(campaign.id, transport, some, keys, gate, canary=lane < 0))

    def _dues(self, campaign: Campaign) -> _Dues:
        """When how many are due, by lane; of those whose own time is over, when their campaign's policy lets them go."""
        found: _Dues = defaultdict(list)
        past = [] if campaign.state in _QUEUED else chances(self._desk, self._conn, campaign)
        over: dict[int, int] = defaultdict(int)
        for group, at in past:
            over[group.lane] += group.messages
            if at is not None:
                found[group.lane].append((at, group.messages))
        for lane, due_at, mails in planned.waiting(self._conn, campaign.id, self.plan.now):
            rest = mails - over[lane] if not due_at else mails
            if rest > 0:
                found[lane].append((due_at, rest))
        return {lane: _together(some) for lane, some in found.items()}

    def _begin(self, campaign: Campaign, canary: Canary | None, hold: int) -> Begin:
        dues_decide = campaign.has_own_times and campaign.state not in _QUEUED  # its start will be the first of them
        at = 0 if dues_decide else campaign.starts_at or 0
        if canary is not None:
            return Begin(at, canary.hold * _SECOND)
        if campaign.canary:
            return Begin(at, campaign.hold * _SECOND, campaign.holds_until)
        return Begin(max(at, self.plan.now + hold * _SECOND if hold else 0))

    def _gate(self, campaign: Campaign, lane: int, transport: str) -> Gate | None:
        _, theirs = self._parts.get(lanes.plain(lane), (0, campaign.zone))
        key = (campaign.id, transport, theirs)
        if key not in self._gates:
            others = self._settings.windows_of(transport, leaves=self._settings.transports[transport].leaves)
            texts = campaign.windows.splitlines()
            windows = of_lane(texts, campaign.holidays, campaign.zone, others, theirs=theirs)
            self._gates[key] = Gate(windows) if windows else None
        return self._gates[key]

    def _keys(self, campaign: Campaign, group: str, transport: str) -> tuple[str, ...]:
        """All that holds mail of a campaign for a group on its way through a transport."""
        settings = self._settings.transports[transport]
        limits = self._settings.all_limits if settings.leaves else NO_LIMITS
        sender = parseaddr(campaign.sender)[1]
        holders = [
            of_transport(transport, settings.throttle),
            *of_mail(campaign.id, campaign.throttles.splitlines(), sender, group, limits),
        ]
        keys = [self._throttle(whose, text) for whose, texts in holders for text in texts]
        paces = (whose_pace(transport), whose_pace(transport, group))
        slowed = [whose for whose in paces if whose in self._paces and self._paces[whose].slowed(self.plan.now)]
        warm_ups = self._warm_ups(transport, sender, limits)
        return (*keys, *warm_ups, *(self._pace(whose, self._paces[whose]) for whose in slowed), *self._wire(transport))

    def _throttle(self, whose: str, text: str) -> str:
        key, plan = key_of(whose, text), self.plan
        if key not in plan.limits:
            throttle = Throttle.parse(text)
            slices = [(min(start, plan.now), used) for start, used in spent.read(self._conn, key)]
            plan.limits[key] = lambda stretch: _spending(throttle, slices, stretch)
            if throttle.paced:
                plan.speeds[key] = throttle.speed
        return key

    def _warm_ups(self, transport: str, sender: str, limits: Limits) -> Iterator[str]:
        """The keys of those of the transport and of the sender that are not over."""
        sender = sender.lower()
        tables = {
            f"transport {transport}": self._settings.warm_up_of(transport),
            f"sender {sender}": limits.warm_ups.get(sender),
        }
        for whose, table in tables.items():
            if table is None:
                continue
            key = WARM_UP + whose
            if key not in self.plan.limits:
                found = warm_ups.read(self._conn, whose, table, self.plan.now)
                self.plan.limits[key] = _copies_of(found)
            yield key

    def _pace(self, whose: str, pace: Pace) -> str:
        key, plan = pace_of(whose), self.plan
        plan.limits[key] = lambda _: replace(pace)
        if speed := pace.speed(plan.now):
            plan.speeds[key] = speed
        return key

    def _wire(self, transport: str) -> tuple[str, ...]:
        """What its connections carry, where something has gone through them of late; a folder takes what comes."""
        plan, settings = self.plan, self._settings.transports[transport]
        if settings.kind == "maildir":
            return ()
        key = wire_of(transport, settings.connections)
        if transport not in plan.wires:
            one = planned.through_one_connection(self._conn, transport, since=plan.now - _RECENT)
            plan.wires[transport] = speed = None if one is None else one * settings.connections
            if speed is not None:
                plan.speeds[key] = speed
                plan.limits[key] = lambda stretch: _spending(Throttle(_an_hour(speed), "h", 1), (), stretch)
        return () if plan.wires[transport] is None else (key,)


def _copies_of(found: WarmingUp) -> Callable[[float], Limit]:
    return lambda _: deepcopy(found)


def _an_hour(speed: float) -> int:
    return max(1, round(speed * 3_600))


def _spending(throttle: Throttle, slices: Sequence[tuple[int, int]], stretch: float) -> Spending:
    """A throttle's, for mails that go together for a stretch of seconds: a turn may be late by as much."""
    micros = stretch * _SECOND
    return Spending(throttle.over(4 * micros), slices, late=max(LATE, round(2 * micros)))


def _together(dues: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """In their order; very many instants by the minute."""
    if len(dues) > _MANY:
        by_minute: dict[int, int] = defaultdict(int)
        for due, mails in dues:
            by_minute[-(-due // _MINUTE) * _MINUTE] += mails
        dues = list(by_minute.items())
    return sorted(dues)


def _set_apart(dues: _Dues, canary: Canary) -> None:
    """Let every lane's share leave first, as `send` takes every n-th of the people."""
    total = sum(mails for some in dues.values() for _, mails in some)
    missing = canary.of(total)
    for lane, some in sorted(dues.items()):
        mine = sum(mails for _, mails in some)
        first = min(missing, -(-mine * canary.of(total) // total))
        missing -= first
        if first:
            dues[-1 - lane] = [(some[0][0], first)]
            dues[lane] = _less(some, first)


def _less(some: list[tuple[int, int]], by: int) -> list[tuple[int, int]]:
    rest = []
    for due, mails in some:
        taken = min(by, mails)
        by -= taken
        if mails > taken:
            rest.append((due, mails - taken))
    return rest
