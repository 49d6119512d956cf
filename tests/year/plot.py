"""What happens in the year: who asks for what, whose sheets grow, and what goes wrong."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path

from campaigns.actions.create import create
from campaigns.actions.import_list import import_list
from campaigns.actions.send import send
from campaigns.actions.series import ComesRound, start
from campaigns.actions.status import status
from campaigns.actions.times import Times
from campaigns.model.states import CampaignState
from tests.doubles.virtual_time import VirtualClock
from tests.doubles.workspaces import SENDER, write_template, yes
from tests.year.asked import DAY, FRESH, PLACES, ROUNDS, Everywhere, Round
from tests.year.life import Life

SETTINGS = {
    "zone": "Europe/Berlin",
    "sender": {"from": SENDER},
    "transports": {
        "relay": {"kind": "smtp", "host": "127.0.0.1", "throttle": ["20/min burst 20"]},
        "night": {"kind": "smtp", "host": "127.0.0.1", "window": ["23:00-04:00"]},
        "fresh": {"kind": "smtp", "host": "127.0.0.1", "warm_up": ", ".join(f"{most}/d" for most in FRESH)},
    },
    "limits": {"school.example": {"throttle": "5/h"}},
}
RELAY_LIMIT = (20, 60)
AT_FIRST, OFTEN = 5, timedelta(days=20)  # people of a sheet, and how often it grows
SET_BACK = timedelta(hours=1)


@dataclass
class Story:
    """A year as it was planned; the judge knows it, too."""

    year: int
    off: datetime
    back: datetime
    set_back: datetime
    put_right: datetime
    everywhere: list[Everywhere]
    sheets: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)  # series -> since when who stands in it

    @property
    def begins(self) -> datetime:
        return datetime(self.year, 1, 1, tzinfo=UTC)

    @property
    def ends(self) -> datetime:
        return datetime(self.year + 1, 1, 1, tzinfo=UTC)


def story_of(year: int, dice: random.Random) -> Story:
    """The worker is off from a Friday night to a Monday night in May; a clock is set back on a Monday morning in June,
    while mail waits for a limit, and put right on another."""
    off = _weekday(date(year, 5, 10 + dice.randrange(12)), 4, 23)
    back = off + timedelta(days=3)
    setting = _weekday(date(year, 6, 1 + dice.randrange(20)), 0, 7) + timedelta(minutes=10)
    march, october = _sunday(year, 3, -1), _sunday(year, 10, -1)
    us_march, us_november = _sunday(year, 3, 1), _sunday(year, 11, 0)
    walls = {
        "winter": (datetime.combine(date(year, 2, 9), time(9, 0)), "", "ask"),
        "leap": (datetime.combine(march, time(2, 30)), "", "ask"),
        "leap-us": (datetime.combine(us_march, time(2, 30)), "", "ask"),
        "missed": (back.replace(tzinfo=None, hour=19, minute=30), "08:00-20:00 recipient", "next-window"),
        "fold": (datetime.combine(october, time(2, 30)), "", "ask"),
        "fold-us": (datetime.combine(us_november, time(1, 30)), "", "ask"),
        "shut": (datetime.combine(date(year, 8, 3), time(6, 0)), "08:00-20:00 recipient", "ask"),
    }
    told = [
        Everywhere(name, wall, window, late, (DAY,) if window else ()) for name, (wall, window, late) in walls.items()
    ]
    return Story(year, off, back, setting, setting + timedelta(days=14), told)


async def live(story: Story, folder: Path, clock: VirtualClock, dice: random.Random) -> Life:
    """The whole year; afterwards the tables have the record."""
    life = Life(folder, clock, dice, SETTINGS)
    write_template(life.desk)
    for one in ROUNDS:
        _begin(life, story, one)
    _write_world(life)
    await life.begin()
    for instant, happens in sorted(_happenings(life, story, dice), key=lambda one: one[0]):
        await life.lives_until(instant)
        done = happens()
        if done is not None:
            await done
    await life.lives_until(story.ends)
    await life.end()
    return life


def _happenings(
    life: Life, story: Story, dice: random.Random
) -> list[tuple[datetime, Callable[[], Awaitable[None] | None]]]:
    found: list[tuple[datetime, Callable[[], Awaitable[None] | None]]] = []
    for one in ROUNDS:
        at = story.begins + OFTEN * dice.random()
        while at < story.ends:
            found.append((at, partial(_grow, life, story, one)))
            at += OFTEN * (0.5 + dice.random())
    found += [(_days_before(one), partial(_ask, life, one)) for one in story.everywhere]
    for _ in range(12):
        at = story.begins + timedelta(days=366 * dice.random())
        if not story.off - timedelta(hours=1) < at < story.back + timedelta(days=1):
            found.append((at, partial(_restart, life)))
    found += [
        (story.off, life.end),
        (story.back, life.begin),
        (story.back + timedelta(hours=1), partial(_release, life)),
    ]
    set_by = SET_BACK.total_seconds()
    found += [(story.set_back, partial(life.clock.jump, -set_by)), (story.put_right, partial(life.clock.jump, set_by))]
    return found


def _days_before(one: Everywhere) -> datetime:
    """When a campaign is sent: it is not that time anywhere yet."""
    return one.wall.replace(tzinfo=UTC) - timedelta(days=3, hours=1)


async def _restart(life: Life) -> None:
    await life.end()
    await life.begin()


def _begin(life: Life, story: Story, one: Round) -> None:
    story.sheets[one.name] = []
    for _ in range(AT_FIRST):
        _grow(life, story, one)
    create(
        life.desk, one.name, template="letter", list_name=one.name, transport=one.through,
        zone=one.zone, times=Times(windows=[one.window] if one.window else (), holidays=one.holidays, late=one.late),
        throttles=[one.throttle] if one.throttle else (),
        comes_round=ComesRound(one.every, one.whom, f"{one.name}.csv", one.late),
    )  # fmt: skip
    start(life.desk, one.name, confirm=lambda _checked, _dates: True)


def _grow(life: Life, story: Story, one: Round) -> None:
    """Somebody new stands in the series' sheet; every third goes to a school."""
    there = story.sheets[one.name]
    domain = "school.example" if len(there) % 3 == 0 else "example.org"
    there.append((life.clock.now(), f"{one.name}{len(there)}@{domain}"))
    lines = "".join(f"{address},P\n" for _, address in there)
    (life.desk.workspace.root / f"{one.name}.csv").write_text(f"email,first_name\n{lines}", encoding="utf-8")


