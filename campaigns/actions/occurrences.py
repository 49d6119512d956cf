"""The occurrences of series: each is made into an ordinary campaign when its time has come, then queued or held.

    what a kill left? -> due? missed? -> a draft of its own -> read the sheet again, check, queue | hold

The draft is written in one transaction with the date that is dealt with by it, and series and local date are unique in
the table: no clock, restart or kill makes a second one. What a kill leaves in the middle is taken up at the next look.
"""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from campaigns.actions.check import CheckResult
from campaigns.actions.desk import Desk
from campaigns.actions.prepare import PREPARABLE
from campaigns.actions.send import PastMidnightError, send
from campaigns.actions.series import dealt_with, recurrence_of, upcoming
from campaigns.clock import from_micros, to_micros
from campaigns.errors import MergecastError, StoreError
from campaigns.model.late import Late
from campaigns.model.recurrence import Occurrence
from campaigns.model.series import too_many
from campaigns.model.states import CampaignState
from campaigns.model.when import say
from campaigns.store import campaigns, history, series
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection
from campaigns.store.series import Series

_ENDS_US = "To check it has ended the process that checks, three times."
BEGUN, MISSED = "occurrence.begun", "occurrences.missed"
HELD = "held"  # how the reason of a campaign begins that waits for a person's `send` or `cancel`

_OF_PATTERN = (
    "kind", "list_id", "template", "sender_given", "sender", "reply_to", "public_url", "transport", "leaves", "zone",
    "late_after", "late", "give_up_after", "throttles", "audience", "pause_above", "windows", "holidays", "zone_by",
)  # fmt: skip


class Tell(Protocol):
    """Who hears what became of an occurrence: an event's name, and what it is about."""

    def __call__(self, event: str, **about: Any) -> None: ...


class HeldError(Exception):
    """A policy of the series holds the occurrence; the text says why."""


def prepare_due(desk: Desk, tell: Tell, *, spare: bool = False) -> None:
    """Finish what was left in the middle, and make whatever is due; one after the other.

    With `spare`, what was left is held instead of being tried again: it has ended this process too often.
    """
    with desk.store.read() as conn:
        running = series.that_run(conn)
    for mine in running:
        if mine.preparing is not None:
            _prepare(desk, mine.campaign_id, tell, spare=spare)
        if _begin(desk, mine.campaign_id, tell):
            _prepare(desk, mine.campaign_id, tell)


def _begin(desk: Desk, pattern_id: int, tell: Tell) -> bool:
    """Write down the series' newest due date as a draft of its own; False if nothing is to be made now."""
    with desk.store.write() as conn:
        pattern, mine = campaigns.by_id(conn, pattern_id), series.of_campaign(conn, pattern_id)
        if pattern is None or mine is None or mine.preparing or pattern.state is not CampaignState.RECURRING:
            return False
        now = desk.clock.now()
        due = _due(pattern, mine, now)
        news = dict(_deal_with(desk, conn, pattern, mine, due)) if due else {}
        _set_alarm(conn, pattern, now)
    for event, about in news.items():
        tell(event, series=pattern.name, **about)
    return BEGUN in news


def _due(pattern: Campaign, mine: Series, now: datetime) -> Occurrence | None:
    """The newest date whose time has come, and that nothing has been done about."""
    newest = recurrence_of(pattern, mine).latest(from_micros(mine.since or 0), now)
    return newest if newest and newest.on.isoformat() > dealt_with(pattern, mine, now) else None


def _leaves_at(pattern: Campaign, mine: Series, due: Occurrence, now: datetime) -> datetime | None:
    """When a due occurrence is to leave, by the late rule if it is late; None where it is left out."""
    late_after = timedelta(seconds=pattern.late_after)
    if now - due.at <= late_after or mine.late is Late.ASK:
        return due.at
    if mine.late is Late.EXPIRE:
        return None
    if mine.late is Late.SEND:
        return now
    put_off = from_micros(mine.put_off_until) if mine.put_off_until is not None else None
    if put_off is not None and now - put_off <= late_after:
        return put_off
    return recurrence_of(pattern, mine).next_hour(now)


