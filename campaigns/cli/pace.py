"""How fast a campaign goes, in sentences: its rate, what it waits for, what slows it down, and when it will be through."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from campaigns.model.duration import in_words
from campaigns.model.when import say

_SAID = 3  # of the things that it waits for
_WARM_UP = ", warm-up day "
_BY_THE_CLOCK = {
    "window": "its send window",
    "time": "people's own times",
    "late": "its next time, because it was late",
}


def said_pace(campaign: dict[str, Any], now: datetime | None = None) -> Iterator[str]:
    """What follows the campaign's name: `waits 00:42 for gmail.com, 20/min`, without the full stop."""
    now = now or datetime.now(UTC)
    if campaign["rate"]:
        yield f"sends {speed(campaign['rate'])}"
    if campaign["canary"]:
        yield from _canary(campaign, now)
    waiting = campaign["waiting"]
    if waiting and waiting["for"] == "start":
        yield f"waits for its start, {say(datetime.fromisoformat(waiting['until']), campaign['starts']['zone'], now)}"
    if waiting and waiting["for"] == "hold":
        until = say(datetime.fromisoformat(waiting["until"]), campaign["starts"]["zone"], now)
        yield f"is holding until {until}. `mergecast reopen {campaign['name']}` takes all of it back"
    put_off = waiting is not None and waiting["for"] == "late"  # nothing else holds it then
    others = [] if put_off else [wait for wait in campaign["waits"] if wait["for"] not in _BY_THE_CLOCK]
    by_the_clock = [waiting] if waiting else campaign["waits"]
    for wait in [wait for wait in by_the_clock if wait["for"] in _BY_THE_CLOCK][:1]:
        yield _until(wait, campaign, now, "" if waiting else "; other mail goes on")
    for wait in others[:_SAID]:
        rest = "" if waiting else "; other mail goes on"
        yield f"waits {_left_or_until(wait, campaign, now)}for {wait['for']}{rest}"
    for slowed in campaign["slowed"]:
        yield _slowed(slowed, now)
    if campaign["connections"]:
        yield f"goes as fast as its {campaign['connections']} connections; the throttles would let through more"
    if campaign["ends"]:
        ends = say(datetime.fromisoformat(campaign["ends"]), campaign["starts"]["zone"], now)
        yield f"will be through {ends}{_slip(campaign)}"


def _slip(campaign: dict[str, Any]) -> str:
    """`, 2 hours later than planned (by 25 %)`; empty while it is in time."""
    told = campaign["forecast"]
    if not told["slip"]:
        return ""
    later = datetime.fromisoformat(told["ends"]) - datetime.fromisoformat(told["planned"])
    return f", {in_words(later)} later than planned (by {told['slip']:.0%})"


def speed(rate: float) -> str:
    """`98.2/s`, `20.0/min`"""
    return f"{rate:,.1f}/s" if rate >= 1 else f"{rate * 60:,.1f}/min"


def _canary(campaign: dict[str, Any], now: datetime) -> Iterator[str]:
    canary, waiting = campaign["canary"], campaign["waiting"]
    sent = f"{canary['gone']:,} of {canary['mails']:,} sent as canary"
    if waiting and waiting["for"] == "canary":
        until = say(datetime.fromisoformat(waiting["until"]), campaign["starts"]["zone"], now)
        yield f"is holding until {until}: {sent}. `mergecast resume {campaign['name']}` ends the hold"
    elif campaign["state"] in ("sending", "paused") and not canary["holds_until"]:
        yield f"sends its canary: {sent}"


def _until(wait: dict[str, Any], campaign: dict[str, Any], now: datetime, rest: str) -> str:
    """`waits for its send window, until Monday 30 November 2026, 09:00 Europe/Berlin, in 12 hours`"""
    what = _BY_THE_CLOCK[wait["for"]]
    if not wait["until"]:
        return f"waits for {what}, which never opens{rest}"
    return (
        f"waits for {what}, until {say(datetime.fromisoformat(wait['until']), campaign['starts']['zone'], now)}{rest}"
    )


def _left_or_until(wait: dict[str, Any], campaign: dict[str, Any], now: datetime) -> str:
    """A warm-up waits for the next hour or day of a clock, so that is said; of all else, how long it takes."""
    if _WARM_UP in wait["for"] and wait["until"]:
        return f"until {say(datetime.fromisoformat(wait['until']), campaign['starts']['zone'], now)}, "
    return _left(wait, now)


def _left(wait: dict[str, Any], now: datetime) -> str:
    """`00:42 `; hours and days in words; empty where nobody knows how long."""
    if not wait["until"]:
        return ""
    left = timedelta(seconds=max(0, round((datetime.fromisoformat(wait["until"]) - now).total_seconds())))
    minutes, seconds = divmod(int(left.total_seconds()), 60)
    return f"{minutes:02}:{seconds:02} " if minutes < 60 else f"{in_words(left)} "


def _slowed(slowed: dict[str, Any], now: datetime) -> str:
    asked = f"goes slower, because a server asks for it: {slowed['whose']}"
    if slowed["until"]:
        return f"{asked} stands still for {_left(slowed, now).strip()}"
    return f"{asked} goes {speed(slowed['rate'])} and faster by and by" if slowed["rate"] else asked
