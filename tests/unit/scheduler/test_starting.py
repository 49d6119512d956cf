"""Late mail, recipients' own clocks and windows that shut: the worker on virtual time, with real tables."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, update

from campaigns.clock import from_micros, to_micros
from campaigns.model.domain_group import Limits
from campaigns.model.own_time import StartOfEach
from campaigns.model.routes import Route, Routes
from campaigns.model.send_window import SendWindow, SendWindows
from campaigns.model.states import CampaignState, MessageState, Wave
from campaigns.store import lanes, tables, workers
from scheduler import dispatch
from scheduler.transports.contract import Blame, Outcome, Verdict
from scheduler.transports.contract import Stage as At
from scheduler.worker import Way
from tests.doubles.filled_store import add_campaign
from tests.doubles.scripted_transport import ACCEPTED, ScriptedTransport
from tests.doubles.virtual_time import START, VirtualClock, until, virtually

NOW = to_micros(START)  # Tuesday 1 December 2026, 08:00 UTC
HOUR = 3_600_000_000
FAR = {
    "Pacific/Auckland": -12,
    "Asia/Tokyo": -8,
    "Europe/Berlin": 0,
    "America/New_York": 6,
}  # hours from 09:00 in Berlin


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours go by here: a connection that says goodbye every ten seconds would make them long."""
    monkeypatch.setattr(dispatch, "_IDLE", 1e6)


def spread(stage: Any, campaign: int, zones: list[str], wall: datetime | None = None) -> None:
    """Let the campaign's messages stand in the zones' lanes, turn by turn; due when the clocks there show `wall`."""
    with stage.store.write() as connection:
        ids = connection.scalars(select(tables.messages.c.id).where(tables.messages.c.campaign_id == campaign)).all()
        for place, message_id in enumerate(ids):
            zone = zones[place % len(zones)]
            due = StartOfEach(wall=wall).instant(zone)
            values = {"lane": lanes.part(connection, 0, zone), "due_at": to_micros(due) if due else 0}
            connection.execute(update(tables.messages).where(tables.messages.c.id == message_id).values(values))


def leased(stage: Any, campaign: int) -> list[tuple[datetime, str]]:
    """When each message that left was leased, with its zone."""
    parts = {number: zone for number, (_, zone) in _parts(stage).items()}
    return sorted(
        (from_micros(row.leased_at), parts.get(lanes.plain(row.lane), ""))
        for row in stage.rows(tables.messages)
        if row.campaign_id == campaign and row.leased_at
    )


def _parts(stage: Any) -> dict[int, tuple[int, str]]:
    with stage.store.read() as connection:
        return lanes.parts(connection)


def seen(stage: Any, ago: int) -> None:
    """A worker was there until so many microseconds ago."""
    with stage.store.write() as connection:
        workers.start(connection, version="test", at=from_micros(NOW - ago))


def test_everybody_gets_it_at_nine_on_their_own_clock(stage: Any) -> None:
    nine = datetime.fromisoformat("2026-12-02T09:00")
    begins = StartOfEach(wall=nine).instant("Asia/Tokyo")
    campaign = add_campaign(stage.store, "nine", 12, now=NOW, starts_by="recipient", starts_wall=nine.isoformat())
    with stage.store.write() as connection:
        values = {"state": "scheduled", "starts_at": to_micros(begins)}
        connection.execute(update(tables.campaigns).values(values))
    spread(stage, campaign, ["Asia/Tokyo", "Asia/Kolkata", "Europe/Berlin"], nine)

    async def play(clock: VirtualClock) -> None:
        async with stage.running(clock, Way(ScriptedTransport(clock, connections=1)), step=110):
            await until(lambda: stage.campaign(campaign).state == CampaignState.FINISHED, within=90_000, every=300)

    virtually(play, start=begins - timedelta(minutes=1))
    for at, zone in leased(stage, campaign):
        local = at.astimezone(ZoneInfo(zone))
        assert local.replace(tzinfo=None) - nine < timedelta(seconds=2), zone
        assert local.replace(tzinfo=None) >= nine, zone
    assert len(leased(stage, campaign)) == 12


def test_a_window_on_the_recipients_clocks_holds_whole_lanes_and_retries_and_lets_proofs_pass(stage: Any) -> None:
    campaign = add_campaign(
        stage.store, "office", 8, now=NOW, windows="08:00-09:01 recipient", zone_by="zone", throttles="10/min"
    )
    spread(stage, campaign, ["Europe/Berlin", "Asia/Tokyo"])  # open for 40 seconds there, and shut since hours
    with stage.store.write() as connection:
        [first] = connection.execute(select(tables.messages).limit(1)).mappings()
        copy = {name: value for name, value in first.items() if name != "id"}
        connection.execute(insert(tables.messages).values({**copy, "wave": Wave.PROOF, "lane": 0}))
    tries = iter([Outcome(Verdict.DEFERRED, At.RCPT, Blame.RECIPIENT, code="450")])  # again in a minute

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, on_hand_over=lambda message: ACCEPTED)
        async with stage.running(clock, Way(transport), step=3):
            await until(lambda: len(transport.got) == 1)
            transport.on_hand_over = lambda message: next(tries, ACCEPTED)
            await until(lambda: len(transport.got) == 4, within=600)
            await asyncio.sleep(4)
            doing = stage.rows(tables.workers)[-1].doing
            assert '"for": "window"' in doing
            await asyncio.sleep(100)
            assert len(transport.got) == 4  # the others: in Tokyo, and one whose next try has come behind the window

    virtually(play, start=START + timedelta(seconds=20))
    told = [(at, zone) for at, zone in leased(stage, campaign) if zone]
    assert {zone for _, zone in told} == {"Europe/Berlin"}
    again = next(row for row in stage.rows(tables.messages) if row.attempts and row.state == MessageState.QUEUED)
    assert NOW + 60_000_000 <= again.due_at < NOW + 200_000_000


