"""Series on a clock that the test moves: what each occurrence is for, what holds it, and that it is never made twice."""

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from campaigns.actions import steer
from campaigns.actions.approve import approve
from campaigns.actions.create import create
from campaigns.actions.desk import Desk
from campaigns.actions.held import held
from campaigns.actions.import_list import import_list
from campaigns.actions.occurrences import prepare_due
from campaigns.actions.proof import proof
from campaigns.actions.report import report
from campaigns.actions.send import send
from campaigns.actions.series import ComesRound, start
from campaigns.actions.show import show
from campaigns.actions.status import CampaignStatus, status
from campaigns.actions.times import Times
from campaigns.errors import CampaignError, UsageError
from campaigns.model.states import CampaignState, MessageState, Repeated
from campaigns.store import origin, tables
from tests.doubles import documents
from tests.doubles.documents import mistakes
from tests.doubles.killed import Killed, killed_after
from tests.doubles.rendering_here import render_here
from tests.doubles.standing_clock import StandingClock
from tests.doubles.workspaces import import_lines, with_settings, write_template, yes

DATES = 16  # of the longest of them
MORNING = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)  # Monday, 09:00 in Berlin


@pytest.fixture(autouse=True)
def _workspace(desk: Desk, clock: StandingClock, monkeypatch: pytest.MonkeyPatch) -> None:
    render_here(monkeypatch)
    write_template(desk)
    clock.at = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


class Told(list[tuple[str, dict[str, Any]]]):
    def __call__(self, event: str, **about: Any) -> None:
        self.append((event, about))

    @property
    def events(self) -> list[str]:
        return [event.partition(".")[2] for event, _ in self]


def sheet(desk: Desk, *people: str) -> None:
    """Each `ada` or `ada:Lovelace`."""
    rows = (one.partition(":") for one in people)
    lines = "".join(f"{name}@example.org,{said or name.title()}\n" for name, _, said in rows)
    (desk.workspace.root / "export.csv").write_text(f"email,first_name\n{lines}", encoding="utf-8")


def comes_round(desk: Desk, *people: str, every: str = "daily 09:00", transport: str = "local", **how: Any) -> None:
    sheet(desk, *people)
    how = {"whom": "new", "sheet": "export.csv", **how}
    create(
        desk, "spring", template="letter", list_name="people", zone="Europe/Berlin", transport=transport,
        comes_round=ComesRound(every, **how),
    )  # fmt: skip


def runs(desk: Desk, *people: str, **how: Any) -> None:
    comes_round(desk, *people, **how)
    started = start(desk, "spring", confirm=lambda _checked, _dates: True)
    assert mistakes(started.as_json(), documents.STARTED) == []


def prepared(desk: Desk) -> Told:
    told = Told()
    prepare_due(desk, told)
    return told


def deliver(desk: Desk, but: str = "") -> None:
    """As a worker would."""
    mine = select(tables.campaigns.c.id).where(tables.campaigns.c.state == "scheduled", tables.campaigns.c.name != but)
    with desk.store.write() as conn:
        ids = conn.scalars(mine).all()
        queued = tables.messages.c.state == MessageState.QUEUED
        conn.execute(
            update(tables.messages)
            .where(tables.messages.c.campaign_id.in_(ids), queued)
            .values(state=MessageState.ACCEPTED)
        )
        conn.execute(update(tables.campaigns).where(tables.campaigns.c.id.in_(ids)).values(state="finished"))


def mailed(desk: Desk) -> list[tuple[str, str]]:
    """(local date, person) of every mail of the series that is queued or has left."""
    columns = (tables.campaigns.c.occurrence, tables.addresses.c.folded)
    query = (
        select(*columns)
        .select_from(tables.messages.join(tables.campaigns).join(tables.addresses))
        .where(tables.campaigns.c.queued_at.is_not(None), tables.messages.c.state != MessageState.CANCELLED)
        .order_by(tables.campaigns.c.occurrence, tables.addresses.c.folded)
    )
    with desk.store.read() as conn:
        return [(row[0], row[1].partition("@")[0]) for row in conn.execute(query)]


def stands(desk: Desk, name: str) -> CampaignStatus:
    return status(desk, name).campaigns[0]


