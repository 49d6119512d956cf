"""Whom a campaign is for: conditions, excluded lists, people mailed lately; and that every row stays accounted for."""

import csv
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

import campaigns.actions.prepare as preparing
import campaigns.actions.send as sending
from campaigns.actions.audience import _mark
from campaigns.actions.check import CheckResult, check
from campaigns.actions.create import create
from campaigns.actions.desk import Desk
from campaigns.actions.preview import preview
from campaigns.actions.proof import proof
from campaigns.actions.report import report
from campaigns.actions.send import Queued, send
from campaigns.clock import to_micros
from campaigns.errors import CampaignError, ConditionError, UsageError
from campaigns.model.audience import EVERYBODY, Audience
from campaigns.model.states import CampaignState, MessageState, SuppressionReason
from campaigns.store import campaigns, suppressions, tables
from tests.doubles.standing_clock import StandingClock
from tests.doubles.workspaces import LETTER, codes, import_lines, new_desk, write_template, yes

LINES = (
    "email,first_name,country,plan,seats",
    "ada@example.org,Ada,DE,free,3",
    "bob@example.net,Bob, de ,pro,12",
    "cy@example.com,Cy,FR,pro,",
    "dee@example.com,Dee,,pro,7",
    "nobody,Eve,DE,pro,7",
    "BOB@example.net,Bob again,FR,free,1",
)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def desk(tmp_path: Path, clock: StandingClock) -> Iterator[Desk]:
    desk = new_desk(tmp_path, clock)
    write_template(desk)
    import_lines(desk, LINES)
    yield desk
    desk.store.close()


def make(desk: Desk, name: str = "spring", audience: Audience = EVERYBODY, **options: object) -> None:
    options = {"template": "letter", "list_name": "people", "transport": "relay", **options}
    create(desk, name, audience=audience, **options)  # type: ignore[arg-type]


def go(desk: Desk, name: str = "spring", **options: object) -> Queued:
    return send(desk, name, **{"confirm": yes, **options})  # type: ignore[arg-type]


def settle(desk: Desk, name: str, state: MessageState, ago: timedelta = timedelta(0)) -> None:
    """As the worker does: the campaign's messages end like this, so long ago."""
    at = to_micros(desk.clock.now() - ago)
    with desk.store.write() as conn:
        found = campaigns.find(conn, name)
        assert found is not None
        mine = tables.messages.c.campaign_id == found.id
        conn.execute(update(tables.messages).where(mine).values(state=int(state), settled_at=at))
        campaigns.update(conn, found.id, state=str(CampaignState.FINISHED), finished_at=at)


def told(desk: Desk, name: str, out: Path) -> dict[str, tuple[str, str]]:
    """What the rows file says of each row: its state and the reason."""
    report(desk, name, out)
    with out.open(encoding="utf-8-sig", newline="") as file:
        return {line["row"]: (line["state"], line["reason"]) for line in csv.DictReader(file)}


def sums(desk: Desk, name: str = "spring") -> dict[str, int]:
    found = report(desk, name)
    assert found.adds_up
    return {code.name.lower(): n for code, n in found.left_out.items()}


def test_rows_that_do_not_meet_the_condition_are_left_out_with_the_part_that_failed(desk: Desk, tmp_path: Path) -> None:
    make(desk, audience=Audience.read("country = 'DE' and plan != 'free'"))
    found = check(desk, "spring")
    assert (found.rows, found.ready, found.left_out) == (6, 1, 5)
    assert sums(desk) == {"rejected": 1, "duplicate": 1, "filtered": 3}
    assert [(f.where, f.rows, f.first_rows) for f in found.findings if f.code == "filtered"] == [
        ("country = 'DE'", 2, (4, 5)),
        ("plan != 'free'", 1, (2,)),
    ]
    rows = told(desk, "spring", tmp_path / "rows.csv")
    assert rows["2"] == ("left out: filtered", "The condition of `--where` does not hold: plan != 'free'")
    assert rows["3"] == ("staged", "")
    assert rows["4"] == ("left out: filtered", "The condition of `--where` does not hold: country = 'DE'")
    assert rows["6"][0] == "left out: rejected"


def test_pages_of_which_nobody_is_left_are_accounted_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "PAGE", 1)
    make(desk, audience=Audience.read("seats >= 12"))
    assert (check(desk, "spring").ready, sums(desk)) == (1, {"rejected": 1, "duplicate": 1, "filtered": 3})


