"""What `plan` says before the start is what the worker does, on a virtual clock and through a fast sink."""

from datetime import UTC, datetime

import pytest
import structlog

from campaigns.clock import to_micros
from campaigns.model.states import CampaignState
from campaigns.store.engine import Store
from campaigns.store.planned import forecast
from scheduler.forecasts import Forecasts
from tests.doubles.filled_store import add_campaign
from tests.doubles.planned_campaign import add_over_zones, desk_for, left, planned, settings_of, way_of
from tests.doubles.scripted_transport import ScriptedTransport
from tests.doubles.standing_clock import StandingClock
from tests.doubles.virtual_time import VirtualClock, until, virtually
from tests.unit.scheduler.conftest import Stage

FRIDAY = datetime(2026, 12, 4, 6, tzinfo=UTC)
DAY = 86_400.0
pytestmark = pytest.mark.usefixtures("days_go_by")


def test_a_campaign_over_five_zones_ends_when_its_plan_said(stage: Stage, store: Store) -> None:
    settings = settings_of("12/min", "27/h", "190/d, 400/d UTC")

    async def play(clock: VirtualClock) -> None:
        campaign = add_over_zones(store, "world", 240, clock=clock)
        other = add_campaign(store, "other", 60, transport="relay", now=clock.micros(), throttles="90/min")
        plan, beside = planned(store, settings, campaign, clock), planned(store, settings, other, clock)
        began = clock.micros()
        relay = ScriptedTransport(clock, "relay", connections=2, delay=0.001)
        async with stage.running(clock, way_of(settings, relay), limits=settings.all_limits, step=120.0):
            await until(lambda: stage.campaign(campaign).state == CampaignState.FINISHED, within=4 * DAY, every=600.0)
        for one, of in ((plan, campaign), (beside, other)):
            mails, first, last = left(store, of)
            assert one.first is not None
            assert one.last is not None
            assert mails == one.course.mails
            assert abs(to_micros(one.first) - first) <= 1_000_000
            assert abs(to_micros(one.last) - last) <= 0.01 * (last - began)

    virtually(play, start=FRIDAY)


def test_a_slow_group_keeps_no_single_connection_from_the_others(stage: Stage, store: Store) -> None:
    settings = settings_of("5/s", "40/min")

    async def play(clock: VirtualClock) -> None:
        add_campaign(store, "slow", 100, transport="relay", now=clock.micros(), domain="gmail.com", group="gmail.com")
        other = add_campaign(store, "other", 300, transport="relay", now=clock.micros())
        plan = planned(store, settings, other, clock)
        began = clock.micros()
        relay = ScriptedTransport(clock, "relay", connections=1, delay=0.001)
        async with stage.running(clock, way_of(settings, relay), limits=settings.all_limits, step=10.0):
            await until(lambda: stage.campaign(other).state == CampaignState.FINISHED, every=10.0)
        assert plan.last is not None
        last = left(store, other)[2]
        assert abs(to_micros(plan.last) - last) <= 0.01 * (last - began)

    virtually(play, start=FRIDAY)


async def test_the_worker_s_process_keeps_forecasts_and_logs_what_slips(store: Store) -> None:
    clock = StandingClock()
    campaign = add_campaign(store, "spring", 60, transport="relay", now=clock.micros())
    forecasts = Forecasts(desk_for(store, settings_of("2/min", "5/min"), clock))
    with structlog.testing.capture_logs() as logs:
        await forecasts.look()
        clock.move(minutes=10)
        await forecasts.look()
    assert [(line["event"], line["campaign"], line["log_level"]) for line in logs] == [
        ("campaign.slips", "spring", "warning")
    ]
    with store.read() as conn:
        kept = forecast(conn, campaign)
    assert kept is not None
    assert kept.made_at == clock.micros()