def at_nine(clock: StandingClock, days: int = 0, **later: float) -> None:
    clock.at = MORNING
    clock.move(days=days, **later)


def test_each_occurrence_is_a_campaign_for_whoever_is_new(desk: Desk, clock: StandingClock) -> None:
    runs(desk, "ada", "bob")
    assert prepared(desk) == []
    at_nine(clock, seconds=1)
    assert prepared(desk).events == ["begun", "queued"]
    deliver(desk)
    assert prepared(desk) == []
    sheet(desk, "bob", "cy", "ada")
    at_nine(clock, 1)
    prepared(desk)
    deliver(desk)
    at_nine(clock, 2)
    assert prepared(desk).events == ["begun", "queued"]  # with nobody, and that is no trouble
    assert mailed(desk) == [("2026-11-30", "ada"), ("2026-11-30", "bob"), ("2026-12-01", "cy")]
    assert stands(desk, "spring-2026-12-02").campaign.state is CampaignState.SCHEDULED
    told = stands(desk, "spring")
    assert told.series is not None
    assert told.series["next"] == "2026-12-03T08:00:00+00:00"
    assert told.series["last"] | {"rows": 3, "messages": {}} == told.series["last"]


def test_changed_is_for_new_rows_and_for_rows_that_say_something_else(desk: Desk, clock: StandingClock) -> None:
    runs(desk, "ada", "bob", "cy", whom="changed")
    at_nine(clock)
    prepared(desk)
    deliver(desk)
    sheet(desk, "ada", "bob:Robert", "cy", "dan")
    at_nine(clock, 1)
    prepared(desk)
    deliver(desk)
    sheet(desk, "ada", "bob:Robert", "cy:Cyrus", "dan")
    at_nine(clock, 2)
    prepared(desk)
    deliver(desk)
    at_nine(clock, 3)
    prepared(desk)
    assert mailed(desk)[3:] == [("2026-12-01", "bob"), ("2026-12-01", "dan"), ("2026-12-02", "cy")]


@pytest.mark.parametrize(("repeated", "mails"), [(Repeated.EACH, 2), (Repeated.TOGETHER, 1)])
def test_of_a_person_with_several_rows_any_may_change(
    desk: Desk, clock: StandingClock, repeated: Repeated, mails: int
) -> None:
    sheet(desk, "ada", "ada:Two", "bob")
    import_list(desk, desk.workspace.root / "export.csv", "people", repeated=repeated)
    runs(desk, "ada", "ada:Two", "bob", whom="changed")
    for day, second in enumerate(("Two", "Two", "Three", "Three")):
        sheet(desk, "bob", "ada", f"ada:{second}")
        at_nine(clock, day)
        prepared(desk)
        deliver(desk)
    assert mailed(desk)[mails:] == [("2026-11-30", "bob"), *[("2026-12-02", "ada")] * mails]


def test_all_is_for_everybody_each_time_and_the_lists_newest_sheet_will_do(desk: Desk, clock: StandingClock) -> None:
    import_lines(desk, ("email,first_name", "ada@example.org,Ada"))
    runs(desk, whom="all", sheet="")
    for day in range(2):
        at_nine(clock, day)
        prepared(desk)
        deliver(desk)
    assert mailed(desk) == [("2026-11-30", "ada"), ("2026-12-01", "ada")]


def test_no_date_comes_twice_when_clocks_go_back_or_a_series_is_started_again(desk: Desk, clock: StandingClock) -> None:
    clock.at = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
    runs(desk, "ada", every="daily 02:30", whom="all")
    for hour in (0.4, 0.6, 1.4, 1.6, 2.5):  # 02:30 comes at 00:30 and at 01:30
        clock.at = datetime(2026, 10, 25, tzinfo=UTC)
        clock.move(hours=hour)
        prepared(desk)
        deliver(desk)
    assert mailed(desk) == [("2026-10-25", "ada")]
    clock.at = datetime(2026, 10, 25, 0, 20, tzinfo=UTC)  # somebody has set the clock back
    prepared(desk)
    steer.pause(desk, "spring")
    steer.resume(desk, "spring")
    clock.move(minutes=20)
    assert prepared(desk) == []
    clock.at = datetime(2027, 3, 28, 1, 10, tzinfo=UTC)  # 02:30 is skipped that night: it is 03:10
    assert "missed" in prepared(desk).events
    assert mailed(desk) == [("2026-10-25", "ada"), ("2027-03-28", "ada")]