def world() -> dict[str, str]:
    """Address -> zone of the people of `Everywhere`."""
    return {f"w{n}.{zone.rpartition('/')[2].lower()}@example.net": zone for zone in PLACES for n in range(2)}


def _write_world(life: Life) -> None:
    lines = "".join(f"{address},P,{zone}\n" for address, zone in world().items())
    (life.desk.workspace.root / "world.csv").write_text(f"email,first_name,zone\n{lines}", encoding="utf-8")
    import_list(life.desk, life.desk.workspace.root / "world.csv", "world")


def _ask(life: Life, one: Everywhere) -> None:
    times = Times(windows=[one.window] if one.window else (), late=one.late)
    at = f"{one.wall:%Y-%m-%d %H:%M}"
    create(
        life.desk,
        one.name,
        template="letter",
        list_name="world",
        transport="relay",
        zone="recipient",
        at=at,
        times=times,
    )
    send(life.desk, one.name, again=True, confirm=yes)


def _release(life: Life) -> None:
    """Somebody looks at what is held after the three days, and sends it."""
    for one in status(life.desk).campaigns:
        if one.occurrence and one.occurrence["held"]:
            send(life.desk, one.campaign.name, confirm=yes)
        assert one.campaign.state is not CampaignState.PAUSED, one.trouble


def _weekday(first: date, weekday: int, hour: int) -> datetime:
    """That weekday, on a day or after it, at an hour UTC."""
    day = first + timedelta(days=(weekday - first.weekday()) % 7)
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def _sunday(year: int, month: int, n: int) -> date:
    """The first Sunday of a month is 0, the last -1."""
    days = [date(year, month, 1) + timedelta(days=ahead) for ahead in range(31)]
    return [day for day in days if day.month == month and day.weekday() == 6][n]
