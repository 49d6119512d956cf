import csv
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from campaigns.actions import report, status
from campaigns.actions.desk import Desk
from campaigns.clock import to_micros
from campaigns.errors import UsageError
from campaigns.model.states import CampaignState, LeftOut, MessageState, Wave
from campaigns.store import campaigns, tables, workers
from campaigns.store.engine import Store
from tests.doubles.desks import desk_of, leave_out, put
from tests.doubles.filled_store import add_campaign
from tests.doubles.standing_clock import StandingClock

CLOCK = StandingClock()
NOW = CLOCK.now()
TOMORROW = to_micros(NOW + timedelta(days=1))
PLENTY = 100 * 2**30


@pytest.fixture(autouse=True)
def roomy_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    room(monkeypatch, PLENTY)


@pytest.fixture
def desk(store: Store) -> Desk:
    return desk_of(store, CLOCK)


def room(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    class Usage:
        pass

    usage = Usage()
    usage.free = free  # type: ignore[attr-defined]
    monkeypatch.setattr(status.shutil, "disk_usage", lambda _path: usage)


def beat(store: Store, doing: dict[str, Any] | None = None) -> None:
    with store.write() as conn:
        worker_id = workers.start(conn, version="0.1.0", at=NOW)
        workers.beat(conn, worker_id, at=NOW, doing=doing or {})


def set_rows(store: Store, campaign_id: int, rows: int, reason: str = "") -> None:
    with store.write() as conn:
        campaigns.update(conn, campaign_id, rows=rows, reason=reason)


def only(desk: Desk) -> dict[str, Any]:
    (told,) = status.status(desk).as_json()["campaigns"]
    return told


def test_an_empty_store_has_no_worker_and_no_campaigns(desk: Desk) -> None:
    found = status.status(desk)
    assert found.as_json() == {"worker": None, "held": None, "outages": [], "warm_ups": [], "campaigns": []}
    assert not found.needs_a_person


def test_the_status_is_the_contracts_document(desk: Desk) -> None:
    campaign_id = add_campaign(desk.store, "spring", 4, starts_at=to_micros(NOW))
    put(desk.store, campaign_id, [MessageState.ACCEPTED, MessageState.LEASED], CLOCK)
    leave_out(desk.store, campaign_id, 9, LeftOut.REJECTED, "no @")
    set_rows(desk.store, campaign_id, 5)
    until = to_micros(NOW + timedelta(seconds=3))
    beat(desk.store, {"campaigns": {"spring": {"rate": 12.5, "waiting": {"for": "throttle", "until": until}}}})
    told = status.status(desk).as_json()
    assert set(told["worker"]) == {"host", "pid", "version", "beat_at"}
    assert told["worker"]["beat_at"] == "2026-11-24T10:00:00+00:00"
    assert told["campaigns"] == [
        {
            "name": "spring",
            "state": "sending",
            "reason": "",
            "rows": 5,
            "left_out": 1,
            "messages": dict.fromkeys((s.name.lower() for s in MessageState), 0)
            | {"accepted": 1, "leased": 1, "queued": 2},
            "starts": {"at": "2026-11-24T10:00:00+00:00", "wall": "", "zone": "UTC"},
            "transport": "local",
            "leaves": True,
            "audience": None,
            "rate": 12.5,
            "waiting": {"for": "throttle", "until": "2026-11-24T10:00:03+00:00"},
            "waits": [],
            "slowed": [],
            "connections": None,
            "ends": None,  # nothing has been planned yet
            "forecast": {"planned": None, "ends": None, "slip": None},
            "windows": [],
            "pause_above": "",
            "canary": None,
            "trouble": [],
            "approval": None,
            "series": None,
            "occurrence": None,
        }
    ]


@pytest.mark.parametrize("state", [CampaignState.DRAFT, CampaignState.CHECKED, CampaignState.APPROVED])
def test_what_is_not_queued_yet_is_shown_as_staged(desk: Desk, state: CampaignState) -> None:
    add_campaign(desk.store, "spring", 3, state=state)
    messages = only(desk)["messages"]
    assert (messages["staged"], messages["queued"]) == (3, 0)


def test_what_stands_queued_in_a_cancelled_campaign_is_shown_as_cancelled(desk: Desk) -> None:
    campaign_id = add_campaign(desk.store, "spring", 3, state=CampaignState.CANCELLED)
    put(desk.store, campaign_id, [MessageState.CANCELLED], CLOCK)
    messages = only(desk)["messages"]
    assert (messages["cancelled"], messages["queued"]) == (3, 0)


def test_proofs_are_no_part_of_the_sums(desk: Desk) -> None:
    campaign_id = add_campaign(desk.store, "spring", 4)
    put(desk.store, campaign_id, [MessageState.ACCEPTED, MessageState.LEASED, MessageState.ACCEPTED], CLOCK)
    with desk.store.write() as conn:
        conn.execute(tables.messages.update().where(tables.messages.c.id != 1).values(wave=Wave.PROOF))
    assert sum(only(desk)["messages"].values()) == 1


def test_a_scheduled_campaign_waits_for_its_start_and_needs_nobody(desk: Desk) -> None:
    add_campaign(desk.store, "spring", 1, state=CampaignState.SCHEDULED, starts_at=TOMORROW)
    told = only(desk)
    assert told["waiting"] == {"for": "start", "until": "2026-11-25T10:00:00+00:00"}
    assert told["trouble"] == []


@pytest.mark.parametrize("state", [CampaignState.SENDING, CampaignState.SCHEDULED])
def test_mail_that_is_due_without_a_worker_is_trouble(desk: Desk, state: CampaignState) -> None:
    add_campaign(desk.store, "spring", 1, state=state, starts_at=to_micros(NOW))
    assert "no worker is running" in only(desk)["trouble"][0]
    assert status.status(desk).needs_a_person
    beat(desk.store)
    assert not status.status(desk).needs_a_person


def test_mail_that_waits_for_its_next_try_needs_no_worker_yet(desk: Desk) -> None:
    add_campaign(desk.store, "spring", 1)
    with desk.store.write() as conn:
        conn.execute(tables.messages.update().values(due_at=TOMORROW))
    assert only(desk)["trouble"] == []


@pytest.mark.parametrize(
    ("columns", "attempts", "waiting"),
    [
        ({"late": "next-window"}, 0, "late"),  # it was put off, and says until when
        ({"late": "next-window"}, 1, None),
        ({"windows": "00:00-24:00 UTC"}, 1, None),  # its next try, and no time of its own
        ({"at_column": "leaves"}, 0, "time"),
    ],
)
def test_status_says_what_mail_waits_for_that_is_due_later(
    desk: Desk, columns: dict[str, str], attempts: int, waiting: str | None
) -> None:
    add_campaign(desk.store, "spring", 1, **columns)
    with desk.store.write() as conn:
        conn.execute(tables.messages.update().values(due_at=TOMORROW, attempts=attempts))
    told = only(desk)["waiting"]
    assert (told and told["for"]) == waiting
    assert waiting is None or to_micros(datetime.fromisoformat(told["until"])) == TOMORROW


def test_a_proof_that_waits_without_a_worker_is_trouble(desk: Desk) -> None:
    add_campaign(desk.store, "spring", 1, state=CampaignState.DRAFT)
    with desk.store.write() as conn:
        conn.execute(tables.messages.update().values(wave=Wave.PROOF))
    assert "no worker is running" in only(desk)["trouble"][0]


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("late", "could not start in time and was paused. `mergecast resume spring` sends it"),
        ("key: 535 5.7.8 bad password", "The server says: 535 5.7.8 bad password"),
        ("errors: 550 5.7.1 go away", "The server says: 550 5.7.1 go away"),
    ],
)
def test_a_campaign_that_paused_by_itself_is_trouble_in_the_servers_words(desk: Desk, reason: str, said: str) -> None:
    campaign_id = add_campaign(desk.store, "spring", 1, state=CampaignState.PAUSED)
    set_rows(desk.store, campaign_id, 1, reason)
    (trouble,) = only(desk)["trouble"]
    assert said in trouble
    assert "`mergecast resume spring`" in trouble


