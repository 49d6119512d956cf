"""Sending, up to the queue: what stands against it, what is not done twice, and the one UPDATE at its end."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

import campaigns.actions.send as sending
from campaigns.actions.check import CheckResult, check
from campaigns.actions.create import create
from campaigns.actions.desk import Desk
from campaigns.actions.send import Queued, send
from campaigns.actions.steer import reopen
from campaigns.clock import from_micros
from campaigns.errors import CampaignError, UsageError, WhenError
from campaigns.model.states import CampaignState, MessageState, SuppressionReason
from campaigns.store import campaigns, outbox, suppressions, tables, underway
from campaigns.store.campaigns import Campaign
from tests.doubles.desks import history_of
from tests.doubles.standing_clock import StandingClock
from tests.doubles.workspaces import LETTER, import_lines, new_desk, with_settings, write_template, yes


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def desk(tmp_path: Path, clock: StandingClock) -> Iterator[Desk]:
    desk = new_desk(tmp_path, clock)
    write_template(desk)
    import_lines(desk)
    yield desk
    desk.store.close()


@pytest.fixture
def renderings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A line for each time that rows are rendered."""
    done: list[str] = []
    prepare = sending.prepare

    def counted(desk, basis, **how):  # type: ignore[no-untyped-def]
        done.append(basis.campaign.name)
        prepare(desk, basis, **how)

    monkeypatch.setattr(sending, "prepare", counted)
    return done


def make(desk: Desk, name: str = "spring", **options: object) -> None:
    create(desk, name, template="letter", list_name="people", **options)  # type: ignore[arg-type]


def go(desk: Desk, name: str = "spring", **options: object) -> Queued:
    return send(desk, name, **{"confirm": yes, **options})  # type: ignore[arg-type]


def campaign_of(desk: Desk, name: str = "spring") -> Campaign:
    with desk.store.read() as conn:
        found = campaigns.find(conn, name)
    assert found is not None
    return found


def settle_all(desk: Desk, state: MessageState = MessageState.ACCEPTED) -> None:
    with desk.store.write() as conn:
        conn.execute(update(tables.messages).values(state=int(state), settled_at=1))


def set_state(desk: Desk, state: CampaignState, name: str = "spring") -> None:
    with desk.store.write() as conn:
        conn.execute(update(tables.campaigns).where(tables.campaigns.c.name == name).values(state=str(state)))


def test_a_sent_campaign_is_the_worker_s(desk: Desk, clock: StandingClock) -> None:
    make(desk, transport="relay", throttles=["5/s"])
    assert go(desk).as_json() == {
        "campaign": "spring",
        "state": "scheduled",
        "starts": {"at": "2026-11-24T10:00:00+00:00", "wall": "", "zone": "UTC"},
        "transport": "relay",
        "leaves": True,
        "canary": None,
        "times": None,
        "hold": "",
        "opens": None,
        "queued": 3,
        "left_out": 0,
        "worker_running": False,
        "shares": [{"transport": "relay", "mails": 3, "groups": []}],
        "plan": {
            "zone": "UTC",
            "never": 0,
            "first": "2026-11-24T10:00:00+00:00",
            "last": "2026-11-24T10:00:00.400000+00:00",
            "on_first_day": 3,
            "limits": [],
        },
    }
    with desk.store.read() as conn:
        [due] = underway.due_campaigns(conn, 2**60)
    assert (due.id, from_micros(due.starts_at)) == (1, clock.now())
    assert [verb for _, verb, _ in history_of(desk.store)] == ["import", "create", "check", "send"]


def test_a_start_in_the_future_waits(desk: Desk) -> None:
    make(desk, zone="Europe/Berlin")
    assert go(desk, at="tomorrow 09:00").as_json()["starts"] == {
        "at": "2026-11-25T08:00:00+00:00",
        "wall": "2026-11-25T09:00",
        "zone": "Europe/Berlin",
    }


def test_a_start_that_passed_since_it_was_set_is_refused(desk: Desk, clock: StandingClock) -> None:
    make(desk, at="tomorrow 09:00")
    clock.move(days=2)
    with pytest.raises(WhenError, match="is in the past"):
        go(desk)
    assert go(desk, at="now").campaign.state is CampaignState.SCHEDULED


