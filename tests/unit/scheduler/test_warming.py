"""Warm-ups through the worker on virtual time: what leaves on which day, through windows, restarts and clocks."""

import asyncio
import itertools
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from structlog.testing import capture_logs

from campaigns.clock import from_micros, to_micros
from campaigns.model.domain_group import Limits
from campaigns.model.send_window import SendWindow, SendWindows
from campaigns.model.states import CampaignState, MessageState
from campaigns.model.warm_up import WarmUp
from campaigns.store import tables, warm_ups
from scheduler.transports.contract import Blame, Outcome, Verdict
from scheduler.transports.contract import Stage as At
from scheduler.worker import Way
from tests.doubles.filled_store import add_campaign
from tests.doubles.scripted_transport import ACCEPTED, ScriptedTransport
from tests.doubles.virtual_time import VirtualClock, until, virtually

BERLIN = ZoneInfo("Europe/Berlin")
GREY = Outcome(Verdict.DEFERRED, At.RCPT, Blame.RECIPIENT, code="450", enhanced="4.2.0", text="greylisted")
DAY = 86_400


def table(text: str) -> WarmUp:
    return WarmUp.parse(text).by_days_of("Europe/Berlin")


def by_day(transport: ScriptedTransport) -> dict[int, int]:
    """How many hand-overs began on which day of the month, by Berlin's clock."""
    return dict(Counter(at.astimezone(BERLIN).day for at, _ in transport.got))


async def each_morning(stage: Any, clock: VirtualClock, *ways: Way, days: int) -> None:
    """A worker that runs for seven minutes a day: whole days of its looks would take long."""
    for _ in range(days):
        began = clock.monotonic()
        async with stage.running(clock, *ways, step=30):
            await asyncio.sleep(420)
        await asyncio.sleep(began + DAY - clock.monotonic())


def told(stage: Any) -> dict[str, Any]:
    doing: dict[str, Any] = json.loads(stage.rows(tables.workers)[-1].doing)["campaigns"]["one"]
    return doing


def test_two_weeks_of_business_days_through_restarts_and_the_end_of_daylight_saving_time(stage: Any) -> None:
    """Of 575 mails each day's step leaves inside its window; Saturdays and Sundays are no steps."""
    start = datetime(2026, 10, 20, 7, 55, tzinfo=UTC)  # 09:55 in Berlin, 08:55 from Sunday on
    campaign = add_campaign(stage.store, "one", 575, transport="relay", now=to_micros(start))
    weekdays = SendWindows((SendWindow.parse("mon-fri 09:00-17:00 Europe/Berlin"),))
    steps = table("5/d, 10/d, 20/d, 40/d, 75/d, 100/d, 125/d, 150/d")

    async def play(clock: VirtualClock) -> None:
        relay = ScriptedTransport(clock, name="relay")
        await each_morning(stage, clock, Way(relay, windows=weekdays, warm_up=steps), days=11)
        assert stage.campaign(campaign).state == CampaignState.FINISHED
        assert by_day(relay) == {20: 5, 21: 10, 22: 20, 23: 40, 26: 75, 27: 100, 28: 125, 29: 150, 30: 50}
        assert all(9 <= at.astimezone(BERLIN).hour < 17 for at, _ in relay.got)

    with capture_logs() as logs:
        virtually(play, start=start)
    steps_told = [line for line in logs if line["event"] == "warm_up.step"]
    assert [(line["day"], line["limit"]) for line in steps_told] == [
        (n, f"{count} a day") for n, count in enumerate((5, 10, 20, 40, 75, 100, 125, 150), start=1)
    ]
    assert [line["whose"] for line in logs if line["event"] == "warm_up.over"] == ["transport relay"]


def test_what_a_campaign_waits_for_is_said_with_its_day_and_until_its_windows_open(stage: Any) -> None:
    start = datetime(2026, 12, 1, 9, tzinfo=UTC)
    add_campaign(stage.store, "one", 20, transport="relay", now=to_micros(start))
    morning = SendWindows((SendWindow.parse("08:00-20:00 Europe/Berlin"),))

    async def play(clock: VirtualClock) -> None:
        relay = ScriptedTransport(clock, name="relay")
        async with stage.running(clock, Way(relay, windows=morning, warm_up=table("5/d, 10/d, 20/d"))):
            await asyncio.sleep(60)
            waiting = told(stage)["waiting"]
            assert waiting["for"] == "relay, warm-up day 1 of 3: 5 a day"
            assert from_micros(waiting["until"]) == datetime(2026, 12, 2, 8, tzinfo=BERLIN)
        assert len(relay.got) == 5

    virtually(play, start=start)


