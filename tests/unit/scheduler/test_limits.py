"""Limits that several campaigns share, paces that fall, canaries and automatic pauses: the worker on virtual time."""

import asyncio
import bisect
import itertools
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from campaigns.clock import to_micros
from campaigns.model.domain_group import Limits, own_domains
from campaigns.model.states import CampaignState, MessageState, Wave
from campaigns.model.throttle import Throttle
from campaigns.store import lanes, tables
from campaigns.store.campaigns import change_state
from scheduler.transports.contract import Blame, Outcome, Verdict
from scheduler.transports.contract import Stage as At
from scheduler.worker import Way
from tests.doubles.filled_store import add_campaign
from tests.doubles.scripted_transport import ACCEPTED, ScriptedTransport
from tests.doubles.virtual_time import START, VirtualClock, until, virtually

NOW = to_micros(START)
SECOND = 1_000_000
GMAIL = Limits(groups={"gmail.com": (Throttle.parse("20/min"),)})
BUSY = Outcome(Verdict.DEFERRED, At.RCPT, Blame.RECIPIENT, code="450", enhanced="4.7.1", text="too many messages")
NOBODY = Outcome(Verdict.REJECTED, At.RCPT, Blame.RECIPIENT, code="550", enhanced="5.1.1", text="no such user")


def begun(transport: ScriptedTransport, domain: str = "") -> list[int]:
    return sorted(to_micros(at) for at, message in transport.got if message.to.endswith(domain))


def fullest(instants: Iterable[int], unit: int) -> int:
    """How many the fullest half-open stretch of a unit holds."""
    found = sorted(instants)
    return max((bisect.bisect_left(found, at + unit) - place for place, at in enumerate(found)), default=0)


def told(stage: Any) -> Any:
    return json.loads(stage.rows(tables.workers)[-1].doing)


def test_campaigns_share_a_groups_limit_and_other_mail_goes_on(stage: Any) -> None:
    add_campaign(stage.store, "one", 25, domain="gmail.com", group="gmail.com", now=NOW)
    add_campaign(stage.store, "two", 25, domain="googlemail.com", group="gmail.com", now=NOW)
    others = add_campaign(stage.store, "three", 400, domain="example.com", now=NOW)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock)
        async with stage.running(clock, Way(transport), limits=GMAIL):
            await until(lambda: stage.campaign(others).state == CampaignState.FINISHED, within=20)
            await asyncio.sleep(60)
            doing = told(stage)["campaigns"]["one"]
            assert doing["waiting"]["for"] == "gmail.com, 20/min"
            assert clock.micros() < doing["waiting"]["until"] < clock.micros() + 10 * SECOND
            await until(lambda: len(transport.got) == 450, within=200, every=0.5)
        google = begun(transport, "gmail.com") + begun(transport, "googlemail.com")
        assert fullest(google, 60 * SECOND) == 20
        assert max(google) - min(google) <= 49 * 3 * SECOND * 1.01
        assert max(b - a for a, b in itertools.pairwise(sorted(google))) <= 3.3 * SECOND

    virtually(play)


def test_a_slow_group_nearly_reaches_its_rate_beside_mail_that_keeps_all_connections_busy(stage: Any) -> None:
    add_campaign(stage.store, "one", 41, domain="gmail.com", group="gmail.com", now=NOW)
    add_campaign(stage.store, "two", 1_500, now=NOW)
    delays = itertools.cycle([0.37, 0.41, 0.53, 0.46, 0.59, 0.5, 0.61])

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, connections=8)

        def answer(_: Any) -> Outcome:
            transport.delay = next(delays)
            return ACCEPTED

        transport.on_hand_over = answer
        async with stage.running(clock, Way(transport), limits=GMAIL):
            await until(lambda: len(begun(transport, "gmail.com")) == 41, within=240, every=0.5)
        google = begun(transport, "gmail.com")
        assert fullest(google, 60 * SECOND) <= 20
        assert google[-1] - google[0] <= 40 * 3 * SECOND * 1.03  # within 1 % where connections are enough
        others = [at for at in begun(transport, "example.com") if at < google[-1]]
        assert len(others) / ((google[-1] - NOW) / SECOND) > 6.5  # of the 8 a second that 8 connections make alone

    virtually(play)