def test_people_of_the_newest_sheet_of_an_excluded_list_get_no_mail(desk: Desk, tmp_path: Path) -> None:
    import_lines(desk, ("email", "ada@example.org", "cy@example.com"), "Vips")
    import_lines(desk, ("email", "BOB@EXAMPLE.NET", "cy@example.com", "cy@example.com", "broken"), "Vips")
    import_lines(desk, ("email", "bob@example.net"), "press")
    make(desk, audience=Audience.read(exclude=["vips", "press"]))
    assert check(desk, "spring").ready == 2
    rows = told(desk, "spring", tmp_path / "rows.csv")
    assert [rows[row][0] for row in "25"] == ["staged"] * 2
    assert [rows[row] for row in "34"] == [
        ("left out: filtered", "The person stands in an excluded list: list Vips")
    ] * 2
    assert sums(desk) == {"rejected": 1, "duplicate": 1, "filtered": 2}


def test_whoever_is_suppressed_is_suppressed_first(desk: Desk) -> None:
    with desk.store.write() as conn:
        suppressions.add(
            conn, {"cy@example.com": "example.com"}, reason=SuppressionReason.MANUAL, source="", at=desk.clock.now(), who=""
        )  # fmt: skip
    make(desk, audience=Audience.read("country = 'DE'"))
    check(desk, "spring")
    assert sums(desk) == {"rejected": 1, "duplicate": 1, "suppressed": 1, "filtered": 1}


