"""Before mail leaves: `plan`, `calendar`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from campaigns.cli.face import Face, verb
from campaigns.cli.options import CampaignName, OtherTransport, When, writable
from campaigns.cli.pace import speed
from campaigns.cli.say import mails
from campaigns.cli.show import Screen, counted
from campaigns.errors import UsageError
from campaigns.model.duration import in_words
from campaigns.model.when import DAYS, say, say_wall

_WEEK = timedelta(days=6)
_DAY = 86_400  # seconds
_WIDE = 40  # characters of the longest bar
_EIGHTHS = " ▏▎▍▌▋▊▉"

verbs = typer.Typer()


@verb(verbs, "plan")
def plan(
    face: Face,
    name: CampaignName,
    *,
    transport: OtherTransport = "",
    at: When = "",
    png: Annotated[
        Path | None, typer.Option("--png", metavar="FILE", help="Draw it into a picture, too.", show_default=False)
    ] = None,
) -> None:
    """Say when a campaign's first and last mail will leave, and what limits it; nothing is queued.

    With `--at` or `--transport`: what if."""
    from campaigns.actions.plan import plan as action

    png = writable(png)
    if png is not None:
        from campaigns.cli.picture import refuse_without_library

        refuse_without_library()
        if png.suffix.lower() != ".png":
            raise UsageError("The picture is a PNG.", remedy=f"Call it {png.with_suffix('.png').name}.")
    with face.desk() as desk, face.progress(f"Checking {name}") as progress:
        result = action(desk, name, transport=transport, at=at, progress=progress)
    if png is not None:
        from campaigns.cli.picture import draw

        draw(result.as_json(), png)
    face.show(result, say_plan)


def say_plan(screen: Screen, told: dict[str, Any]) -> None:
    now = datetime.now(UTC)
    screen.say(f"{told['campaign']}: {mails(told['mails'])}.", "bold")
    if told["state"] == "paused":
        screen.say("It is paused: this is how it would go if it were resumed now.")
    for said in said_ends(told, now):
        screen.say(said)
    for one in told["limits"]:
        sooner = in_words(timedelta(seconds=one["gain"]))
        without = short(one["last_without"], told["zone"], now)
        screen.say(
            f"Limited by {limit_said(one)}: without it the last would leave {without} {told['zone']}, {sooner} sooner."
        )
    if told["beside"]:
        screen.say(f"The same transports carry {', '.join(told['beside'])} as well; that is in it.")
    for wire in told["wires"]:
        if wire["rate"]:
            screen.say(f"{wire['transport']} is taken to carry {speed(wire['rate'])}, as it did of late.", "dim")
        else:
            screen.say(f"How fast {wire['transport']} itself is nobody knows yet: taken as no limit.", "dim")
    _say_curve(screen, told)


def said_ends(told: dict[str, Any], now: datetime) -> Iterator[str]:
    """The first mail and the last, in full."""
    if told["first"]:
        yield f"The first leaves {say(datetime.fromisoformat(told['first']), told['zone'], now)}."
    if told["last"]:
        yield f"The last leaves {say(datetime.fromisoformat(told['last']), told['zone'], now)}."
    if told["never"]:
        yield f"{mails(told['never'])} will not leave within 400 days: look at windows, limits and transports."


def in_a_line(told: dict[str, Any], now: datetime | None = None) -> str:
    """`The first leaves now, the last Tuesday 14:20 UTC, in 2 days; gmail.com, 20/min limits it.`; "" where there is nothing."""
    now = now or datetime.now(UTC)
    if told["never"] or not told["first"]:
        return f"{mails(told['never'])} will not leave within 400 days." if told["never"] else ""
    if datetime.fromisoformat(told["last"]) - now < timedelta(minutes=1):
        return ""  # all at once: nothing to plan
    first, last = (short(told[key], told["zone"], now) for key in ("first", "last"))
    zone = f"{told['zone']}, in {in_words(datetime.fromisoformat(told['last']) - now)}"
    if first == last:
        return f"All leave {first} {zone}."
    limits = f"; {limit_said(told['limits'][0])} limits it" if told["limits"] else ""
    days = f". {told['on_first_day']:,} leave on the first day" if _takes_days(told) else ""
    return f"The first leaves {first}, the last {last} {zone}{limits}{days}."


def _takes_days(told: dict[str, Any]) -> bool:
    first, last = (datetime.fromisoformat(told[key]).astimezone(ZoneInfo(told["zone"])) for key in ("first", "last"))
    return first.date() != last.date()


def limit_said(one: dict[str, Any]) -> str:
    """`gmail.com, 20/min`, `its send window`; with others where only all of them together matter."""
    parts = str(one["limit"]).split(" together with ")
    return " together with ".join("its send window" if part == "window" else part for part in parts)


def short(at: str, zone: str, now: datetime) -> str:
    """`now`, `Tuesday 09:00` within a week, else with the date."""
    instant = datetime.fromisoformat(at)
    if instant - now < timedelta(seconds=30):
        return "now"
    local = instant.astimezone(ZoneInfo(zone))
    return (
        f"{DAYS[local.weekday()]} {local:%H:%M}" if instant - now < _WEEK else say_wall(instant.replace(second=0), zone)
    )


def _say_curve(screen: Screen, told: dict[str, Any]) -> None:
    """A line for each stretch of time: when it begins, a bar, and how many leave."""
    curve, step = told["curve"], told["step"]
    most = max((bar["mails"] for bar in curve), default=0)
    if len(curve) < 2:
        return
    day, idle = "", 0
    screen.say(f"Mails in each {stretch(step)}, {told['zone']}:", "dim")
    for bar in curve:
        if not bar["mails"]:
            idle += 1
            continue
        if idle:
            screen.say("...", "dim", lead=" " * (13 if step < _DAY else 7))
        idle = 0
        local = datetime.fromisoformat(bar["at"]).astimezone(ZoneInfo(told["zone"]))
        today = f"{DAYS[local.weekday()][:3]} {local.day:>2}"
        hour = f" {local:%H:%M}" if step < _DAY else ""
        lead = f"{today if today != day else '':6}{hour} "
        day = today
        screen.say(f"{lead}{_bar(bar['mails'], most)} {bar['mails']:,}")


def stretch(seconds: int) -> str:
    """`hour`, `5 minutes`"""
    return in_words(timedelta(seconds=seconds)).removeprefix("1 ")


def _bar(number: int, most: int) -> str:
    eighths = max(1, round(number * _WIDE * 8 / most))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


@verb(verbs, "calendar")
def calendar(
    face: Face,
    weeks: Annotated[int, typer.Option("--weeks", metavar="N", min=1, max=52, help="How far to look ahead.")] = 4,
) -> None:
    """Show what is planned for the next weeks, and who would get several mails on one day."""
    from campaigns.actions.calendar import calendar as action

    with face.desk() as desk:
        face.show(action(desk, weeks=weeks), say_calendar)


def say_calendar(screen: Screen, told: dict[str, Any]) -> None:
    if not told["days"]:
        screen.say(f"Nothing is planned until {told['until']}.")
        return
    rows = []
    for day in told["days"]:
        name = f"{DAYS[datetime.fromisoformat(day['day']).weekday()][:3]} {day['day']}"
        for one in day["campaigns"]:
            number = "" if one["mails"] is None else f"{one['mails']:,}"
            rows.append((name, one["campaign"], _hours(one, told["zone"]), number, _what(one)))
            name = ""
    screen.table(("day", "campaign", told["zone"], "mails", ""), rows, right=("mails",))
    for one in told["collisions"]:
        day = datetime.fromisoformat(one["day"])
        people = counted(one["people"], "person", "people")
        names = f"{', '.join(one['campaigns'][:-1])} and {one['campaigns'][-1]}"
        screen.say(f"{DAYS[day.weekday()]} {one['day']}: up to {people} would get {names} on one day.", "yellow")


def _hours(one: dict[str, Any], zone: str) -> str:
    first, last = (datetime.fromisoformat(one[key]).astimezone(ZoneInfo(zone)) for key in ("first", "last"))
    return f"{first:%H:%M}" if f"{first:%H:%M}" == f"{last:%H:%M}" else f"{first:%H:%M}-{last:%H:%M}"


def _what(one: dict[str, Any]) -> str:
    return "comes round" if one["state"] == "recurring" else str(one["state"])
