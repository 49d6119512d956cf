import pytest
from sqlalchemy import select

from campaigns.actions import resend, uncertain
from campaigns.actions.desk import Desk
from campaigns.errors import CampaignError, UsageError
from campaigns.model.states import CampaignState, MessageState
from campaigns.store import campaigns, outbox, tables
from campaigns.store.engine import Store
from tests.doubles.desks import desk_of, history_of, message_ids, put, states_of
from tests.doubles.filled_store import add_campaign
from tests.doubles.standing_clock import StandingClock

ACCEPTED, REJECTED, EXPIRED, UNCERTAIN, QUEUED = (
    MessageState.ACCEPTED,
    MessageState.REJECTED,
    MessageState.EXPIRED,
    MessageState.UNCERTAIN,
    MessageState.QUEUED,
)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def desk(store: Store, clock: StandingClock) -> Desk:
    return desk_of(store, clock)


def state_of(store: Store, name: str) -> CampaignState:
    with store.read() as conn:
        found = campaigns.find(conn, name)
        assert found is not None
        return found.state


def test_resend_queues_what_was_rejected_or_expired_and_nothing_else(desk: Desk, clock: StandingClock) -> None:
    campaign_id = add_campaign(desk.store, "spring", 4, state=CampaignState.FINISHED)
    put(desk.store, campaign_id, [ACCEPTED, REJECTED, EXPIRED, UNCERTAIN], clock)
    told = resend.resend_failed(desk, "spring").as_json()
    assert states_of(desk.store, campaign_id) == [ACCEPTED, QUEUED, QUEUED, UNCERTAIN]
    assert (told["state"], told["queued"], told["worker_running"]) == ("sending", 2, False)
    assert set(told) == {
        "campaign", "state", "starts", "transport", "leaves", "queued", "left_out", "worker_running",
    }  # fmt: skip
    assert history_of(desk.store) == [("ada", "resend", "campaign")]


def test_resend_goes_on_past_one_batch(desk: Desk, clock: StandingClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resend, "_AT_ONCE", 2)
    campaign_id = add_campaign(desk.store, "spring", 5, state=CampaignState.FINISHED)
    put(desk.store, campaign_id, [REJECTED] * 5, clock)
    assert resend.resend_failed(desk, "spring").queued == 5
    assert states_of(desk.store, campaign_id) == [QUEUED] * 5


def test_what_is_sent_again_starts_anew_and_its_old_tries_are_kept(desk: Desk, clock: StandingClock) -> None:
    campaign_id = add_campaign(desk.store, "spring", 1, state=CampaignState.FINISHED)
    (message,) = put(desk.store, campaign_id, [REJECTED], clock, words="no such user")
    clock.move(days=3)
    resend.resend_failed(desk, "spring")
    with desk.store.write() as conn:
        assert conn.scalar(select(tables.messages.c.attempts)) == 0
        assert outbox.first_tries(conn, [message]) == {}  # give_up_after counts from the next try
        assert conn.execute(select(tables.attempts.c.n, tables.attempts.c.text)).all() == [(0, "no such user")]
        conn.execute(
            tables.attempts.insert().values(message_id=message, n=1, at=5, outcome="rejected", code="550", text="still")
        )
        conn.execute(tables.messages.update().values(state=REJECTED, attempts=1, settled_at=5))
    resend.resend_failed(desk, "spring")
    with desk.store.read() as conn:
        tries = conn.execute(select(tables.attempts.c.n, tables.attempts.c.text).order_by(tables.attempts.c.n)).all()
        assert tries == [(-1, "no such user"), (0, "still")]


def test_resend_without_anything_failed_is_refused(desk: Desk, clock: StandingClock) -> None:
    add_campaign(desk.store, "spring", 1, state=CampaignState.FINISHED)
    with pytest.raises(CampaignError, match="Nothing of spring was rejected or expired"):
        resend.resend_failed(desk, "spring")
    assert state_of(desk.store, "spring") is CampaignState.FINISHED


def test_a_paused_campaign_stays_paused_when_its_failures_are_queued(desk: Desk, clock: StandingClock) -> None:
    campaign_id = add_campaign(desk.store, "spring", 1, state=CampaignState.PAUSED)
    put(desk.store, campaign_id, [REJECTED], clock)
    assert resend.resend_failed(desk, "spring").as_json()["state"] == "paused"