def test_an_unchanged_checked_campaign_is_not_rendered_again(desk: Desk, renderings: list[str]) -> None:
    make(desk)
    check(desk, "spring")
    go(desk)
    assert renderings == []


@pytest.mark.parametrize("what", ["template", "sheet", "settings", "transport"])
def test_a_campaign_whose_basis_changed_is_checked_again(desk: Desk, renderings: list[str], what: str) -> None:
    make(desk)
    check(desk, "spring")
    options = {}
    if what == "template":
        write_template(desk, LETTER.replace("Hello", "Good evening"))
    elif what == "sheet":
        import_lines(desk, ("email,first_name", "zoe@example.org,Zoë"))
    elif what == "settings":
        desk = with_settings(desk, public_url="https://mail.mergecast-fair.org")
    else:
        options = {"transport": "relay"}
    go(desk, **options)
    assert renderings == ["spring"]


def test_a_mail_that_prints_the_date_is_rendered_again_on_another_day(
    desk: Desk, clock: StandingClock, renderings: list[str]
) -> None:
    write_template(desk, LETTER.replace("Dear", "{{ today }} Dear"))
    make(desk)
    check(desk, "spring")
    clock.move(days=1)
    go(desk)
    assert renderings == ["spring"]


def test_what_stops_is_refused_whatever_a_person_says(desk: Desk) -> None:
    write_template(desk, LETTER.replace("{{ unsubscribe_url }}", "https://example.org"))
    make(desk)
    with pytest.raises(CampaignError, match="unsubscribe"):
        go(desk)
    assert campaign_of(desk).state is CampaignState.DRAFT


def test_a_person_is_shown_what_was_found_and_may_say_no(desk: Desk) -> None:
    make(desk)
    shown: list[CheckResult] = []

    def no(found: CheckResult) -> bool:
        shown.append(found)
        return False

    with pytest.raises(CampaignError, match="nobody said yes"):
        go(desk, confirm=no)
    assert [finding.code for finding in shown[0].findings] == ["no_preheader", "unsubscribe_mailto"]
    assert campaign_of(desk).state is CampaignState.CHECKED


def test_the_transport_of_a_refused_send_is_not_kept(desk: Desk) -> None:
    make(desk)
    with pytest.raises(CampaignError):
        go(desk, transport="relay", confirm=lambda _found: False)
    assert campaign_of(desk).transport == "local"


def test_people_suppressed_after_the_check_get_nothing(desk: Desk, clock: StandingClock) -> None:
    make(desk)
    check(desk, "spring")
    with desk.store.write() as conn:  # as if it came while the person's row was on its way through the check
        whose = {"ada@example.org": "example.org"}
        suppressions.add(
            conn, whose, ("example.net",), reason=SuppressionReason.MANUAL, source="", at=clock.now(), who="bob"
        )
    assert go(desk).queued == 1


def test_a_campaign_that_changes_while_a_person_thinks_is_not_queued(desk: Desk) -> None:
    make(desk)

    def changed_meanwhile(_found: CheckResult) -> bool:
        write_template(desk, LETTER.replace("Hello", "Other"))
        check(desk, "spring")
        return True

    with pytest.raises(CampaignError, match="meanwhile"):
        go(desk, confirm=changed_meanwhile)
    assert campaign_of(desk).state is CampaignState.CHECKED


def test_editing_the_template_changes_nothing_that_was_queued(desk: Desk) -> None:
    make(desk)
    go(desk)
    write_template(desk, LETTER.replace("Hello", "Other"))
    with desk.store.read() as conn:
        shape_id = conn.scalars(select(tables.messages.c.shape_id).distinct()).one()
        assert outbox.shape(conn, shape_id, {}).subject[0] == "Hello "


def sent_for_real(desk: Desk, clock: StandingClock) -> None:
    make(desk, transport="relay")
    go(desk)
    settle_all(desk)
    set_state(desk, CampaignState.FINISHED)
    clock.move(days=1)


def test_the_same_mail_to_the_same_people_is_refused(desk: Desk, clock: StandingClock, renderings: list[str]) -> None:
    sent_for_real(desk, clock)
    make(desk, "summer", transport="relay")
    renderings.clear()
    with pytest.raises(CampaignError) as raised:
        go(desk, "summer")
    assert raised.value.sentence == "This mail went to 3 people on 24 November, 10:00."
    assert raised.value.remedy == "To send it again: `--again`."
    assert renderings == []