def _deal_with(
    desk: Desk, conn: Connection, pattern: Campaign, mine: Series, due: Occurrence
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Put a due occurrence off, leave it out, or write its draft; what is to be told of it."""
    now, day = desk.clock.now(), due.on.isoformat()
    leaves_at = _leaves_at(pattern, mine, due, now)
    if leaves_at is not None and leaves_at > now:
        series.change(conn, pattern.id, put_off_until=to_micros(leaves_at))
        return
    series.change(conn, pattern.id, latest=day, put_off_until=None)
    if leaves_at is None:
        _remember(desk, conn, pattern.id, "miss", {"on": day})
        yield MISSED, {"dates": 1, "first": day, "last": day}
    elif series.occurrence_on(conn, pattern.name, day) is None:
        if missed := _before(pattern, mine, due):
            yield MISSED, {"dates": len(missed), "first": missed[0], "last": missed[-1]}
        _draft(desk, conn, pattern, day, leaves_at)
        yield BEGUN, {"on": day}


def _before(pattern: Campaign, mine: Series, due: Occurrence) -> list[str]:
    """The dates before a due one that nothing was done about: they are not made up for."""
    recurrence = recurrence_of(pattern, mine)
    since = max(from_micros(mine.since or 0), recurrence.at(date.fromisoformat(mine.latest or "1970-01-01")))
    return [one.on.isoformat() for one in itertools.takewhile(lambda one: one.at < due.at, recurrence.after(since))]


def _draft(desk: Desk, conn: Connection, pattern: Campaign, day: str, leaves_at: datetime) -> None:
    """The occurrence as a campaign, made like the pattern."""
    columns = {name: getattr(pattern, name) for name in _OF_PATTERN}
    made = campaigns.insert(
        conn,
        **columns | {"kind": str(pattern.kind)},
        name=_name(conn, pattern.name, day),
        state=str(CampaignState.DRAFT),
        series=pattern.name,
        occurrence=day,
        tag_salt=os.urandom(16),
        made_at=desk.clock.micros(),
        who=desk.who,
    )
    series.change(conn, pattern.id, preparing=made, due_at=to_micros(leaves_at))
    _remember(desk, conn, made, "create", {"series": pattern.name, "on": day})


def _set_alarm(conn: Connection, pattern: Campaign, now: datetime) -> None:
    """When to look again: at the next date, or when a missed one was put off to."""
    mine = series.of_campaign(conn, pattern.id)
    assert mine is not None
    dates = [to_micros(one.at) for one in upcoming(pattern, mine, now)[:1]]
    if mine.put_off_until is not None:
        dates.append(mine.put_off_until)
    series.change(conn, pattern.id, next_at=min(dates, default=None))


def _name(conn: Connection, name: str, day: str) -> str:
    """`spring-2026-11-30`; with a number where somebody has called another campaign so."""
    wished = (f"{name}-{day}" if n == 1 else f"{name}-{day}-{n}" for n in range(1, 10_000))
    return next(wish for wish in wished if campaigns.find(conn, wish) is None)


@dataclass(frozen=True, slots=True)
class _Open:
    """An occurrence between its draft and its queueing."""

    pattern: Campaign
    series: Series
    campaign: Campaign


def _prepare(desk: Desk, pattern_id: int, tell: Tell, *, spare: bool = False) -> None:
    """Bring a draft to its end: queued, or held with the reason."""
    one = _left_open(desk, pattern_id)
    if one is None:
        return
    _close(desk, one, _ENDS_US if spare else _why_held(desk, one), tell)


def _why_held(desk: Desk, one: _Open) -> str:
    """Check and queue it; what stands against that, or nothing. StoreError, and then it stays open."""
    try:
        send(desk, one.campaign.name, again=True, confirm=_Judge(desk, one))
    except StoreError:
        raise
    except PastMidnightError:
        return _why_held(desk, one)
    except MergecastError as error:
        return f"{error.sentence} {error.remedy}".strip()
    except HeldError as error:
        return str(error)
    return ""


def _left_open(desk: Desk, pattern_id: int) -> _Open | None:
    """The occurrence that is open, if a person has not taken it in hand meanwhile."""
    with desk.store.write() as conn:
        pattern, mine = campaigns.by_id(conn, pattern_id), series.of_campaign(conn, pattern_id)
        assert pattern is not None
        assert mine is not None
        campaign = campaigns.by_id(conn, mine.preparing) if mine.preparing else None
        if campaign is None or campaign.state not in PREPARABLE:
            series.change(conn, pattern_id, preparing=None, due_at=None)
            return None
    return _Open(pattern, mine, campaign)


@dataclass(frozen=True, slots=True)
class _Judge:
    """Says of a checked occurrence whether it may leave without a person."""

    desk: Desk
    one: _Open

    def __call__(self, checked: CheckResult) -> bool:
        pattern, mine, now = self.one.pattern, self.one.series, self.desk.clock.now()
        with self.desk.store.read() as conn:
            current = campaigns.by_id(conn, pattern.id)
            before = series.sent(conn, pattern.name, leaves=checked.leaves, but=self.one.campaign.id)
        if current is None or current.state is not CampaignState.RECURRING:
            raise HeldError(f"{pattern.name} is {current.state if current else 'gone'} by now.")
        due_at = from_micros(mine.due_at or 0)
        if now - due_at > timedelta(seconds=pattern.late_after) and mine.late is not Late.SEND:
            raise HeldError(f"It is late: it was to leave on {say(due_at, pattern.zone, now)}.")
        last = before[0].rows if before else mine.first_rows
        if too_many(checked.rows, last):
            raise HeldError(f"Its sheet has {checked.rows:,} rows, the last one had {last:,}: more than twice as many.")
        return True


def _close(desk: Desk, one: _Open, why: str, tell: Tell) -> None:
    """The occurrence is through with being made; with a reason, it is held unless a person was quicker."""
    about = {"series": one.pattern.name, "campaign": one.campaign.name}
    with desk.store.write() as conn:
        mine = series.of_campaign(conn, one.pattern.id)
        if mine is None or mine.preparing != one.campaign.id:
            return
        series.change(conn, one.pattern.id, preparing=None, due_at=None)
        campaign = campaigns.by_id(conn, one.campaign.id)
        if why and campaign is not None and campaign.state in PREPARABLE:
            campaigns.change_state(conn, campaign.id, campaign.state, allowed=PREPARABLE, reason=f"{HELD}: {why}")
            _remember(desk, conn, campaign.id, "hold", {"reason": why})
    if why:
        tell("occurrence.held", **about, reason=why)
    else:
        tell("occurrence.queued", **about)


def _remember(desk: Desk, conn: Connection, campaign_id: int, verb: str, detail: dict[str, Any]) -> None:
    history.record(
        conn, at=desk.clock.now(), who=desk.who, verb=verb, thing="campaign", thing_id=campaign_id, detail=detail
    )