@pytest.mark.parametrize(
    ("rule", "at_once", "next_morning"),
    [("ask", ["missed", "begun", "held"], []), ("expire", ["missed"], []), ("send", ["missed", "begun", "queued"], [])],
)
def test_of_missed_dates_only_the_newest_counts(
    desk: Desk, clock: StandingClock, rule: str, at_once: list[str], next_morning: list[str]
) -> None:
    runs(desk, "ada", every="monday, tuesday and wednesday 09:00", late=rule)
    at_nine(clock, 3, hours=1)  # a worker that was off for three days runs on Thursday
    told = prepared(desk)
    assert told.events == at_once
    about = told[-1][1]
    assert about.get("last", about.get("campaign", "")[-10:]) == "2026-12-02"
    assert mailed(desk) == ([("2026-12-02", "ada")] if rule == "send" else [])
    at_nine(clock, 4)
    assert prepared(desk).events == next_morning


def test_a_missed_date_can_wait_for_the_series_own_hour(desk: Desk, clock: StandingClock) -> None:
    runs(desk, "ada", every="monday and friday 09:00", late="next-window")
    at_nine(clock, 1, hours=5)
    assert prepared(desk) == []
    assert stands(desk, "spring").series["next"] == "2026-12-02T08:00:00+00:00"  # type: ignore[index]
    at_nine(clock, 2)
    assert prepared(desk).events == ["begun", "queued"]
    assert mailed(desk) == [("2026-11-30", "ada")]
    at_nine(clock, 4)
    assert prepared(desk).events == ["begun", "queued"]


def test_a_sheet_twice_as_long_is_held_until_a_person_sends_or_cancels_it(desk: Desk, clock: StandingClock) -> None:
    runs(desk, "ada", "bob")
    sheet(desk, "ada", "bob", "cy", "dan", "eve")
    at_nine(clock)
    told = prepared(desk)
    assert told.events == ["begun", "held"]
    assert "5 rows, the last one had 2" in told[-1][1]["reason"]
    held = stands(desk, "spring-2026-11-30")
    assert held.occurrence == {"series": "spring", "on": "2026-11-30", "held": True}
    assert "mergecast send spring-2026-11-30" in held.trouble[0]
    assert status(desk).needs_a_person
    at_nine(clock, 1)
    assert prepared(desk).events == ["begun", "held"]
    with pytest.raises(CampaignError) as refused:
        steer.resume(desk, "spring-2026-12-01")
    assert refused.value.remedy == "`mergecast send spring-2026-12-01` sends it."
    send(desk, "spring-2026-12-01", confirm=yes)
    steer.cancel(desk, "spring-2026-11-30")
    deliver(desk)
    at_nine(clock, 2)
    assert prepared(desk).events == ["begun", "queued"]
    assert [person for _, person in mailed(desk)] == ["ada", "bob", "cy", "dan", "eve"]
    assert not stands(desk, "spring-2026-12-02").occurrence["held"]  # type: ignore[index]


def test_what_stops_a_campaign_holds_an_occurrence_and_goes_when_it_is_mended(desk: Desk, clock: StandingClock) -> None:
    runs(desk, "ada")
    (desk.workspace.root / "export.csv").unlink()
    at_nine(clock)
    assert "export.csv" in prepared(desk)[-1][1]["reason"]
    sheet(desk, "ada", "bob")
    (desk.workspace.root / "export.csv").write_text("email,name\nada@example.org,Ada\n", encoding="utf-8")
    at_nine(clock, 1)
    assert "no merge field “first_name”" in prepared(desk)[-1][1]["reason"]
    sheet(desk, "ada", "bob")
    assert send(desk, "spring-2026-12-01", confirm=yes).queued == 2
    with pytest.raises(CampaignError, match="cannot be sent"):  # whoever it was for has been mailed
        steer.cancel(desk, "spring-2026-12-01") and send(desk, "spring-2026-12-01", confirm=yes)


