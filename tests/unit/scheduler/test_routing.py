"""Routes and fallbacks: each mail has one way at each moment, and outages of any kind lose, double and burn nothing."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from campaigns.clock import to_micros
from campaigns.message.message import Sender
from campaigns.model.routes import NO_ROUTES, Route, Routes
from campaigns.model.states import CampaignState, MessageState, Wave
from campaigns.model.throttle import Throttle
from campaigns.store import tables
from campaigns.store.underway import SendingCampaign
from scheduler.dispatch import Dispatch
from scheduler.ledger import Turn
from scheduler.routing import Part, Routing
from scheduler.transports.contract import Blame, Outcome, Verdict
from scheduler.transports.contract import Stage as At
from scheduler.worker import Way, Worker
from tests.doubles.filled_store import add_campaign
from tests.doubles.scripted_transport import ScriptedTransport
from tests.doubles.virtual_time import START, VirtualClock, until, virtually

NOW = to_micros(START)
EACH = 16  # mails of each group
NAMES = ("relay", "spare", "cloud", "last")
GROUPS = ("", "outlook.com", "gmail.com")
SENDERS = ("ada@example.org", "bob@example.org", "cy@example.net")
DOWN = Outcome(Verdict.RETURNED, At.CONNECT, Blame.OUTAGE, text="Connection refused.")
LOST = Outcome(Verdict.UNCERTAIN, At.BODY, Blame.OUTAGE, text="The server hung up.")


def ways(clock: Any = None, kinds: Mapping[str, str] = {}, **rehearsals: bool) -> list[ScriptedTransport]:
    made = [ScriptedTransport(clock, name=name, kind=kinds.get(name, "smtp"), leaves=name != "local") for name in NAMES]
    return [*made, *(ScriptedTransport(clock, name=name, leaves=leaves) for name, leaves in rehearsals.items())]


def campaign(transport: str = "relay", sender: str = SENDERS[0], **more: Any) -> SendingCampaign:
    given: dict[str, Any] = {"id": 1, "state": CampaignState.SENDING, "leaves": True, "checked_for": ("smtp",), **more}
    who = Sender(1, "fair", True, "", sender, "", "", b"")
    return SendingCampaign(
        name="fair", transport=transport, throttles=(), give_up_after=0, starts_at=0, sender=who, **given
    )


def carriers(routing: Routing, one: SendingCampaign, group: str) -> list[str]:
    return [name for name in (*NAMES, "local") if routing.part(name, one, group) is Part.CARRIES]


some_routes = st.lists(
    st.builds(
        Route,
        through=st.sampled_from(NAMES),
        groups=st.lists(st.sampled_from(GROUPS[1:]), max_size=2).map(tuple),
        senders=st.lists(st.sampled_from([*SENDERS, "example.org"]), max_size=2).map(tuple),
    ),
    max_size=4,
).map(tuple)
some_fallbacks = st.lists(
    st.booleans(), min_size=3, max_size=3
).map(  # each to one further down: never in a circle
    lambda has: {name: NAMES[place + 1] for place, name in enumerate(NAMES[:3]) if has[place]}
)


@given(
    some_routes,
    some_fallbacks,
    st.lists(st.sets(st.sampled_from(NAMES)), min_size=1, max_size=3),
    st.sampled_from(NAMES),
    st.sampled_from(SENDERS),
    st.sets(st.sampled_from(NAMES)),
)
def test_each_pair_has_exactly_one_way_at_each_moment(
    routes: tuple[Route, ...],
    fallbacks: dict[str, str],
    moments: list[set[str]],
    own: str,
    sender: str,
    other_kind: set[str],
) -> None:
    routing = Routing(ways(kinds=dict.fromkeys(other_kind, "sendgrid"), local=False), Routes(routes, fallbacks))
    one = campaign(own, sender)
    for failing in moments:
        routing.look(failing)
        for group in GROUPS:
            chain = routing.ways(one).chain(group)
            found = carriers(routing, one, group)
            if chain[0] in other_kind:  # its mails were not checked for that
                assert found == []
                continue
            assert len(found) == 1
            usable = [name for name in chain if name not in other_kind]
            assert found == [next((name for name in usable if name not in failing), usable[0])]
            tries = {name for name in NAMES if routing.part(name, one, group) is Part.TRIES}
            assert tries <= failing & set(usable)
            if found[0] not in failing:
                assert tries == set(usable[: usable.index(found[0])])


@given(some_routes, some_fallbacks, st.sets(st.sampled_from(NAMES)))
def test_a_rehearsal_is_never_led_to_people(
    routes: tuple[Route, ...], fallbacks: dict[str, str], failing: set[str]
) -> None:
    routing = Routing(ways(local=False), Routes(routes, fallbacks))
    routing.look(failing | {"local"})
    for group in GROUPS:
        rehearsal = campaign("local", leaves=False, checked_for=())
        assert carriers(routing, rehearsal, group) == ["local"]
        became_one = campaign("local", leaves=True, checked_for=(), state=CampaignState.DRAFT)  # here for a proof
        assert carriers(routing, became_one, group) == ["local"]


def test_the_first_route_wins_and_both_conditions_must_hold() -> None:
    routes = Routes(
        (
            Route("spare", groups=("outlook.com",), senders=("ada@example.org",)),
            Route("cloud", senders=("example.org",)),
            Route("last", groups=("outlook.com",)),
        )
    )
    homes = {sender: [routes.of("relay", sender, leaves=True).home(group) for group in GROUPS] for sender in SENDERS}
    assert homes == {
        "ada@example.org": ["cloud", "spare", "cloud"],
        "bob@example.org": ["cloud", "cloud", "cloud"],
        "cy@example.net": ["relay", "last", "relay"],
    }
    assert routes.of("relay", "Bob@Example.ORG", leaves=True).every == ("cloud",)
    assert routes.of("relay", "cy@example.net", leaves=True).every == ("relay", "last")
    assert routes.of("relay", "x@sub.example.org", leaves=True).homes == ("last", "relay")  # subdomains are others


class Weather:
    """Which transports are down at an instant of virtual time, and how."""

    def __init__(self, clock: VirtualClock, down: Mapping[str, list[tuple[float, float]]]) -> None:
        self._clock = clock
        self._down = down

    def on_prepare(self, name: str) -> Callable[[Any], Outcome | None]:
        return lambda _: DOWN if self.is_down(name) else None

    def is_down(self, name: str) -> bool:
        return any(begins <= self._clock.monotonic() < ends for begins, ends in self._down.get(name, ()))


def told(stage: Any) -> dict[str, Any]:
    doing: dict[str, Any] = json.loads(stage.rows(tables.workers)[-1].doing)
    return doing


some_outages = st.dictionaries(
    st.sampled_from(NAMES),
    st.lists(st.tuples(st.floats(0, 15), st.floats(1, 40)).map(lambda one: (one[0], one[0] + one[1])), max_size=2),
)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some_routes, some_fallbacks, some_outages, st.sampled_from([1, 7]))
def test_outages_lose_nothing_double_nothing_and_count_no_attempt(
    stage: Any,
    routes: tuple[Route, ...],
    fallbacks: dict[str, str],
    down: dict[str, list[tuple[float, float]]],
    batch: int,
) -> None:
    stage.empty()
    ids = [
        add_campaign(
            stage.store, f"of {group or 'others'}", EACH, transport="relay", domain=domain, group=group, now=NOW
        )
        for group, domain in (("", "example.com"), ("outlook.com", "outlook.com"), ("gmail.com", "gmail.com"))
    ]

    async def play(clock: VirtualClock) -> None:
        weather = Weather(clock, down)
        transports = ways(clock)
        for one in transports:
            one.on_prepare, one.batch = weather.on_prepare(one.name), batch
        throttled = [Way(one, [Throttle.parse("2/s")]) for one in transports]
        await stage.worker(clock, *throttled, routes=Routes(routes, fallbacks)).run(until_idle=True)
        got = Counter(address for one in transports for address in one.addresses)
        assert len(got) == 3 * EACH
        assert set(got.values()) == {1}

    virtually(play)
    for campaign_id in ids:
        assert stage.states(campaign_id) == {MessageState.ACCEPTED: EACH}
    assert {row.attempts for row in stage.rows(tables.messages)} == {1}
    assert stage.rows(tables.attempts) == []


def test_an_outage_hands_over_to_the_fallback_says_so_and_mail_returns(stage: Any) -> None:
    add_campaign(stage.store, "fair", 500, transport="relay", now=NOW)

    async def play(clock: VirtualClock) -> None:
        weather = Weather(clock, {"relay": [(5, 40)]})
        relay, spare, *_ = ways(clock)
        tried = []

        def on_prepare(_: Any) -> Outcome | None:
            if weather.is_down("relay"):
                tried.append(clock.monotonic())
                return DOWN
            return None

        relay.on_prepare = on_prepare
        each = [Way(relay, [Throttle.parse("10/s")]), Way(spare, [Throttle.parse("5/s")])]
        async with stage.running(clock, *each, routes=Routes(fallbacks={"relay": "spare"})):
            await asyncio.sleep(4.9)
            assert (len(spare.got), told(stage)["troubles"]) == (0, [])
            await asyncio.sleep(9)
            (trouble,) = told(stage)["troubles"]
            assert trouble["transport"] == "relay"
            assert trouble["words"] == "Connection refused."
            assert NOW + 5_000_000 < trouble["since"] < NOW + 7_500_000 < trouble["again"]
            assert trouble["through"] == "spare"
            assert told(stage)["campaigns"]["fair"]["rate"] > 0
            await asyncio.sleep(25)
            assert len(spare.got) > 100  # at its own 5/s
            assert len(tried) < 20  # one connection at a time tries
            assert told(stage)["troubles"][0]["since"] == trouble["since"]
            await until(lambda: not told(stage)["troubles"], within=40, every=1)
            back = len(spare.got)
            await asyncio.sleep(5)
            assert len(spare.got) <= back + 5  # what its connections had in hand
        rests = [after - before for before, after in itertools.pairwise(tried)][6:]
        assert all(rest >= 4.9 for rest in rests), rests

    virtually(play)


def test_a_transport_that_swallows_mails_is_tried_with_one_at_a_time(stage: Any) -> None:
    campaign_id = add_campaign(stage.store, "fair", 600, transport="relay", now=NOW)

    async def play(clock: VirtualClock) -> None:
        relay, spare, *_ = ways(clock)
        relay.on_hand_over = lambda _: LOST
        worker = stage.worker(clock, Way(relay), Way(spare), routes=Routes(fallbacks={"relay": "spare"}))
        await worker.run(until_idle=True)
        assert len(relay.got) <= 2 + 4 + 3  # two are no outage yet; then one of each connection, and one in each try
        assert not set(relay.addresses) & set(spare.addresses)

    virtually(play)
    states = stage.states(campaign_id)
    assert states[MessageState.ACCEPTED] + states[MessageState.UNCERTAIN] == 600


def test_a_deferral_is_no_outage_and_ends_one(stage: Any) -> None:
    later = Outcome(Verdict.DEFERRED, At.RCPT, Blame.RECIPIENT, "450", "4.2.1", "busy")
    add_campaign(stage.store, "fair", 50, transport="relay", now=NOW)

    async def play(clock: VirtualClock) -> None:
        relay, spare, *_ = ways(clock)
        relay.on_prepare = Weather(clock, {"relay": [(0, 5)]}).on_prepare("relay")
        relay.on_hand_over = lambda _: later
        async with stage.running(clock, Way(relay), Way(spare), routes=NO_ROUTES):
            await asyncio.sleep(4)
            assert told(stage)["troubles"]
            await until(lambda: not told(stage)["troubles"], within=20)
            assert (len(relay.got), spare.got) == (0, [])

    virtually(play)


def test_proofs_take_the_campaigns_ways(stage: Any) -> None:
    campaign_id = add_campaign(
        stage.store, "fair", 4, transport="relay", domain="outlook.com", group="outlook.com", now=NOW,
        state=CampaignState.DRAFT,
    )  # fmt: skip
    with stage.store.write() as connection:
        connection.execute(update(tables.messages).values(wave=int(Wave.PROOF)))

    async def play(clock: VirtualClock) -> None:
        relay, spare, cloud, last = ways(clock, kinds={"cloud": "sendgrid"})
        cloud.on_prepare = lambda _: DOWN
        routes = Routes((Route("cloud", groups=("outlook.com",)),), {"cloud": "spare"})
        async with stage.running(clock, *map(Way, (relay, spare, cloud, last)), routes=routes):
            await until(lambda: len(spare.got) == 4, within=30)
        assert relay.got == cloud.got == last.got == []

    virtually(play)
    assert stage.campaign(campaign_id).state == CampaignState.DRAFT


@pytest.mark.parametrize(
    ("routes", "words"),
    [
        ((Route("cloud", groups=("outlook.com",)),), "Its mail to outlook.com goes through “cloud” (sendgrid)"),
        ((Route("cloud", senders=("example.org",)),), "Its mail to outlook.com goes through “cloud” (sendgrid)"),
        ((Route("gone", groups=("outlook.com",)),), "There is no transport “gone” in the settings."),
        ((Route("cloud", groups=("gmail.com",)),), ""),  # it has none of those
    ],
)
def test_a_route_to_what_the_mails_were_not_checked_for_pauses_before_a_mail_leaves(
    stage: Any, routes: tuple[Route, ...], words: str
) -> None:
    group = "outlook.com"
    campaign_id = add_campaign(stage.store, "fair", 20, transport="relay", domain=group, group=group, now=NOW)
    with stage.store.write() as connection:
        connection.execute(update(tables.campaigns).values(checked_for="maildir smtp", sender="ada@example.org"))

    async def play(clock: VirtualClock) -> None:
        relay, spare, cloud, last = ways(clock, kinds={"cloud": "sendgrid"})
        async with stage.running(clock, *map(Way, (relay, spare, cloud, last)), routes=Routes(routes)):
            await asyncio.sleep(5)
        assert (len(relay.got), len(cloud.got)) == (0 if words else 20, 0)

    virtually(play)
    assert words in stage.campaign(campaign_id).reason
    assert stage.campaign(campaign_id).state == (CampaignState.PAUSED if words else CampaignState.FINISHED)


def test_a_fallback_that_the_mails_were_not_checked_for_is_passed_over(stage: Any) -> None:
    campaign_id = add_campaign(stage.store, "fair", 20, transport="relay", now=NOW)
    with stage.store.write() as connection:
        connection.execute(update(tables.campaigns).values(checked_for="smtp"))

    async def play(clock: VirtualClock) -> None:
        relay, spare, cloud, _ = ways(clock, kinds={"spare": "sendgrid"})
        relay.on_prepare = lambda _: DOWN
        routes = Routes(fallbacks={"relay": "spare", "spare": "cloud"})
        await stage.worker(clock, Way(relay), Way(spare), Way(cloud), routes=routes).run(until_idle=True)
        assert (len(spare.got), len(cloud.got)) == (0, 20)

    virtually(play)
    assert stage.states(campaign_id) == {MessageState.ACCEPTED: 20}


def test_the_throttles_of_what_carries_a_mail_are_spent_and_those_of_the_campaign_once(stage: Any) -> None:
    add_campaign(stage.store, "fair", 60, transport="relay", throttles="2/s", now=NOW)

    async def play(clock: VirtualClock) -> None:
        relay, spare, *_ = ways(clock)
        relay.on_prepare = lambda _: DOWN
        each = [Way(relay, [Throttle.parse("100/h")]), Way(spare, [Throttle.parse("200/h")])]
        routes = Routes(fallbacks={"relay": "spare"})
        await stage.worker(clock, *each, routes=routes).run(until_idle=True)
        assert len(spare.got) == 60
        assert spare.got[-1][0] - spare.got[0][0] >= timedelta(seconds=29)

    virtually(play)
    used = Counter[str]()
    for row in stage.rows(tables.throttle_use):
        used[row.throttle] += row.used
    assert used["transport spare 200/h"] == 60
    assert used["transport relay 100/h"] == 0


async def lines_of(stage: Any, clock: VirtualClock, routes: Routes) -> tuple[Worker, dict[str, Dispatch]]:
    """A worker that has looked once and whose connections do nothing by themselves."""
    worker = stage.worker(clock, *map(Way, ways(clock)), routes=routes)
    worker._enrol()
    await worker.look()
    return worker, {dispatch.transport.name: dispatch for dispatch in worker._dispatches}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["take", "turn", "give back"]), st.sampled_from(NAMES[:2])), min_size=5, max_size=40
    )
)
def test_a_message_is_in_one_hand_however_its_way_changes(stage: Any, steps: list[tuple[str, str]]) -> None:
    stage.empty()
    add_campaign(stage.store, "fair", 12, transport="relay", now=NOW)

    async def play(clock: VirtualClock) -> None:
        worker, dispatches = await lines_of(stage, clock, Routes(fallbacks={"relay": "spare"}))
        hands: list[tuple[str, Turn]] = []
        for step, name in steps:
            line, health = dispatches[name].line, dispatches[name].aftermath.health
            if step == "take" and (turn := line.turn()):
                hands.append((name, turn))
            elif step == "give back" and (mine := [one for one in hands if one[0] == name]):
                line.give_back(mine[0][1])
                hands.remove(mine[0])
            elif step == "turn":  # it fails, or works again
                health.failing = not health.failing
                await worker.look()
            held = [candidate.id for _, turn in hands for candidate in turn.candidates]
            assert len(held) == len(set(held))

    virtually(play)


def test_a_try_takes_one_message_and_leaves_the_others_to_what_carries_them(stage: Any) -> None:
    add_campaign(stage.store, "fair", 12, transport="relay", now=NOW)

    async def play(clock: VirtualClock) -> None:
        worker, dispatches = await lines_of(stage, clock, Routes(fallbacks={"relay": "spare"}))
        dispatches["relay"].aftermath.health.failing = True
        await worker.look()
        assert dispatches["relay"].line.turn() is not None
        spare = dispatches["spare"].line
        assert sum(spare.turn() is not None for _ in range(20)) == 11

    virtually(play)
