"""Send windows, recipients' own clocks, late mail and the quiet hand-over, as a person types them."""

import re
import sqlite3
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.doubles.command_line import CommandLine
from tests.doubles.documents import CAMPAIGN, QUEUED, STATUS, mistakes
from tests.doubles.prepared import prepared

BERLIN = ZoneInfo("Europe/Berlin")
IN_TWO_DAYS = datetime.now(BERLIN) + timedelta(days=2)
SHUT = f"{IN_TWO_DAYS:%a}".lower() + " 09:00-17:30 Europe/Berlin"  # not open today or tomorrow
SAID = r"\w+day \d+ \w+ \d{4}, 09:00 Europe/Berlin, in 1 day \d+ hours?|\w+day \d+ \w+ \d{4}, 09:00 Europe/Berlin, in 2 days[\d\w ]*"
HONOLULU = datetime.now(ZoneInfo("Pacific/Honolulu")) + timedelta(hours=1)  # still to come there, over everywhere else
WORLD = """email,first_name,city,country,phone,leaves
a@example.org,Ada,Berlin,Germany,,2020-01-01 09:00
b@example.net,Bo,Auckland,,+64 9 1234567,2099-12-01 09:00
c@example.com,Cy,Honolulu,Pacific/Honolulu,,
d@example.com,Di,Austin,USA,,someday
e@example.com,Ed,Olympus,Mars,,1.12.2099
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    line = prepared(tmp_path_factory, tmp_path_factory.mktemp("times") / "shop")
    settings = line.folder / "mergecast.toml"
    settings.write_text('holidays = "DE-BY"\n' + settings.read_text())
    (line.folder / "world.csv").write_text(WORLD)
    line.run("import", "world.csv", "--list", "world")
    return line


def create(here: CommandLine, name: str, *more: str, status: int = 0) -> str:
    ran = here.run("create", name, "--template", "letter", "--list", "world", *more, status=status)
    return ran.out if status == 0 else ran.err


def dues(here: CommandLine, campaign: str) -> dict[str, datetime]:
    """When each message of a campaign is due, by its address, from the tables."""
    connection = sqlite3.connect(here.folder / "mergecast.db")
    query = """SELECT folded, due_at FROM messages JOIN addresses ON addresses.id = address_id
               JOIN campaigns ON campaigns.id = campaign_id WHERE campaigns.name = ? AND messages.state = 1"""
    found = {to: datetime.fromtimestamp(at / 1e6, UTC) for to, at in connection.execute(query, (campaign,))}
    connection.close()
    return found


def test_a_window_that_is_shut_now_says_until_when_and_nothing_leaves(here: CommandLine) -> None:
    assert f"only {SHUT}" in create(here, "office", "--window", SHUT)
    assert re.search(rf"Its send window opens ({SAID})\.", here.run("send", "office", "--yes").out)
    assert re.search(rf"office waits for its send window, until ({SAID})\.", here.run("status", "office").out)
    here.run("proof", "office", "--to", "ada@mergecast-fair.org")
    ran = here.run("run", "--until-idle")
    assert "1 accepted" in ran.out  # a proof to oneself obeys no window
    assert re.search(rf"office waits for its send window, until ({SAID})\.", ran.out)
    told = here.json("status", "office")
    assert mistakes(told, STATUS) == []
    [campaign] = told["campaigns"]
    opens = datetime.fromisoformat(campaign["waiting"]["until"]).astimezone(BERLIN)
    assert (campaign["waiting"]["for"], campaign["state"], campaign["trouble"]) == ("window", "sending", [])
    assert (opens.date(), f"{opens:%H:%M}") == (IN_TWO_DAYS.date(), "09:00")
    here.run("cancel", "office")


def test_windows_that_cannot_be_meant_are_refused_with_the_remedy(here: CommandLine) -> None:
    never = create(here, "x", "--window", "mon 09:00-10:00", "--window", "tue 09:00-10:00", status=2)
    assert "never open together" in never
    assert "stand in one window" in never
    assert "Write it like mon-fri 09:00-17:30" in create(here, "x", "--window", "office hours", status=2)
    assert "DE has the regions" in create(here, "x", "--holidays", "DE-XX", status=2)
    assert "no way to treat late mail" in create(here, "x", "--late", "never", status=2)
    assert "There is no campaign 'x'." in here.run("status", "x", status=2).err


def test_everybody_has_their_own_morning_and_send_says_for_whom_it_is_over(here: CommandLine) -> None:
    told = create(here, "morning", "--zone", "recipient", "--at", f"{HONOLULU + timedelta(days=3):%Y-%m-%d} 09:00")
    assert "each at that time on their own clock, zones from country, phone; else Europe/Berlin" in told
    check = here.run("check", "morning").out
    assert re.search(
        r"warns\s+No single time zone can be told from it: Europe/Berlin is taken\. \(column country\)", check
    )
    assert "2 rows: 5, 6" in check
    queued = here.json("send", "morning", "--yes")
    assert mistakes(queued, QUEUED) == []
    wall = datetime.fromisoformat(queued["starts"]["wall"])
    zones = {"a@example.org": "Europe/Berlin", "b@example.net": "Pacific/Auckland", "c@example.com": "Pacific/Honolulu"}
    zones |= dict.fromkeys(("d@example.com", "e@example.com"), "Europe/Berlin")  # never a lost person
    assert dues(here, "morning") == {
        to: wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for to, zone in zones.items()
    }
    assert datetime.fromisoformat(queued["starts"]["at"]) == min(dues(here, "morning").values())
    over = f"{HONOLULU:%Y-%m-%d %H:%M}"
    moved = here.run("send", "morning", "--at", over, "--late", "next-window", "--yes")
    assert re.search(r"For 4 people the time is over already", moved.err)
    assert min(dues(here, "morning").values()) > datetime.now(UTC)
    here.run("reopen", "morning")
    expired = here.json("send", "morning", "--at", over, "--late", "expire", "--yes")
    assert expired["queued"] == 1
    assert here.json("report", "morning")["messages"]["expired"] == 4
    here.run("cancel", "morning")


def test_a_column_says_when_each_mail_leaves(here: CommandLine) -> None:
    assert "It has email, first_name" in create(here, "own", "--at-column", "when", status=2)
    create(here, "own", "--at-column", "leaves")
    assert "has no column" in create(here, "own-2", "--zone", "recipient", "--zone-column", "zone", status=2)
    told = here.run("send", "own", "--yes")
    assert "For 1 person the time is over already" in told.err
    assert "It names a day, and no time." in told.err
    assert "The time of sending cannot be read" in told.err
    assert here.json("run", "--until-idle")["messages"] == {"accepted": 2}  # the one that is over, and the one without
    waits = here.run("status", "own").out
    assert re.search(r"own waits for people's own times, until Tuesday 1 December 2099, 09:00 Europe/Berlin, in", waits)
    here.run("cancel", "own")


def test_a_hold_leaves_time_to_take_everything_back(here: CommandLine) -> None:
    create(here, "calm", "--late", "send")
    queued = here.run("send", "calm", "--yes", "--hold", "10min").out
    assert re.search(r"Starts \w+day .*, in (9 minutes 59 seconds|10 minutes)\.", queued)
    assert "Until then `mergecast reopen calm` takes all of it back." in queued
    assert "calm is holding until" in here.run("status", "calm").out
    assert here.json("reopen", "calm")["campaign"]["state"] == "draft"
    assert dues(here, "calm") == {}
    assert here.json("send", "calm", "--yes", "--hold", "1h")["hold"] == "1h"
    ended = here.json("send", "calm", "--at", "now")
    assert (ended["hold"], datetime.fromisoformat(ended["starts"]["at"]) <= datetime.now(UTC)) == ("", True)
    here.run("cancel", "calm")
    assert "is no length of time" in here.run("send", "calm", "--hold", "a while", status=2).err


def test_when_is_said_with_weekday_zone_and_distance(here: CommandLine) -> None:
    told = create(here, "soon", "--at", "in 2 hours")
    assert re.search(r"starts \w+day \d+ \w+ \d{4}, [\d:]+ Europe/Berlin, in 1 hour 59 minutes|in 2 hours", told)
    campaign = here.json(
        "create", "next", "--template", "letter", "--list", "world", "--at", "next business day 10:00",
        "--window", "mon-fri 09:00-12:00 13:00-17:00", "--holidays", "AT",
    )  # fmt: skip
    assert mistakes(campaign, CAMPAIGN) == []
    starts = datetime.fromisoformat(campaign["campaign"]["starts"]["wall"])
    assert starts.weekday() < 5
    assert f"{starts:%H:%M}" == "10:00"
    assert campaign["campaign"]["windows"] == ["mon-fri 09:00-12:00, mon-fri 13:00-17:00 Europe/Berlin"]
    assert (campaign["campaign"]["holidays"], campaign["campaign"]["late"]) == ("AT", "ask")