@pytest.mark.parametrize(
    ("states", "remaining"),
    [
        (
            (MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.BOUNCED, MessageState.REJECTED),
            ["dee@example.com"],
        ),
        (
            (MessageState.EXPIRED, MessageState.CANCELLED, MessageState.HELD, MessageState.COMPLAINED),
            ["ada@example.org", "bob@example.net", "cy@example.com"],
        ),
    ],
)
def test_mailed_is_what_a_server_has_accepted(
    desk: Desk, tmp_path: Path, states: tuple[MessageState, ...], remaining: list[str]
) -> None:
    make(desk, "first")
    go(desk, "first")
    settle(desk, "first", MessageState.ACCEPTED, timedelta(days=29))
    with desk.store.write() as conn:
        for message_id, state in enumerate(states, 1):
            mine = tables.messages.c.id == message_id
            conn.execute(update(tables.messages).where(mine).values(state=int(state)))
    make(desk, "second", Audience.read(not_mailed_in="30d"))
    assert check(desk, "second").ready == len(remaining)
    report(desk, "second", tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [line["address"] for line in csv.DictReader(file) if line["state"] == "staged"] == remaining


def test_mail_of_before_that_time_does_not_count(desk: Desk, clock: StandingClock) -> None:
    make(desk, "first")
    go(desk, "first")
    settle(desk, "first", MessageState.ACCEPTED, timedelta(days=30, seconds=-1))
    make(desk, "second", Audience.read(not_mailed_in="30d"))
    with pytest.raises(CampaignError, match="The audience is empty"):
        go(desk, "second")
    clock.move(seconds=2)
    assert go(desk, "second", again=True).queued == 4


def test_a_rehearsal_and_a_proof_are_no_mail(desk: Desk) -> None:
    make(desk, "rehearsed", transport="local")
    go(desk, "rehearsed")
    settle(desk, "rehearsed", MessageState.ACCEPTED)
    make(desk, "proved", Audience.read("country = 'FR'"))
    go(desk, "proved")
    proof(desk, "proved", "ada@example.org")
    settle(desk, "proved", MessageState.ACCEPTED)
    make(desk, "second", Audience.read(not_mailed_in="1d"))
    assert check(desk, "second").ready == 3  # all but the one of the real campaign


def test_send_judges_again_only_where_somebody_else_is_left_out_by_now(
    desk: Desk, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[str] = []
    prepare = preparing.prepare
    monkeypatch.setattr(
        sending, "prepare", lambda desk, basis, **how: (rendered.append(""), prepare(desk, basis, **how))
    )
    import_lines(desk, ("email", "ada@example.org"), "vips")
    make(desk, audience=Audience.read("seats > 1", ["vips"], "30d"))
    assert check(desk, "spring").ready == 2
    import_lines(desk, ("email", "ada@example.org", "ada@example.org"), "vips")  # the same people
    asked: list[CheckResult] = []
    with pytest.raises(CampaignError, match="nobody said yes"):
        send(desk, "spring", confirm=lambda found: bool(asked.append(found)))
    assert (rendered, asked[0].ready) == ([], 2)
    import_lines(desk, ("email", "dee@example.com"), "vips")
    assert go(desk).queued == 2
    assert rendered == [""]
    assert sums(desk) == {"rejected": 1, "duplicate": 1, "filtered": 2}


def test_an_audience_of_nobody_stops_and_is_never_sent(desk: Desk) -> None:
    make(desk, audience=Audience.read("country = 'XX'"))
    found = check(desk, "spring")
    assert [(stop.code, stop.sentence) for stop in found.stops] == [
        ("nobody", "The audience is empty: it leaves out 4 rows, and none remains.")
    ]
    with pytest.raises(CampaignError, match=r"spring cannot be sent\. The audience is empty"):
        go(desk)
    assert sums(desk)["filtered"] == 4


def test_a_later_row_of_a_person_that_meets_the_condition_is_pointed_out(desk: Desk) -> None:
    make(desk, audience=Audience.read("country = 'FR'"))
    found = check(desk, "spring")
    assert found.ready == 1
    assert [(f.rows, f.first_rows) for f in found.findings if f.code == "passed_over"] == [(1, (7,))]
    make(desk, "both", Audience.read("country in ('DE', 'FR')"))
    assert "passed_over" not in codes(check(desk, "both"))


def test_a_sheet_that_lost_the_field_is_told_at_check_and_nothing_changes(desk: Desk) -> None:
    make(desk, audience=Audience.read("plan = 'pro'"))
    assert check(desk, "spring").ready == 3
    import_lines(desk, ("email,first_name", "ada@example.org,Ada"))
    for verb in (check, go):
        with pytest.raises(ConditionError, match="no field “plan”"):
            verb(desk, "spring")
    assert sums(desk)["filtered"] == 1


@pytest.mark.parametrize(
    ("audience", "match"),
    [
        (Audience("plam = 'pro'"), "no field"),
        (Audience(exclude=("vip",)), "no list 'vip'"),
        (Audience(exclude=("\udcff",)), r"no list '\\udcff'"),  # typed bytes that are no UTF-8
        (Audience(exclude=("vips", "PEOPLE")), "nobody would be left"),
    ],
)
def test_an_audience_that_does_not_fit_makes_no_campaign(desk: Desk, audience: Audience, match: str) -> None:
    import_lines(desk, ("email", "ada@example.org"), "vips")
    with pytest.raises(UsageError, match=match):
        make(desk, audience=audience)
    with desk.store.read() as conn:
        assert campaigns.find(conn, "spring") is None


def test_a_draft_made_anew_is_for_everybody_again(desk: Desk) -> None:
    make(desk, audience=Audience.read("plan = 'pro'"))
    check(desk, "spring")
    make(desk, replace=True)
    assert check(desk, "spring").ready == 4


# -- the wrong Enter key


def test_the_same_mail_for_others_of_the_sheet_is_no_mistake(desk: Desk) -> None:
    make(desk, "german", Audience.read("country = 'DE'"))
    go(desk, "german")
    settle(desk, "german", MessageState.ACCEPTED)
    make(desk, "french", Audience.read("country = 'FR'"))
    assert go(desk, "french").queued == 1
    make(desk, "rest", Audience.read(not_mailed_in="1d", where="country != 'FR'"))
    assert go(desk, "rest").queued == 1


@pytest.mark.parametrize(
    ("first", "second", "people"),
    [("country = 'DE'", None, 2), (None, "country = 'DE'", 2), ("plan = 'pro'", "country = 'DE'", 1)],
)
def test_the_same_mail_for_some_of_the_same_people_is_refused(
    desk: Desk, first: str | None, second: str | None, people: int
) -> None:
    make(desk, "first", Audience.read(first))
    go(desk, "first")
    make(desk, "second", Audience.read(second))
    with pytest.raises(CampaignError, match=f"queued for {people} of these people already, as first"):
        go(desk, "second")
    settle(desk, "first", MessageState.ACCEPTED)
    with pytest.raises(CampaignError, match=f"went to {people} of these people on") as refused:
        go(desk, "second")
    assert "--again" in refused.value.remedy
    assert go(desk, "second", again=True).campaign.state is CampaignState.SCHEDULED


# -- looks at mails beforehand


def test_a_proof_and_edge_cases_are_of_the_audience(desk: Desk) -> None:
    write_template(desk, LETTER)
    audience = Audience.read("country = 'FR'")
    make(desk, audience=audience)
    proof(desk, "spring", "me@example.org")
    with desk.store.read() as conn:
        found = conn.execute(tables.history.select().where(tables.history.c.verb == "proof")).one()
    assert '"row": 4' in found.detail
    shown = preview(desk, "letter", "people", edge_cases=True, audience=audience)
    assert [one.row for one in shown.previews] == [4]


def test_marks_grow_to_any_address_and_keep_the_first_rule() -> None:
    marks = bytearray()
    _mark(marks, 1, [5, 20_000])
    _mark(marks, 2, [5, 6])
    assert (marks[5], marks[6], marks[20_000], sum(marks)) == (1, 2, 1, 4)