def test_who_was_cancelled_is_new_again_and_who_waits_is_not(desk: Desk, clock: StandingClock) -> None:
    runs(desk, "ada", "bob")
    at_nine(clock)
    prepared(desk)
    at_nine(clock, 1)
    prepared(desk)  # the first one still waits for a worker
    assert mailed(desk) == [("2026-11-30", "ada"), ("2026-11-30", "bob")]
    steer.cancel(desk, "spring-2026-11-30")
    at_nine(clock, 2)
    prepared(desk)
    assert mailed(desk) == [("2026-12-02", "ada"), ("2026-12-02", "bob")]


def test_pause_resume_reopen_and_cancel_work_on_the_series(desk: Desk, clock: StandingClock) -> None:
    runs(desk, "ada")
    assert steer.pause(desk, "spring").campaign.state is CampaignState.PAUSED
    at_nine(clock, 2, hours=1)
    assert prepared(desk) == []
    told = steer.resume(desk, "spring").as_json()["campaign"]
    assert (told["state"], told["series"]["next"]) == ("recurring", "2026-12-03T08:00:00+00:00")
    assert prepared(desk) == []  # what passed meanwhile was meant to
    with pytest.raises(CampaignError, match="comes round already; next on Thursday 3 December 2026, 09:00"):
        start(desk, "spring", confirm=lambda _checked, _dates: True)
    assert steer.reopen(desk, "spring").campaign.state is CampaignState.DRAFT
    at_nine(clock, 3)
    assert prepared(desk) == []
    start(desk, "spring", confirm=lambda _checked, _dates: True)
    steer.cancel(desk, "spring")
    at_nine(clock, 5)
    assert prepared(desk) == []
    assert mailed(desk) == []


def test_whoever_asks_a_series_for_its_mails_is_led_to_its_last_occurrence(desk: Desk, clock: StandingClock) -> None:
    runs(desk, "ada")
    at_nine(clock)
    prepared(desk)
    assert report(desk, "spring").as_json()["last"] == "spring-2026-11-30"
    assert report(desk, "spring-2026-11-30").as_json()["last"] is None
    with pytest.raises(UsageError, match="its mails are those of its occurrences") as refused:
        show(desk, "", campaign="spring", row=2)
    assert "--campaign spring-2026-11-30" in refused.value.remedy


def test_a_running_series_can_be_proved_as_it_is_now(desk: Desk, clock: StandingClock) -> None:
    runs(desk, "ada", "bob")
    write_template(desk, "---\nsubject: Other words\n---\nHello {{ first_name }}, {{ unsubscribe_url }}\n")
    assert proof(desk, "spring", "me@example.com", row=3).as_json()["queued"] == 1
    assert stands(desk, "spring").campaign.state is CampaignState.RECURRING
    at_nine(clock)
    prepared(desk)
    assert mailed(desk) == [("2026-11-30", "ada"), ("2026-11-30", "bob")]


def test_an_approval_binds_template_and_rule_and_not_the_sheet(desk: Desk, clock: StandingClock) -> None:
    desk = with_settings(desk, approval_from=1)
    comes_round(desk, "ada", transport="relay")
    with pytest.raises(CampaignError, match="needs an approval"):
        start(desk, "spring", confirm=lambda _checked, _dates: True)
    approve(desk, "spring")
    start(desk, "spring", confirm=lambda _checked, _dates: True)
    sheet(desk, "ada", "bob")
    at_nine(clock)
    assert prepared(desk).events == ["begun", "queued"]
    deliver(desk)
    write_template(desk, "---\nsubject: Other words\n---\nHello {{ first_name }}, {{ unsubscribe_url }}\n")
    sheet(desk, "ada", "bob", "cy")
    at_nine(clock, 1)
    assert "the template changed since ada approved it" in prepared(desk)[-1][1]["reason"]
    approve(desk, "spring-2026-12-01")
    assert send(desk, "spring-2026-12-01", confirm=yes).queued == 1