@pytest.mark.parametrize("state", [CampaignState.CANCELLED, CampaignState.DRAFT, CampaignState.SCHEDULED])
def test_a_campaign_that_is_cancelled_or_not_begun_resends_nothing(
    desk: Desk, clock: StandingClock, state: CampaignState
) -> None:
    put(desk.store, add_campaign(desk.store, "spring", 1, state=state), [REJECTED], clock)
    with pytest.raises(CampaignError, match=f"spring is {state}"):
        resend.resend_failed(desk, "spring")


def test_the_list_names_campaign_row_address_and_last_words(desk: Desk, clock: StandingClock) -> None:
    campaign_id = add_campaign(desk.store, "spring", 2)
    put(desk.store, campaign_id, [ACCEPTED], clock)
    put(desk.store, campaign_id, [ACCEPTED, UNCERTAIN], clock, words="connection lost")
    (one,) = uncertain.listed(desk).as_json()["uncertain"]
    assert (one["campaign"], one["to"], one["words"], one["proof"]) == (
        "spring",
        f"p1.c{campaign_id}@example.com",
        "550 connection lost",
        False,
    )
    assert one["leased_at"] == clock.now().isoformat()


def test_a_person_confirms_one_message_by_its_handle(desk: Desk, clock: StandingClock) -> None:
    campaign_id = add_campaign(desk.store, "spring", 2)
    put(desk.store, campaign_id, [UNCERTAIN, UNCERTAIN], clock)
    handle = uncertain.listed(desk).messages[1].handle
    assert uncertain.confirm(desk, f"<{handle}@example.org>").as_json() == {"confirmed": 1}
    assert states_of(desk.store, campaign_id) == [UNCERTAIN, ACCEPTED]
    assert history_of(desk.store) == [("ada", "uncertain confirm", "campaign")]


def test_a_person_resends_all_of_a_campaign_and_only_its_own(desk: Desk, clock: StandingClock) -> None:
    spring = add_campaign(desk.store, "spring", 2, state=CampaignState.FINISHED)
    summer = add_campaign(desk.store, "summer", 1, state=CampaignState.FINISHED)
    put(desk.store, spring, [UNCERTAIN, ACCEPTED], clock)
    put(desk.store, summer, [UNCERTAIN], clock)
    assert uncertain.resend(desk, "spring").as_json() == {"queued": 1}
    assert states_of(desk.store, spring) == [QUEUED, ACCEPTED]
    assert states_of(desk.store, summer) == [UNCERTAIN]
    assert state_of(desk.store, "spring") is CampaignState.SENDING
    assert state_of(desk.store, "summer") is CampaignState.FINISHED


def test_more_than_a_batch_of_uncertain_messages_is_settled(
    desk: Desk, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uncertain, "_AT_ONCE", 2)
    campaign_id = add_campaign(desk.store, "spring", 5)
    put(desk.store, campaign_id, [UNCERTAIN] * 5, clock)
    assert uncertain.confirm(desk, "spring").messages == 5
    assert len(message_ids(desk.store, campaign_id)) == 5


def test_an_uncertain_message_of_a_cancelled_campaign_can_only_be_confirmed(desk: Desk, clock: StandingClock) -> None:
    campaign_id = add_campaign(desk.store, "spring", 1, state=CampaignState.CANCELLED)
    put(desk.store, campaign_id, [UNCERTAIN], clock)
    with pytest.raises(CampaignError, match="spring is cancelled"):
        uncertain.resend(desk, "spring")
    assert uncertain.confirm(desk, "spring").messages == 1


def test_a_handle_with_a_wrong_token_finds_nothing(desk: Desk, clock: StandingClock) -> None:
    put(desk.store, add_campaign(desk.store, "spring", 1), [UNCERTAIN], clock)
    with pytest.raises(UsageError, match="No uncertain message is called"):
        uncertain.confirm(desk, "1.0000000000000000")


def test_nothing_uncertain_is_said(desk: Desk) -> None:
    add_campaign(desk.store, "spring", 1)
    with pytest.raises(CampaignError, match="Nothing of spring is uncertain"):
        uncertain.confirm(desk, "spring")