def test_a_senders_limit_holds_over_all_transports_and_not_for_rehearsals(stage: Any) -> None:
    limits = Limits(senders={"ada@example.org": (Throttle.parse("30/min burst 30"),)})
    add_campaign(stage.store, "one", 40, transport="relay", now=NOW)
    add_campaign(stage.store, "two", 40, transport="cloud", now=NOW)
    rehearsed = add_campaign(stage.store, "three", 40, transport="local", leaves=False, now=NOW)

    async def play(clock: VirtualClock) -> None:
        relay, cloud = (ScriptedTransport(clock, name=name) for name in ("relay", "cloud"))
        ways = [Way(relay), Way(cloud), Way(ScriptedTransport(clock, leaves=False))]
        async with stage.running(clock, *ways, limits=limits):
            await asyncio.sleep(20)
            assert len(relay.got) + len(cloud.got) == 30
            assert stage.campaign(rehearsed).state == CampaignState.FINISHED
            await until(lambda: len(relay.got) + len(cloud.got) == 80, within=200)
        assert fullest(begun(relay) + begun(cloud), 60 * SECOND) == 30

    virtually(play)


def test_a_proof_to_a_group_counts_against_its_limit(stage: Any) -> None:
    campaign = add_campaign(stage.store, "one", 25, domain="gmail.com", group="gmail.com", now=NOW)
    with stage.store.write() as conn:
        some = tables.messages.c.id.in_([21, 22, 23, 24, 25])
        conn.execute(update(tables.messages).where(some).values(wave=int(Wave.PROOF)))

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, connections=1)
        async with stage.running(clock, Way(transport), limits=GMAIL):
            await until(lambda: stage.campaign(campaign).state == CampaignState.FINISHED, within=100, every=0.5)
        assert len(transport.got) == 25
        assert [message.id for _, message in transport.got[:5]] == [21, 22, 23, 24, 25]
        assert fullest(begun(transport), 60 * SECOND) == 20

    virtually(play)


def test_a_limit_that_is_set_later_holds_for_what_is_queued_already(stage: Any) -> None:
    campaign = add_campaign(stage.store, "one", 30, domain="school.example", now=NOW)
    limits = Limits(groups={"school.example": (Throttle.parse("5/h"),)}, own_domains=own_domains("school.example", []))

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock)
        async with stage.running(clock, Way(transport), limits=limits):
            await asyncio.sleep(60)
        assert len(transport.got) == 5
        async with stage.running(clock, Way(transport)):  # and one that is gone lets go
            await until(lambda: stage.campaign(campaign).state == CampaignState.FINISHED, within=20)

    virtually(play)
    with stage.store.read() as conn:
        assert lanes.names(conn) == {1: "school.example"}
        assert set(conn.scalars(select(tables.domains.c.lane))) == {0}


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    restarts=st.lists(st.floats(0.5, 15), min_size=3, max_size=3),
    jumps=st.lists(st.sampled_from([-3600.0, -2.0, 0.0, 2.0, 3600.0]), min_size=4, max_size=4),
    texts=st.lists(
        st.sampled_from(["3/s", "5/s burst 3", "40/min", "90/min burst 20", "100/h"]), min_size=3, max_size=3
    ),
    batch=st.sampled_from([1, 7]),
)
def test_no_window_of_any_limit_is_exceeded_over_restarts_and_clock_jumps(
    stage: Any, restarts: list[float], jumps: list[float], texts: list[str], batch: int
) -> None:
    stage.empty()
    own, group, campaign = map(Throttle.parse, texts)
    limits = Limits(groups={"gmail.com": (group,)})
    add_campaign(stage.store, "one", 60, domain="gmail.com", group="gmail.com", throttles=str(campaign), now=NOW)
    add_campaign(stage.store, "two", 60, domain="googlemail.com", group="gmail.com", now=NOW)
    sent: list[tuple[float, int, str]] = []  # monotonic time: what a window is, whatever the clock on the wall says

    async def play(clock: VirtualClock) -> None:
        for runs, jump in zip([*restarts, 12.0], jumps, strict=True):
            transport = ScriptedTransport(clock, connections=6, batch=batch)
            transport.on_hand_over = lambda m: sent.append((clock.monotonic(), m.sender.campaign_id, m.to)) or ACCEPTED
            async with stage.running(clock, Way(transport, [own]), limits=limits):
                await asyncio.sleep(runs / 2)
                clock.jump(jump)
                await asyncio.sleep(runs / 2 + 3)  # the worker writes down within two seconds that the clock was set

    virtually(play)
    assert sent
    everything = [round(at * SECOND) for at, _, _ in sent]
    first = min(campaign_id for _, campaign_id, _ in sent)
    for throttle, instants in (
        (own, everything),
        (group, everything),
        (campaign, [round(at * SECOND) for at, campaign_id, _ in sent if campaign_id == first]),
    ):
        assert fullest(instants, throttle.micros) <= throttle.count, str(throttle)


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.5])
def test_a_set_rate_is_reached_within_a_percent_over_three_restarts(stage: Any, delay: float) -> None:
    """Seconds in which a worker stops and starts aside: while one runs, it goes at the rate that was set."""
    add_campaign(stage.store, "fair", 640, throttles="20/s", now=NOW)
    whole: list[int] = []

    async def play(clock: VirtualClock) -> None:
        for _ in range(4):
            transport = ScriptedTransport(clock, connections=4 + round(delay * 50), delay=delay)
            async with stage.running(clock, Way(transport)):
                await asyncio.sleep(7)
            ran = begun(transport)
            whole.extend(ran)
            assert len(ran) - 1 >= (ran[-1] - ran[0]) / SECOND * 20 * 0.99

    virtually(play)
    assert fullest(whole, SECOND) <= 20


