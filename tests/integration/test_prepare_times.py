"""Own times and zones up to the queue: what a check finds, what an approval binds, and what moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.actions.approve import approve
from campaigns.actions.check import check
from campaigns.actions.create import create
from campaigns.actions.desk import Desk
from campaigns.actions.send import send
from campaigns.actions.steer import reopen
from campaigns.actions.times import Times
from campaigns.clock import to_micros
from campaigns.errors import CampaignError, UsageError, WindowError
from campaigns.model.canary import Canary
from campaigns.model.send_window import SendWindow
from campaigns.store import campaigns, late
from tests.doubles.standing_clock import StandingClock
from tests.doubles.workspaces import codes, import_lines, new_desk, with_settings, write_template, yes

WORLD = (
    "email,first_name,country,zone",
    "ada@example.org,Ada,Germany,",
    "bo@example.net,Bo,,Pacific/Auckland",
    "cy@example.com,Cy,,",
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = new_desk(tmp_path, StandingClock())
    write_template(desk)
    import_lines(desk, WORLD)
    yield desk
    desk.store.close()


def make(desk: Desk, times: Times, **options: object) -> None:
    create(desk, "spring", template="letter", list_name="people", times=times, **options)  # type: ignore[arg-type]


def starts_at(desk: Desk) -> int | None:
    with desk.store.read() as conn:
        found = campaigns.find(conn, "spring")
    assert found is not None
    return found.starts_at


def test_windows_that_never_meet_for_a_zone_stop_the_campaign(desk: Desk) -> None:
    make(desk, Times(windows=("09:00-10:00 recipient", "09:00-12:00 Europe/Berlin"), default_zone="Europe/Berlin"))
    found = check(desk, "spring")
    assert codes(found)["never_opens"] == 1
    assert "For people in Pacific/Auckland the send windows are never open together" in found.stops[0].sentence
    with pytest.raises(CampaignError, match="Pacific/Auckland"):
        send(desk, "spring", confirm=yes)


def test_windows_of_another_transport_are_asked_when_it_is_chosen(desk: Desk) -> None:
    shut = with_settings(desk, window="sun 09:00-10:00", public_url="https://mail.example.org")
    make(shut, Times(windows=("mon 09:00-10:00",)))  # a rehearsal, which the workspace's window does not hold
    check(shut, "spring")
    with pytest.raises(WindowError, match="never open together: mon 09:00-10:00 UTC; sun 09:00-10:00 UTC"):
        send(shut, "spring", transport="relay", confirm=yes)


def test_a_column_that_is_gone_from_the_list_is_said(desk: Desk) -> None:
    make(desk, Times(zone_column="zone"), zone="recipient", at="tomorrow 09:00")
    import_lines(desk, ("email,first_name", "ada@example.org,Ada"))
    with pytest.raises(UsageError, match="The list has no column “zone”"):
        check(desk, "spring")


def test_a_moved_start_moves_everybody_and_a_reopened_one_starts_on_its_own_clock_again(desk: Desk) -> None:
    make(desk, Times(default_zone="Europe/Berlin"), zone="recipient", at="2026-12-01 09:00")
    drafted = starts_at(desk)
    first = send(desk, "spring", confirm=yes).campaign.starts_at
    moved = send(desk, "spring", at="2026-12-02 09:00", confirm=yes).campaign.starts_at
    assert first is not None
    assert moved == first + 86_400_000_000
    with desk.store.read() as conn:
        assert late.first_due(conn, 1) == moved
        dues = late.groups(conn, 1, before=2**62, own_times=True)
    assert sorted(group.messages for group in dues) == [1, 2]
    reopen(desk, "spring")
    assert drafted is not None
    assert starts_at(desk) == drafted + 86_400_000_000
    with pytest.raises(UsageError, match="a canary cannot leave before them"):
        send(desk, "spring", canary=Canary("1", 60), confirm=yes)


def test_an_approval_binds_the_times(desk: Desk) -> None:
    make(desk, Times(windows=("mon-fri 09:00-17:00",)), transport="relay")
    strict = with_settings(desk, approval_from=1)
    approve(strict, "spring")
    with desk.store.write() as conn:
        campaigns.update(conn, 1, windows=str(SendWindow.parse("sat 09:00-17:00 UTC")))
    with pytest.raises(CampaignError, match="the send windows or people's own times changed since ada"):
        send(strict, "spring", confirm=yes)


def test_a_hold_counts_from_the_yes(desk: Desk) -> None:
    make(desk, Times())
    queued = send(desk, "spring", hold=600, confirm=yes)
    assert queued.campaign.starts_at == to_micros(desk.clock.now()) + 600_000_000
    later = send(desk, "spring", at="tomorrow 09:00", confirm=yes)  # a start that was chosen is held no longer
    assert (later.campaign.hold, later.as_json()["hold"]) == (0, "")
