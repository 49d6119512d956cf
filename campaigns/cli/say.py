"""Sentences that several verbs say: when mail leaves, how much of it, through what, and what is still missing."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.cli.show import Screen, counted
from campaigns.model.duration import in_words
from campaigns.model.when import DAYS, say

NO_WORKER = "No worker is running: nothing leaves until `mergecast run` runs on a computer that is awake."


_LATE = {
    "send": "what is late leaves at once",
    "next-window": "what is late waits for the next window",
    "expire": "what is late expires",
}
STARTED = ("sending", "paused", "finished", "cancelled")  # states of a campaign whose start may lie behind it


def mails(number: int) -> str:
    return counted(number, "mail")


def when(starts: dict[str, Any], now: datetime | None = None) -> str:
    """`Tuesday 1 December 2026, 09:00 Europe/Berlin, in 7 days 12 hours`; `at once` for a start that is now."""
    now = now or datetime.now(UTC)
    if not starts["at"]:
        return starts_wall(starts)
    at = datetime.fromisoformat(starts["at"])
    return "at once" if not starts["wall"] and at <= now else say(at, starts["zone"], now)


def has_started(campaign: dict[str, Any], now: datetime | None = None) -> bool:
    at = campaign["starts"]["at"]
    begun = campaign["state"] in STARTED and bool(at)
    return begun and datetime.fromisoformat(at) <= (now or datetime.now(UTC))


def was_to_start(campaign: dict[str, Any]) -> bool:
    """Whether it was cancelled before its start, and so never will."""
    return campaign["state"] == "cancelled" and bool(campaign["starts"]["at"]) and not has_started(campaign)


def started(starts: dict[str, Any]) -> str:
    """`Tue 2026-12-01 09:00 CET, 2 days ago`, by the clock of the campaign's zone."""
    return clock(starts["at"], starts["zone"])


def starts_wall(starts: dict[str, Any]) -> str:
    """What was asked for, of a campaign that is not queued yet."""
    return f"{starts['wall'].replace('T', ' ')} {starts['zone']}" if starts["wall"] else "at once"


def rounds(series: dict[str, Any], zone: str, now: datetime | None = None) -> list[str]:
    """When a series comes round and for whom, its next date, and how its last one ended; a line each."""
    whom = {"new": "to people whom it has not mailed yet", "changed": "to new and changed rows", "all": "to all rows"}
    sheet = series["sheet"] or "the list's newest sheet"
    lines = [f"every {series['every'].removeprefix('every ')}, {zone}; {whom[series['to']]} of {sheet}"]
    if series["next"]:
        lines.append(f"next: {say(datetime.fromisoformat(series['next']), zone, now or datetime.now(UTC))}")
    if last := series["last"]:
        counts = ", ".join(f"{number:,} {state}" for state, number in last["messages"].items())
        state = "held" if last["held"] else last["state"]
        lines.append(f"last: {last['campaign']} is {state}{f' ({counts})' if counts else ', no mails'}")
    return lines


def clock(at: str, zone: str = "") -> str:
    """An instant that is over, by this computer's clock or that of a zone: `Tue 2026-12-01 09:00 CET, 2 days ago`."""
    local = datetime.fromisoformat(at).astimezone(ZoneInfo(zone) if zone else None)
    away = in_words(datetime.now(UTC) - local)
    return f"{DAYS[local.weekday()][:3]} {local:%Y-%m-%d %H:%M %Z}, {away} ago"


def said_times(told: dict[str, Any]) -> Iterator[str]:
    """On whose clock a campaign's times are, where people have their own; what becomes of late mail."""
    times = told.get("times")
    if times:
        whose = "each at that time on their own clock" if times["by_their_clocks"] else ""
        own = f"each at the time in their column {times['at_column']}" if times["at_column"] else ""
        zone = f"; else {told['starts']['zone']}" if times["zone_from"] else ""
        told_by = f"zones from {', '.join(times['zone_from'])}{zone}" if times["zone_from"] else ""
        yield ", ".join(part for part in (own or whose, told_by) if part)
    if told.get("late", "ask") != "ask":
        yield _LATE[told["late"]]


def through(told: dict[str, Any]) -> str:
    """`through relay`; a rehearsal says that it is one."""
    from campaigns.settings import LOCAL

    if told["leaves"]:
        return f"through {told['transport']}"
    if told["transport"] == LOCAL:
        return "as a rehearsal, into a mailbox on this computer"
    return f"as a rehearsal through {told['transport']}: nobody receives anything"


def said_shares(shares: Sequence[dict[str, Any]]) -> str:
    """`1,200 through relay, 300 through cloud (outlook.com)`"""
    return ", ".join(
        f"{share['mails']:,} through {share['transport']}"
        + (f" ({', '.join(share['groups'])})" if share["groups"] else "")
        for share in shares
    )


def first(canary: dict[str, Any]) -> str:
    """`10 mails leave first, the others 30min later`"""
    leave = "mail leaves" if canary["mails"] == 1 else "mails leave"
    return f"{canary['mails']:,} {leave} first, the others {canary['hold']} later"


def those(audience: dict[str, Any]) -> str:
    """`rows where country = 'DE'; nobody of the list partners; nobody mailed in the last 30d`."""
    said = [f"rows where {audience['where']}"] if audience["where"] else []
    said += [f"nobody of the list {name}" for name in audience["exclude"]]
    if audience["not_mailed_in"]:
        said.append(f"nobody mailed in the last {audience['not_mailed_in']}")
    return "; ".join(said)


def say_approval(approval: dict[str, Any]) -> str:
    """`Approved by ada, 2026-12-01 09:00: looks good.`, and what changed since."""
    note = f": {approval['note']}" if approval["note"] else ""
    changed = (
        f" Since then {', '.join(approval['changed'])} changed: that takes it back." if approval["changed"] else ""
    )
    return f"Approved by {approval['who']}, {clock(approval['at'])}{note}.{changed}"


def rehearsal(number: int, folder: str, campaign: str) -> str:
    """What is said when a rehearsal has been written; `folder` as a person would name it, like `mail/`."""
    return (
        f"Rehearsal: {mails(number)} written to {folder}. Nobody has received anything. "
        f"To send for real: set up a transport, then `mergecast send {campaign} --transport relay`."
    )


def say_queued(screen: Screen, told: dict[str, Any]) -> None:
    """The end of `send`, `merge`, `proof` and `resend`: when, how many, through what, and whether anybody sends."""
    shares = told.get("shares", [])
    ways = f": {said_shares(shares)}" if len(shares) > 1 else f" {through(told)}"
    queued = f"{mails(told['queued'])} queued{ways}"
    left_out = f"; {counted(told['left_out'], 'row')} left out" if told["left_out"] else ""
    screen.say(f"{told['campaign']}: {queued}{left_out}.", "bold")
    screen.say(f"Starts {when(told['starts'])}.")
    for said in said_times(told):
        screen.say(f"{said[0].upper()}{said[1:]}.")
    if told.get("hold"):
        screen.say(f"Until then `mergecast reopen {told['campaign']}` takes all of it back.")
    if told.get("opens"):
        opens = say(datetime.fromisoformat(told["opens"]), told["starts"]["zone"], datetime.now(UTC))
        screen.say(f"Its send window opens {opens}.")
    if told.get("canary"):
        screen.say(f"Canary: {first(told['canary'])}.")
    if not told["worker_running"]:
        screen.say(NO_WORKER, "yellow")