def test_ten_mails_leave_within_seconds_beside_many_thousands_in_many_groups(stage: Any) -> None:
    for number in range(12):
        domain = f"d{number}.example"
        add_campaign(stage.store, f"part {number}", 300, domain=domain, group=domain, now=NOW)
    with stage.store.write() as conn:  # one campaign in twelve lanes
        conn.execute(update(tables.messages).values(campaign_id=1))
        shape = select(tables.messages.c.shape_id).where(tables.messages.c.id == 1).scalar_subquery()
        conn.execute(update(tables.messages).values(shape_id=shape))
    small = add_campaign(stage.store, "small", 10, now=NOW + 1)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock)
        async with stage.running(clock, Way(transport, [Throttle.parse("10/s")])):
            await until(lambda: stage.campaign(small).state == CampaignState.FINISHED, within=6)
        large = Counter(m.to.partition("@")[2] for _, m in transport.got if m.sender.campaign_id == 1)
        assert max(large.values()) - min(large.values()) <= 1  # its lanes took turns

    virtually(play)


def test_a_group_that_complains_goes_slower_and_recovers_while_others_go_on(stage: Any) -> None:
    add_campaign(stage.store, "one", 300, domain="gmail.com", group="gmail.com", throttles="4/s", now=NOW)
    add_campaign(stage.store, "two", 400, throttles="4/s", now=NOW)
    complaining = range(NOW + 20 * SECOND, NOW + 25 * SECOND)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock)

        def answer(message: Any) -> Outcome:
            google = message.to.endswith("gmail.com")
            return BUSY if google and clock.micros() in complaining else ACCEPTED

        transport.on_hand_over = answer
        async with stage.running(clock, Way(transport)):
            await asyncio.sleep(30)
            (slowed,) = told(stage)["slowed"]
            assert slowed["whose"] == "gmail.com through local"
            assert slowed["rate"] == pytest.approx(2.0, rel=0.1)
            before = Counter(m.to.partition("@")[2] for _, m in transport.got)
            await asyncio.sleep(40)
            after = Counter(m.to.partition("@")[2] for _, m in transport.got) - before
            assert 75 <= after["gmail.com"] <= 95  # two a second, and rising
            assert 158 <= after["example.com"] <= 161
        async with stage.running(clock, Way(transport)):  # a restart forgets nothing
            await asyncio.sleep(5)
            assert [one["whose"] for one in told(stage)["slowed"]] == ["gmail.com through local"]
            before = told(stage)["slowed"][0]["rate"]
            await asyncio.sleep(30)
            assert told(stage)["slowed"][0]["rate"] > before > 2.0  # of 4.0, where it is at full speed

    virtually(play)


def test_a_time_to_wait_holds_the_whole_transport_and_burns_one_attempt(stage: Any) -> None:
    add_campaign(stage.store, "one", 200, now=NOW)
    wait = Outcome(Verdict.DEFERRED, At.BODY, code="429", text="too many requests", retry_after=90.0)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, connections=2)
        transport.on_hand_over = lambda m: wait if len(transport.got) == 20 and clock.monotonic() < 80 else ACCEPTED
        async with stage.running(clock, Way(transport)):
            await asyncio.sleep(60)
            assert len(transport.got) == 20
            doing = told(stage)
            assert doing["campaigns"]["one"]["waiting"]["for"] == "local, which asks to go slower"
            assert doing["slowed"][0]["held_until"] > clock.micros()
            await until(lambda: len(transport.got) == 200, within=300, every=0.5)
        held = [at - START for at, _ in transport.got][20].total_seconds()
        assert 90 <= held < 95

    virtually(play)
    assert len(stage.rows(tables.attempts)) <= 4