def test_an_approved_series_is_bound_also_where_an_occurrence_has_few_mails(desk: Desk, clock: StandingClock) -> None:
    desk = with_settings(desk, approval_from=2)
    comes_round(desk, "ada", "bob", transport="relay")
    approve(desk, "spring")
    start(desk, "spring", confirm=lambda _checked, _dates: True)
    at_nine(clock)
    assert prepared(desk).events == ["begun", "queued"]
    deliver(desk)
    with pytest.raises(CampaignError, match="comes round already"):
        approve(desk, "spring")
    assert stands(desk, "spring").as_json()["approval"]["changed"] == []
    write_template(desk, "---\nsubject: Other words\n---\nHello {{ first_name }}, {{ unsubscribe_url }}\n")
    assert stands(desk, "spring").as_json()["approval"]["changed"] == ["the template"]
    sheet(desk, "ada", "bob", "cy")
    at_nine(clock, 1)
    assert "the template changed since ada approved it" in prepared(desk)[-1][1]["reason"]
    approve(desk, "spring-2026-12-01")
    assert send(desk, "spring-2026-12-01", confirm=yes).queued == 1


def test_a_copy_of_a_running_series_is_held(desk: Desk) -> None:
    runs(desk, "ada", transport="relay")
    assert held(desk) is None
    with desk.store.write() as conn:
        origin.mark_copied(conn, 1)
    why = held(desk)
    assert why is not None
    assert "what waits here: spring (recurring)" in why.sentence


def test_a_clock_that_ran_years_ahead_does_not_silence_a_series(desk: Desk, clock: StandingClock) -> None:
    runs(desk, "ada", late="expire")
    at_nine(clock, 4000, hours=5)
    prepared(desk)
    at_nine(clock)
    assert prepared(desk).events == ["begun", "queued"]


def test_a_series_that_came_round_stays_one(desk: Desk, clock: StandingClock) -> None:
    runs(desk, "ada")
    at_nine(clock)
    prepared(desk)
    steer.reopen(desk, "spring")
    with pytest.raises(CampaignError, match="has come round already"):
        create(desk, "spring", template="letter", list_name="people", replace=True)
    create(desk, "spring", template="letter", list_name="people", replace=True, comes_round=ComesRound("monday 10:00"))
    assert stands(desk, "spring").series["every"] == "monday 10:00"  # type: ignore[index]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"every": "", "whom": "all"}, "`--to` belongs to a series"),
        ({"every": "daily 09:00", "whom": "some"}, "`--to some` is unknown"),
        ({"every": "daily 09:00", "late": "never"}, "“never” is no way to treat late mail"),
        ({"every": "daily"}, "names no time"),
    ],
)
def test_what_makes_no_series_is_refused_before_anything_is_read(desk: Desk, how: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        create(desk, "spring", template="letter", list_name="people", comes_round=ComesRound(**how))


@pytest.mark.parametrize(("zone", "times"), [("recipient", Times()), ("", Times(at_column="first_name"))])
def test_a_series_has_no_times_of_each_ones_own(desk: Desk, zone: str, times: Times) -> None:
    import_lines(desk)
    with pytest.raises(UsageError, match="at one instant for all"):
        create(
            desk, "spring", template="letter", list_name="people", zone=zone, times=times,
            comes_round=ComesRound("daily 09:00"),
        )  # fmt: skip


def test_in_many_occurrences_with_kills_between_each_new_row_is_mailed_once(desk: Desk, clock: StandingClock) -> None:
    """The sheet grows; the process dies in each, at any of its transactions, and the clock is set back after each.

    On fifty dates, with real kills: `tests/crash/coming_round.py`. On over a hundred: `tests/year`.
    """
    dice, people, kills = random.Random(4), ["p0", "p1"], 0
    runs(desk, *people)
    for day in range(DATES):
        people += [f"p{len(people)}"] * (day % 3 > 0)
        sheet(desk, *people)
        at_nine(clock, day)
        with killed_after(dice.randrange(14)):
            try:
                prepare_due(desk, Told())
            except Killed:
                kills += 1
        clock.move(minutes=1)
        prepared(desk)
        clock.move(hours=-0.5)
        prepared(desk)
        deliver(desk)
    names = [person for _, person in mailed(desk)]
    assert sorted(names) == sorted(set(people))
    with desk.store.read() as conn:
        made = list(conn.execute(select(tables.campaigns.c.occurrence, tables.campaigns.c.state)))
    assert len(made) == DATES + 1
    assert {row.state for row in made if row.occurrence} == {"finished"}
    assert kills > DATES / 2
