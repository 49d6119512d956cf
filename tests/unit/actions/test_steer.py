from datetime import timedelta

import pytest
from sqlalchemy import func, select

from campaigns.actions import steer
from campaigns.actions.desk import Desk
from campaigns.clock import to_micros
from campaigns.errors import CampaignError, UsageError
from campaigns.model.states import CampaignState, LeftOut, MessageState
from campaigns.store import campaigns, tables
from campaigns.store.engine import Store
from tests.doubles.desks import desk_of, history_of, leave_out, put, states_of
from tests.doubles.filled_store import add_campaign
from tests.doubles.standing_clock import StandingClock

CLOCK = StandingClock()
TOMORROW = to_micros(CLOCK.now() + timedelta(days=1))
YESTERDAY = to_micros(CLOCK.now() - timedelta(days=1))


@pytest.fixture
def desk(store: Store) -> Desk:
    return desk_of(store, CLOCK)


def pause_as(store: Store, campaign_id: int, reason: str) -> None:
    with store.write() as conn:
        campaigns.update(conn, campaign_id, state="paused", reason=reason)


@pytest.mark.parametrize("state", [CampaignState.SCHEDULED, CampaignState.SENDING])
def test_pause_holds_a_campaign_and_names_a_person_as_the_reason(desk: Desk, state: CampaignState) -> None:
    add_campaign(desk.store, "spring", 1, state=state)
    told = steer.pause(desk, "spring").as_json()["campaign"]
    assert (told["state"], told["reason"]) == ("paused", "person")
    assert history_of(desk.store) == [("ada", "pause", "campaign")]


@pytest.mark.parametrize("state", [s for s in CampaignState if s not in ("scheduled", "sending", "recurring")])
def test_nothing_else_can_be_paused(desk: Desk, state: CampaignState) -> None:
    campaign_id = add_campaign(desk.store, "spring", 1, state=state)
    with pytest.raises(CampaignError, match=f"spring is {state}"):
        steer.pause(desk, "spring")
    with desk.store.read() as conn:
        assert campaigns.by_id(conn, campaign_id).state is state  # type: ignore[union-attr]
    assert history_of(desk.store) == []


def test_resume_before_the_start_waits_for_it(desk: Desk) -> None:
    pause_as(desk.store, add_campaign(desk.store, "spring", 1, starts_at=TOMORROW), "person")
    told = steer.resume(desk, "spring").as_json()["campaign"]
    assert (told["state"], told["reason"]) == ("scheduled", "")


@pytest.mark.parametrize("reason", ["late", "person", "errors: 550 5.7.1 no", "key: 535 wrong"])
def test_resume_after_the_start_sends_and_clears_the_reason(desk: Desk, reason: str) -> None:
    pause_as(desk.store, add_campaign(desk.store, "spring", 1, starts_at=YESTERDAY), reason)
    told = steer.resume(desk, "spring").as_json()["campaign"]
    assert (told["state"], told["reason"]) == ("sending", "")


def test_what_is_not_paused_cannot_be_resumed(desk: Desk) -> None:
    add_campaign(desk.store, "spring", 1)
    with pytest.raises(CampaignError, match="it cannot be resumed"):
        steer.resume(desk, "spring")


@pytest.mark.parametrize("state", [CampaignState.SCHEDULED, CampaignState.PAUSED])
def test_reopen_takes_everything_back_and_makes_a_draft(desk: Desk, state: CampaignState) -> None:
    campaign_id = add_campaign(desk.store, "spring", 7, state=state)
    leave_out(desk.store, campaign_id, 3, LeftOut.REJECTED, "no @")
    told = steer.reopen(desk, "spring").as_json()["campaign"]
    assert told["state"] == "draft"
    with desk.store.read() as conn:
        for table in (tables.messages, tables.left_out, tables.shapes):
            assert conn.scalar(select(func.count()).select_from(table)) == 0
        campaign = campaigns.by_id(conn, campaign_id)
        assert campaign is not None
        assert (campaign.checking, campaign.prepared, campaign.queued_at) == ("", "", None)
    assert history_of(desk.store) == [("ada", "reopen", "campaign")]


@pytest.mark.parametrize(
    "state", [MessageState.LEASED, MessageState.ACCEPTED, MessageState.REJECTED, MessageState.UNCERTAIN]
)
def test_reopen_is_refused_once_a_message_was_leased(desk: Desk, state: MessageState) -> None:
    campaign_id = add_campaign(desk.store, "spring", 3, state=CampaignState.PAUSED)
    put(desk.store, campaign_id, [MessageState.QUEUED, state], CLOCK)
    with pytest.raises(CampaignError, match="has left already"):
        steer.reopen(desk, "spring")
    assert states_of(desk.store, campaign_id) == [MessageState.QUEUED, state, MessageState.QUEUED]


def test_reopen_is_refused_when_a_queued_message_was_tried_before(desk: Desk) -> None:
    campaign_id = add_campaign(desk.store, "spring", 2, state=CampaignState.PAUSED)
    put(desk.store, campaign_id, [MessageState.QUEUED], CLOCK, words="try later")
    with pytest.raises(CampaignError, match="has left already"):
        steer.reopen(desk, "spring")


def test_a_suppressed_message_is_no_reason_against_reopening(desk: Desk) -> None:
    campaign_id = add_campaign(desk.store, "spring", 2, state=CampaignState.SCHEDULED)
    put(desk.store, campaign_id, [MessageState.SUPPRESSED], CLOCK)
    assert steer.reopen(desk, "spring").campaign.state is CampaignState.DRAFT


def test_cancel_settles_what_is_queued_and_leaves_the_rest(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steer, "_AT_ONCE", 2)
    campaign_id = add_campaign(desk.store, "spring", 7)
    put(desk.store, campaign_id, [MessageState.ACCEPTED, MessageState.LEASED], CLOCK)
    assert steer.cancel(desk, "spring").campaign.state is CampaignState.CANCELLED
    assert states_of(desk.store, campaign_id) == [
        MessageState.ACCEPTED,
        MessageState.LEASED,
        *[MessageState.CANCELLED] * 5,
    ]


@pytest.mark.parametrize("state", [CampaignState.FINISHED, CampaignState.CANCELLED])
def test_what_is_over_cannot_be_cancelled(desk: Desk, state: CampaignState) -> None:
    add_campaign(desk.store, "spring", 1, state=state)
    with pytest.raises(CampaignError, match="it cannot be cancelled"):
        steer.cancel(desk, "spring")


def test_an_unknown_campaign_is_answered_with_the_nearest_name(desk: Desk) -> None:
    add_campaign(desk.store, "spring news", 1)
    with pytest.raises(UsageError, match="There is no campaign 'sprng news'") as refused:
        steer.pause(desk, "sprng news")
    assert refused.value.remedy == "Did you mean spring news?"


def test_the_answer_is_the_contracts_document(desk: Desk) -> None:
    add_campaign(desk.store, "spring", 1, starts_at=TOMORROW, throttles="20/s\n100/h")
    assert steer.pause(desk, "spring").as_json() == {
        "campaign": {
            "name": "spring",
            "state": "paused",
            "reason": "person",
            "list": "people",
            "sheet": 1,
            "template": "t.md",
            "version": 1,
            "transport": "local",
            "leaves": True,
            "starts": {"at": "2026-11-25T10:00:00+00:00", "wall": "", "zone": "UTC"},
            "throttles": ["20/s", "100/h"],
            "hold": "",
            "windows": [],
            "holidays": "",
            "times": None,
            "late": "ask",
            "pause_above": "",
            "canary": None,
            "audience": None,
            "series": None,
        }
    }