def test_a_campaign_is_paused_when_too_many_of_its_last_mails_end_badly(stage: Any) -> None:
    bad = add_campaign(stage.store, "bad", 400, pause_above="10% of 100", now=NOW)
    fine = add_campaign(stage.store, "fine", 400, now=NOW)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, on_hand_over=lambda m: NOBODY if m.id % 5 == 0 else ACCEPTED)
        await stage.worker(clock, Way(transport)).run(until_idle=True)

    virtually(play)
    row = stage.campaign(bad)
    assert row.state == CampaignState.PAUSED
    assert row.reason.startswith("errors: Of its last 5")
    assert "11 were rejected or deferred; it pauses above 10% of 100. The last answer: 550 5.1.1 no such" in row.reason
    assert stage.states(bad)[MessageState.REJECTED] <= 11 + 3  # what was on its way with it
    assert stage.states(fine)[MessageState.REJECTED] == 80


def test_a_resumed_campaign_is_judged_anew(stage: Any) -> None:
    campaign = add_campaign(stage.store, "bad", 60, pause_above="10% of 100", now=NOW)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, on_hand_over=lambda m: NOBODY if m.id <= 20 else ACCEPTED)
        async with stage.running(clock, Way(transport)):
            await until(lambda: stage.campaign(campaign).state == CampaignState.PAUSED, within=10)
            with stage.store.write() as conn:
                change_state(conn, campaign, CampaignState.SENDING, allowed={CampaignState.PAUSED})
            await until(lambda: stage.campaign(campaign).state == CampaignState.FINISHED, within=20)

    virtually(play)


def test_a_canary_leaves_alone_and_the_others_follow_after_the_hold(stage: Any) -> None:
    campaign = add_campaign(stage.store, "fair", 500, canary=20, hold=600, now=NOW)
    answers = iter([BUSY._replace(enhanced="4.2.0")])

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, on_hand_over=lambda m: next(answers, ACCEPTED))
        async with stage.running(clock, Way(transport)):
            await until(lambda: stage.campaign(campaign).holds_until is not None, within=10)
            await asyncio.sleep(300)
            assert {message.id for _, message in transport.got} == set(range(1, 21))  # and the deferred one again
            assert stage.campaign(campaign).state == CampaignState.SENDING
            await until(lambda: stage.campaign(campaign).state == CampaignState.FINISHED, within=400, every=1)
        rest = [at for at, message in transport.got if message.id > 20]
        assert len(rest) == 480
        assert 600 <= (min(rest) - START).total_seconds() < 605

    virtually(play)


def test_until_idle_waits_for_a_short_hold_and_leaves_a_long_one(stage: Any) -> None:
    short = add_campaign(stage.store, "short", 50, canary=5, hold=300, now=NOW)
    long = add_campaign(stage.store, "long", 50, canary=5, hold=7200, now=NOW)

    async def play(clock: VirtualClock) -> None:
        await stage.worker(clock, Way(ScriptedTransport(clock))).run(until_idle=True)
        assert clock.monotonic() < 400

    virtually(play)
    assert stage.campaign(short).state == CampaignState.FINISHED
    assert stage.states(long) == {MessageState.ACCEPTED: 5, MessageState.QUEUED: 45}


def test_a_canary_that_fares_badly_pauses_the_campaign_although_it_is_small(stage: Any) -> None:
    campaign = add_campaign(stage.store, "bad", 500, canary=20, hold=60, pause_above="10%", now=NOW)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, on_hand_over=lambda m: NOBODY if m.id <= 3 else ACCEPTED)
        async with stage.running(clock, Way(transport)):
            await asyncio.sleep(200)
        assert len(transport.got) == 17

    virtually(play)
    assert stage.campaign(campaign).state == CampaignState.PAUSED
    assert "Of its last 20 mails 3 were rejected or deferred" in stage.campaign(campaign).reason


def test_status_is_told_when_connections_are_the_limit(stage: Any) -> None:
    add_campaign(stage.store, "fair", 400, throttles="50/s", now=NOW)
    add_campaign(stage.store, "slow", 400, throttles="1/s", transport="relay", now=NOW)

    async def play(clock: VirtualClock) -> None:
        narrow = ScriptedTransport(clock, connections=2, delay=0.5)
        wide = ScriptedTransport(clock, name="relay", connections=8, delay=0.5)
        async with stage.running(clock, Way(narrow), Way(wide)):
            await asyncio.sleep(30)
            doing = told(stage)["campaigns"]
            assert doing["fair"]["connections"] == 2
            assert doing["fair"]["rate"] == pytest.approx(2, abs=0.7)
            assert doing["slow"]["connections"] is None

    virtually(play)