def test_a_campaign_that_a_person_paused_is_no_trouble(desk: Desk) -> None:
    campaign_id = add_campaign(desk.store, "spring", 1, state=CampaignState.PAUSED)
    set_rows(desk.store, campaign_id, 1, "person")
    assert only(desk)["trouble"] == []


def test_uncertain_messages_are_trouble_even_when_the_campaign_is_finished(desk: Desk) -> None:
    campaign_id = add_campaign(desk.store, "spring", 2, state=CampaignState.FINISHED)
    put(desk.store, campaign_id, [MessageState.ACCEPTED, MessageState.UNCERTAIN], CLOCK)
    assert only(desk)["trouble"] == [
        "1 message was handed over and never answered: look at `mergecast uncertain list`."
    ]


def test_a_failing_transport_is_the_trouble_of_its_own_campaigns_alone(desk: Desk) -> None:
    add_campaign(desk.store, "spring", 1, transport="relay")
    add_campaign(desk.store, "summer", 1, transport="local")
    beat(desk.store, {"troubles": [{"transport": "relay", "sentence": "No answer."}]})
    found = {one["name"]: one["trouble"] for one in status.status(desk).as_json()["campaigns"]}
    assert found == {"spring": ["relay: No answer."], "summer": []}


def test_windows_that_never_meet_since_the_settings_were_changed_are_trouble(store: Store) -> None:
    desk = desk_of(store, CLOCK, window=["sun 09:00-10:00 UTC"])
    add_campaign(store, "spring", 1, state=CampaignState.SENDING, windows="mon 09:00-10:00 UTC")
    beat(store)
    (sentence,) = only(desk)["trouble"]
    assert sentence.startswith("None of its mail will leave. These send windows are never open together: ")


