"""The forecast that is kept of a queued campaign, and what is told when it slips."""

from datetime import timedelta
from typing import Any

from campaigns.actions import calendar, promises, status
from campaigns.clock import from_micros, to_micros
from campaigns.model.states import CampaignState
from campaigns.store import planned, workers
from campaigns.store.engine import Store
from tests.doubles.filled_store import add_campaign
from tests.doubles.planned_campaign import add_over_zones, desk_for, settings_of
from tests.doubles.planned_campaign import planned as plan
from tests.doubles.standing_clock import StandingClock


def kept(store: Store, campaign: int) -> planned.Forecast:
    with store.read() as conn:
        found = planned.forecast(conn, campaign)
    assert found is not None
    return found


def test_a_slip_of_over_a_tenth_is_told_once_and_shown(store: Store, clock: StandingClock) -> None:
    settings = settings_of("20/min", "90/min")
    campaign = add_campaign(store, "spring", 600, transport="relay", now=clock.micros())
    promise = plan(store, settings, campaign, clock)
    assert promise.last is not None
    with store.write() as conn:
        promises.promise(conn, campaign, promise, at=clock.micros())
        workers.start(conn, version="test", at=clock.now())
    told: list[tuple[str, dict[str, Any]]] = []
    desk = desk_for(store, settings, clock)

    def tell(event: str, **about: Any) -> None:
        told.append((event, about))

    promises.revise(desk, tell)
    assert told == []
    assert status.status(desk, "spring").campaigns[0].as_json()["ends"] == promise.last.isoformat()
    clock.at += timedelta(minutes=2)
    promises.revise(desk, tell)  # nothing has left for two of thirty minutes: less than a tenth
    assert told == []
    clock.at += timedelta(minutes=4)
    for _ in range(2):
        promises.revise(desk, tell)
    [(event, about)] = told
    assert (event, about["campaign"], about["planned"]) == ("campaign.slips", "spring", promise.last.isoformat())
    assert about["ends"] == (promise.last + timedelta(minutes=6)).isoformat()
    with store.write() as conn:
        workers.start(conn, version="test", at=clock.now())
    shown = status.status(desk, "spring").campaigns[0].as_json()
    assert shown["forecast"] == {"planned": about["planned"], "ends": about["ends"], "slip": 0.2}
    now, clock.at = clock.at, from_micros(to_micros(promise.last + timedelta(minutes=7)))
    with store.write() as conn:
        workers.start(conn, version="test", at=clock.now())
    overtaken = status.status(desk, "spring").campaigns[0].as_json()  # as in an outage, or before a new plan
    assert (overtaken["ends"], overtaken["forecast"]) == (None, None)
    clock.at = now
    with store.write() as conn:
        planned.forget(conn, campaign)
    promises.revise(desk, tell)  # as after `resend`: measured from here on
    assert kept(store, campaign).promised_at == to_micros(promise.last + timedelta(minutes=6))
    assert len(told) == 1


def test_recent_hand_overs_say_how_fast_the_connections_are(store: Store, clock: StandingClock) -> None:
    settings = settings_of("100/s", "90/min")
    campaign = add_campaign(store, "spring", 600, transport="relay", now=clock.micros())
    before = plan(store, settings, campaign, clock)
    assert before.wires == {"relay": None}
    assert before.last is not None
    with store.write() as conn:
        conn.exec_driver_sql(
            "INSERT INTO workers (id, host, pid, machine_id, boot_id, version, started_at, beat_at, doing) VALUES (1, '', 1, '', '', '', 0, 0, '')"
        )
        conn.exec_driver_sql(
            f"INSERT INTO handovers (id, worker_id, transport, host, remote_id, code, text, at, rows) VALUES (1, 1, 'relay', '', '', '', '', {clock.micros()}, 100)"
        )
        conn.exec_driver_sql(
            f"UPDATE messages SET state = 3, handover_id = 1, leased_at = {clock.micros()} + id * 1000000, "
            f"settled_at = {clock.micros()} + id * 1000000 + 500000 WHERE id IN (SELECT id FROM messages LIMIT 100)"
        )
    after = plan(store, settings, campaign, clock)
    assert after.wires == {"relay": 8.0}  # four connections, half a second each
    assert [one.what for one in after.limits] == ["relay, 4 connections"]
    assert after.last is not None
    assert abs((after.last - clock.now()).total_seconds() - 500 / 8) < 1


def test_the_calendar_names_who_would_get_several_mails_on_a_day(store: Store, clock: StandingClock) -> None:
    settings = settings_of("20/s", "90/min")
    tomorrow = to_micros(clock.now() + timedelta(days=1))
    scheduled = {"transport": "relay", "now": clock.micros(), "state": CampaignState.SCHEDULED, "starts_at": tomorrow}
    spring = add_campaign(store, "spring", 30, **scheduled)  # type: ignore[arg-type]
    fair = add_campaign(store, "fair", 10, **scheduled)  # type: ignore[arg-type]
    add_campaign(store, "rehearsal", 5, leaves=False, now=clock.micros())
    with store.write() as conn:
        conn.exec_driver_sql(
            f"UPDATE messages SET address_id = address_id - {(fair - spring) * 1_000_000} WHERE campaign_id = {fair} AND recipient_id % 2 = 0"
        )
    told = calendar.calendar(desk_for(store, settings, clock), weeks=2).as_json()
    day = from_micros(tomorrow).date().isoformat()
    assert told["collisions"] == [{"day": day, "campaigns": ["spring", "fair"], "people": 5}]
    [today, then] = told["days"]
    assert [one["campaign"] for one in today["campaigns"]] == ["rehearsal"]
    assert [(one["campaign"], one["mails"]) for one in then["campaigns"]] == [("spring", 30), ("fair", 10)]


def test_a_window_that_is_shut_holds_and_lifting_it_would_gain(store: Store, clock: StandingClock) -> None:
    campaign = add_over_zones(store, "world", 100, clock=clock)
    found = plan(store, settings_of("20/min", "90/min"), campaign, clock)
    assert found.limits[0].what == "window"
    assert found.as_json()["never"] == 0