def test_no_lease_lies_outside_a_window_that_shuts_while_a_throttle_is_waited_for(stage: Any) -> None:
    campaign = add_campaign(stage.store, "short", 400, now=NOW, throttles="7/min", windows="07:00-08:02 UTC")
    workspace = SendWindows((SendWindow.parse("tue 00:00-24:00 UTC"),))

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, connections=3, delay=1.7)
        async with stage.running(clock, Way(transport, windows=workspace), step=5):
            await asyncio.sleep(200)

    virtually(play)
    at = [instant for instant, _ in leased(stage, campaign)]
    assert 12 <= len(at) <= 14
    assert max(at) < datetime(2026, 12, 1, 8, 2, tzinfo=UTC)
    assert stage.campaign(campaign).state == CampaignState.SENDING


@pytest.mark.parametrize(
    ("policy", "state", "counted", "first_at"),
    [
        ("", CampaignState.PAUSED, {MessageState.QUEUED: 6}, None),
        ("send", CampaignState.FINISHED, {MessageState.ACCEPTED: 6}, NOW),
        ("expire", CampaignState.FINISHED, {MessageState.EXPIRED: 6}, None),
        ("next-window", CampaignState.FINISHED, {MessageState.ACCEPTED: 6}, NOW + HOUR // 60),
    ],
)
def test_a_campaign_whose_start_was_missed_does_what_its_policy_says(
    stage: Any, policy: str, state: CampaignState, counted: dict[MessageState, int], first_at: int | None
) -> None:
    campaign = add_campaign(
        stage.store,
        "late",
        6,
        state=CampaignState.SCHEDULED,
        starts_at=NOW - 24 * HOUR + HOUR // 60,  # the same time of the next day comes in a minute
        now=NOW - 90 * HOUR,
        late=policy,
    )

    async def play(clock: VirtualClock) -> None:
        async with stage.running(clock, Way(ScriptedTransport(clock, connections=1)), step=10):
            await asyncio.sleep(80)

    virtually(play)
    assert stage.campaign(campaign).state == state
    assert stage.states(campaign) == counted
    if first_at is not None:
        assert abs(to_micros(leased(stage, campaign)[0][0]) - first_at) < 2_000_000


def test_mail_that_a_route_leads_through_a_shut_transport_is_not_late(stage: Any) -> None:
    """It could not have left while the worker was off; what goes through the campaign's own transport could."""
    campaign = add_campaign(
        stage.store, "fair", 4, transport="relay", state=CampaignState.SCHEDULED, starts_at=NOW - 3 * HOUR,
        now=NOW - 30 * HOUR, late="expire", domain="example.net", group="example.net", checked_for="scripted",
    )  # fmt: skip
    with stage.store.write() as connection:
        half = select(tables.messages.c.id).limit(2)
        connection.execute(update(tables.messages).where(tables.messages.c.id.in_(half)).values(lane=0))
    routes = Routes((Route("night", ("example.net",)),))
    noon = SendWindows((SendWindow.parse("12:00-13:00 UTC"),))

    async def play(clock: VirtualClock) -> None:
        relay, night = (ScriptedTransport(clock, name=name) for name in ("relay", "night"))
        limits = Limits(own_domains={"example.net": "example.net"})
        async with stage.running(clock, Way(relay), Way(night, windows=noon), limits=limits, routes=routes):
            await asyncio.sleep(5)

    virtually(play)
    assert stage.states(campaign) == {MessageState.EXPIRED: 2, MessageState.QUEUED: 2}


def test_only_zones_whose_hour_passed_while_no_worker_was_there_are_late(stage: Any) -> None:
    nine = datetime.fromisoformat(
        "2026-12-01T09:00"
    )  # 08:00 UTC in Berlin, that is now; nine in Tokyo was eight hours ago
    campaign = add_campaign(
        stage.store, "nine", 8, now=NOW - 30 * HOUR, starts_by="recipient", starts_wall=nine.isoformat(), late="expire"
    )
    spread(stage, campaign, list(FAR), nine)
    seen(stage, ago=10 * HOUR)  # it was there when it was nine in Auckland: what waits there waits for something else

    async def play(clock: VirtualClock) -> None:
        async with stage.running(clock, Way(ScriptedTransport(clock))):
            await asyncio.sleep(5)

    virtually(play)
    zones = {number: zone for number, (_, zone) in _parts(stage).items()}
    became = {zones[row.lane]: MessageState(row.state) for row in stage.rows(tables.messages)}
    assert became == {
        "Pacific/Auckland": MessageState.ACCEPTED,
        "Asia/Tokyo": MessageState.EXPIRED,
        "Europe/Berlin": MessageState.ACCEPTED,
        "America/New_York": MessageState.QUEUED,
    }


def test_a_machine_that_slept_asks_before_it_sends_what_was_due_meanwhile(stage: Any) -> None:
    campaign = add_campaign(
        stage.store, "nine", 4, now=NOW, starts_by="recipient", starts_wall="2026-12-01T09:00", starts_at=NOW
    )
    spread(stage, campaign, ["Europe/London"], datetime.fromisoformat("2026-12-01T09:00"))  # in an hour

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock)
        async with stage.running(clock, Way(transport)):
            await asyncio.sleep(30.3)
            clock.jump(5 * 3600)
            await asyncio.sleep(10)
            assert transport.got == []

    virtually(play)
    assert (stage.campaign(campaign).state, stage.campaign(campaign).reason) == (CampaignState.PAUSED, "late")