def test_little_disk_is_trouble_while_something_is_on_its_way(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    add_campaign(desk.store, "spring", 1, state=CampaignState.SCHEDULED, starts_at=TOMORROW)
    add_campaign(desk.store, "winter", 0, state=CampaignState.FINISHED)
    room(monkeypatch, 50 * 2**20)
    found = {one["name"]: one["trouble"] for one in status.status(desk).as_json()["campaigns"]}
    assert found == {"spring": ["The disk has 50 MB left: make room, or sending stops."], "winter": []}


def test_one_campaign_can_be_asked_for_by_name(desk: Desk) -> None:
    add_campaign(desk.store, "spring", 1)
    add_campaign(desk.store, "summer", 1)
    assert [one.campaign.name for one in status.status(desk, "summer").campaigns] == ["summer"]
    with pytest.raises(UsageError):
        status.status(desk, "wintr")


def test_a_report_adds_up_when_every_row_is_accounted_for(desk: Desk) -> None:
    campaign_id = add_campaign(desk.store, "spring", 3)
    put(desk.store, campaign_id, [MessageState.ACCEPTED, MessageState.REJECTED], CLOCK)
    leave_out(desk.store, campaign_id, 9, LeftOut.DUPLICATE, "")
    set_rows(desk.store, campaign_id, 4)
    told = report.report(desk, "spring").as_json()
    assert told == {
        "campaign": "spring",
        "template": "t.md",
        "version": 1,
        "rows": 4,
        "left_out": {"duplicate": 1},
        "messages": dict.fromkeys((s.name.lower() for s in MessageState), 0)
        | {"accepted": 1, "rejected": 1, "queued": 1},
        "adds_up": True,
        "last": None,
        "pruned_at": None,
    }
    set_rows(desk.store, campaign_id, 5)
    assert not report.report(desk, "spring").adds_up


def test_the_rows_file_has_a_line_for_every_row_of_the_sheet(desk: Desk, tmp_path: Path) -> None:
    campaign_id = add_campaign(desk.store, "spring", 2)
    put(desk.store, campaign_id, [MessageState.REJECTED], CLOCK, words="no such user")
    leave_out(desk.store, campaign_id, 9, LeftOut.REJECTED, "=1+1 has no @.")
    out = tmp_path / "out.csv"
    report.report(desk, "spring", out)
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    with out.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file))
    first = campaign_id * 1_000_000
    assert lines == [
        list(report.HEADER),
        ["9", "nobody at home", "left out: rejected", "'=1+1 has no @.", "", "", ""],
        [
            str(first), f"p0.c{campaign_id}@example.com", "rejected", "550 no such user",
            "2026-11-24 10:00:00+00:00", "2026-11-24 10:00:00+00:00", "1",
        ],
        [str(first + 1), f"p1.c{campaign_id}@example.com", "queued", "", "", "", "1"],
    ]  # fmt: skip
    assert [path.name for path in tmp_path.glob("*out*")] == ["out.csv"]


def test_the_rows_file_goes_on_past_one_page(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from campaigns.store import reporting

    monkeypatch.setattr(reporting, "_PAGE", 2)
    add_campaign(desk.store, "spring", 5)
    report.report(desk, "spring", tmp_path / "out.csv")
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 6