def test_a_request_takes_what_is_left_of_a_day_and_hours_have_their_own_steps(stage: Any) -> None:
    start = datetime(2026, 12, 1, 21, 30, tzinfo=UTC)  # 22:30 in Berlin
    add_campaign(stage.store, "one", 100, transport="cloud", now=to_micros(start))

    async def play(clock: VirtualClock) -> None:
        cloud = ScriptedTransport(clock, name="cloud", batch=8)
        async with stage.running(clock, Way(cloud, warm_up=table("20/h, 28/h")), step=60):
            await until(lambda: len(cloud.got) >= 96, within=3 * 3600, every=10)
        hours = Counter(at.astimezone(BERLIN).hour for at, _ in cloud.got)
        assert hours == {22: 20, 23: 20, 0: 28, 1: 28}
        assert sorted(map(len, cloud.batches), reverse=True)[:2] == [8, 8]

    virtually(play, start=start)


def test_a_sender_warms_up_over_all_transports_and_not_in_rehearsals(stage: Any) -> None:
    start = datetime(2026, 12, 1, 22, 30, tzinfo=UTC)  # 23:30 in Berlin
    for name, transport in (("one", "relay"), ("two", "cloud")):
        add_campaign(stage.store, name, 30, transport=transport, now=to_micros(start))
    rehearsed = add_campaign(stage.store, "three", 30, transport="local", leaves=False, now=to_micros(start))
    limits = Limits(warm_ups={"ada@example.org": table("10/d, 20/d")})

    async def play(clock: VirtualClock) -> None:
        relay, cloud = (ScriptedTransport(clock, name=name) for name in ("relay", "cloud"))
        ways = [Way(relay), Way(cloud), Way(ScriptedTransport(clock, leaves=False))]
        async with stage.running(clock, *ways, limits=limits, step=30):
            await asyncio.sleep(60)
            assert len(relay.got) + len(cloud.got) == 10
            assert stage.campaign(rehearsed).state == CampaignState.FINISHED
            assert told(stage)["waiting"]["for"] == "ada@example.org, warm-up day 1 of 2: 10 a day"
            await asyncio.sleep(1_860)
            assert len(relay.got) + len(cloud.got) == 30

    virtually(play, start=start)


def test_a_day_of_deferrals_is_followed_by_the_step_before_and_told_in_the_log(stage: Any) -> None:
    start = datetime(2026, 12, 1, 9, tzinfo=UTC)
    campaign = add_campaign(stage.store, "one", 300, transport="relay", give_up_after=30 * DAY, now=to_micros(start))

    async def play(clock: VirtualClock) -> None:
        relay, mails = ScriptedTransport(clock, name="relay"), itertools.count()

        def answer(_: Any) -> Outcome:
            return GREY if clock.now().day == 2 and next(mails) % 10 == 0 else ACCEPTED

        relay.on_hand_over = answer
        await each_morning(stage, clock, Way(relay, warm_up=table("20/d, 40/d, 80/d, 160/d")), days=6)
        assert by_day(relay) == {1: 20, 2: 40 - 4, 3: 20, 4: 40, 5: 80, 6: 104}  # it keeps what it accepted
        assert stage.states(campaign) == {MessageState.ACCEPTED: 300}

    with capture_logs() as logs:
        virtually(play, start=start)
    (back,) = [line for line in logs if line["event"] == "warm_up.back"]
    assert (back["day"], back["tried"], back["deferred"], back["log_level"]) == (1, 40, 4, "warning")


def test_a_clock_that_is_set_grants_nothing_and_a_person_may_put_it_to_another_day(stage: Any) -> None:
    start = datetime(2026, 12, 1, 22, 30, tzinfo=UTC)  # 23:30 in Berlin
    add_campaign(stage.store, "one", 300, transport="relay", now=to_micros(start))

    async def play(clock: VirtualClock) -> None:
        relay = ScriptedTransport(clock, name="relay")
        way = Way(relay, warm_up=table("5/d, 10/d, 50/d"))
        async with stage.running(clock, way, step=10):
            await asyncio.sleep(60)
            for jump in (2 * 3600, 5 * DAY, -5 * DAY, -3600):
                clock.jump(jump)
                await asyncio.sleep(60)
                assert len(relay.got) == 5
            with stage.store.write() as connection:
                warm_ups.ask(connection, "transport relay", 1, clock.micros())
            await asyncio.sleep(20)
            assert len(relay.got) == 10
        async with stage.running(clock, way, step=10):
            await asyncio.sleep(60)
            assert len(relay.got) == 10
        await asyncio.sleep(DAY)
        async with stage.running(clock, way, step=10):
            await asyncio.sleep(60)
            assert len(relay.got) == 60
        (row,) = stage.rows(tables.warm_ups)
        assert (row.step, date.fromisoformat(row.day)) == (2, (clock.now() + timedelta(hours=1)).date())

    virtually(play, start=start)