def test_unless_that_is_wished(desk: Desk, clock: StandingClock) -> None:
    sent_for_real(desk, clock)
    make(desk, "summer", transport="relay")
    assert go(desk, "summer", again=True).queued == 3


def test_after_thirty_days_it_is_no_mistake(desk: Desk, clock: StandingClock) -> None:
    sent_for_real(desk, clock)
    clock.move(days=30)
    make(desk, "summer", transport="relay")
    assert go(desk, "summer").queued == 3


def test_other_words_or_other_people_are_no_mistake(desk: Desk, clock: StandingClock) -> None:
    sent_for_real(desk, clock)
    write_template(desk, LETTER.replace("Hello", "Good evening"))
    make(desk, "summer", transport="relay")
    assert go(desk, "summer").queued == 3


def test_a_rehearsal_is_never_in_the_way(desk: Desk) -> None:
    make(desk)
    go(desk)
    settle_all(desk)
    set_state(desk, CampaignState.FINISHED)
    make(desk, "summer", transport="relay")
    assert go(desk, "summer").queued == 3
    make(desk, "autumn")
    assert go(desk, "autumn").queued == 3


def test_the_same_mail_that_still_waits_is_refused_too(desk: Desk) -> None:
    make(desk, transport="relay", at="tomorrow 09:00")
    go(desk)
    make(desk, "summer", transport="relay")
    with pytest.raises(CampaignError, match="queued for 3 people already, as spring, for 25 November, 09:00"):
        go(desk, "summer")


def test_a_finished_rehearsal_is_sent_for_real_with_messages_of_its_own(desk: Desk) -> None:
    make(desk)
    go(desk)
    settle_all(desk)
    set_state(desk, CampaignState.FINISHED)
    with desk.store.read() as conn:
        before = set(conn.scalars(select(tables.messages.c.id)))
    again = go(desk, transport="relay")
    assert (again.queued, again.campaign.leaves, again.campaign.finished_at) == (3, True, None)
    with desk.store.read() as conn:
        assert not before & set(conn.scalars(select(tables.messages.c.id)))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (CampaignState.SENDING, "is sending"),
        (CampaignState.PAUSED, "is paused"),
        (CampaignState.CANCELLED, "is cancelled"),
        (CampaignState.FINISHED, "has been sent"),
    ],
)
def test_a_campaign_that_left_is_not_sent_again(desk: Desk, state: CampaignState, words: str) -> None:
    make(desk, transport="relay")
    set_state(desk, state)
    with pytest.raises(CampaignError, match=words):
        go(desk)
    assert campaign_of(desk).state is state


def test_a_scheduled_campaign_is_moved_by_at_alone(desk: Desk, renderings: list[str]) -> None:
    make(desk)
    go(desk, at="tomorrow 09:00")
    with pytest.raises(CampaignError, match="scheduled already, for Wednesday 25 November 2026, 09:00 UTC"):
        go(desk)
    with pytest.raises(CampaignError):
        go(desk, at="tomorrow 10:00", transport="relay")
    renderings.clear()
    moved = go(desk, at="Friday 08:00")
    assert moved.campaign.starts_wall == "2026-11-27T08:00"
    assert moved.campaign.state is CampaignState.SCHEDULED
    assert renderings == []


def test_a_moved_campaign_that_prints_the_date_is_rendered_again(desk: Desk, renderings: list[str]) -> None:
    write_template(desk, LETTER.replace("Dear", "{{ today }} Dear"))
    make(desk)
    go(desk, at="tomorrow 09:00")
    renderings.clear()
    go(desk, at="tomorrow 10:00")
    assert renderings == []
    moved = go(desk, at="Friday 08:00")
    assert renderings == ["spring"]
    assert (moved.queued, moved.campaign.state) == (3, CampaignState.SCHEDULED)


def test_a_reopened_campaign_is_checked_and_sent_anew(desk: Desk) -> None:
    make(desk)
    go(desk, at="tomorrow 09:00")
    reopen(desk, "spring")
    assert go(desk, at="now").queued == 3


def test_an_unknown_campaign_or_transport_is_named(desk: Desk) -> None:
    make(desk)
    with pytest.raises(UsageError) as raised:
        go(desk, "sprnig")
    assert "spring" in raised.value.remedy
    with pytest.raises(UsageError, match="no transport"):
        go(desk, transport="pigeon")
