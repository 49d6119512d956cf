"""`plan`, the line that `send` says, and `calendar`, as a person types them; and what became of the plan when all has left."""

import re
import struct
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.doubles.command_line import CommandLine
from tests.doubles.documents import CALENDAR, IN_SHORT, PLAN, QUEUED, mistakes
from tests.doubles.prepared import MANY, prepared, relay

START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
AT = START.isoformat()
LATER = START + timedelta(days=1)  # when none of the others' mail is in the way


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    folder = tmp_path_factory.mktemp("plan") / "shop"
    limits = '[limits."example.org"]\nthrottle = ["10/min"]\n'
    return prepared(tmp_path_factory, folder, relay(2525, f'throttle = ["2/s"]\n{limits}'))


def test_a_draft_is_checked_and_planned_and_nothing_is_queued(here: CommandLine) -> None:
    here.run(
        "create", "summer", "--template", "letter", "--list", "many", "--transport", "relay", "--at", LATER.isoformat()
    )
    said = here.run("plan", "summer").out
    assert f"summer: {MANY} mails." in said
    assert re.search(r"The first leaves \w+day \d+ \w+ \d{4}, \d\d:00 Europe/Berlin, in 2 days 2\d hours", said)
    assert "Limited by example.org, 10/min: without it the last would leave" in said
    assert "How fast relay itself is nobody knows yet" in said
    assert "█" in said
    assert "Call it plan.png." in here.run("plan", "summer", "--png", "plan.svg", status=2).err
    told = here.json("plan", "summer", "--png", "plan.png")
    assert mistakes(told, PLAN) == []
    assert told["state"] == "checked"
    first, last = map(datetime.fromisoformat, (told["first"], told["last"]))
    assert first == LATER
    assert last - first == pytest.approx(timedelta(minutes=29.9), abs=timedelta(seconds=5))
    assert sum(bar["mails"] for bar in told["curve"]) == told["mails"] == MANY
    picture = (here.folder / "plan.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", picture[16:24]) == (960, 420)


def test_send_says_it_in_a_line_and_the_calendar_has_it(here: CommandLine) -> None:
    queued = here.json("send", "crowd", "--transport", "relay", "--at", AT, "--yes")
    assert mistakes(queued, QUEUED) == []
    assert mistakes(queued["plan"], IN_SHORT) == []
    moved = here.run("send", "crowd", "--at", AT, "--yes").out
    line = r"The first leaves \w+day \d\d:00, the last \w+day \d\d:29 Europe/Berlin, in [^;]+; example\.org, 10/min limits it\."
    assert re.search(line, moved)
    here.run("create", "fair", "--template", "letter", "--list", "many", "--transport", "relay", "--at", AT)
    here.run("send", "fair", "--yes", "--again")
    assert "The same transports carry crowd as well" in here.run("plan", "fair").out
    here.run("create", "news", "--template", "letter", "--list", "people", "--every", "monday 09:00")
    here.run("send", "news", "--yes")
    told = here.json("calendar", "--weeks", "3")
    assert mistakes(told, CALENDAR) == []
    rounds = [one for day in told["days"] for one in day["campaigns"] if one["state"] == "recurring"]
    assert len(rounds) == 3
    assert told["collisions"][0]["campaigns"] == ["crowd", "fair"]
    assert told["collisions"][0]["people"] == MANY
    assert f"up to {MANY} people would get crowd and fair on one day." in here.run("calendar").out

    assert "mergecast calendar" in here.run("plan", "news", status=2).err
    here.run("cancel", "fair")
    assert "nothing of it leaves" in here.run("plan", "fair", status=2).err
    assert "There is no campaign" in here.run("plan", "nobody", status=2).err


def test_a_warm_up_is_planned_with(tmp_path_factory: pytest.TempPathFactory) -> None:
    here = prepared(
        tmp_path_factory,
        tmp_path_factory.mktemp("warm") / "shop",
        relay(2525, 'warm_up = "50/d, 100/d, 500/d Europe/Berlin"\n'),
    )
    told = here.json("plan", "crowd", "--transport", "relay", "--at", "in 2 days")
    first, last = (datetime.fromisoformat(told[key]).astimezone(ZoneInfo("Europe/Berlin")) for key in ("first", "last"))
    assert (last.date() - first.date()).days == 2  # 50, 100 and the other 150
    assert (last.hour, last.minute) == (0, 0)
    days = Counter[date]()
    for bar in told["curve"]:
        days[datetime.fromisoformat(bar["at"]).astimezone(ZoneInfo("Europe/Berlin")).date()] += bar["mails"]
    assert list(days.values()) == [50, 100, 150]
    assert "Limited by relay, warm-up" in here.run("plan", "crowd", "--transport", "relay", "--at", "in 2 days").out
