"""Status: what the worker does, where each campaign stands, and what needs a person."""

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns.actions import approval
from campaigns.actions.approval import ApprovalTold
from campaigns.actions.desk import Desk
from campaigns.actions.doctor_disk import LITTLE_DISK
from campaigns.actions.forecast import ForecastTold, forecast
from campaigns.actions.held import Held, held
from campaigns.actions.naming import campaign_named, canary_of, hold_of, starts
from campaigns.actions.outages import Outage, outages, said_of
from campaigns.actions.series_told import occurrence_told, series_told
from campaigns.actions.warm_ups import WarmUpTold
from campaigns.actions.warm_ups import told as warm_ups_told
from campaigns.actions.window import next_leave, refuse_shut, ways_of, windows_of
from campaigns.clock import from_micros, to_micros
from campaigns.errors import WindowError
from campaigns.model.audience import Audience
from campaigns.model.late import Late
from campaigns.model.routes import WaysOut
from campaigns.model.send_window import SendWindows
from campaigns.model.states import CampaignState, MessageState, PauseReason
from campaigns.settings import Settings
from campaigns.store import campaigns, canaries, outbox, reporting, series, workers
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection
from campaigns.store.workers import Worker

_OPEN = (CampaignState.SCHEDULED, CampaignState.SENDING, CampaignState.PAUSED)
_WHY_PAUSED = {
    PauseReason.LATE: "It, or a part of it, could not start in time and was paused.",
    PauseReason.ERRORS: "It was paused because the server refuses its mail.",
    PauseReason.KEY: "It was paused because the transport's password, key or certificate is wrong.",
}
_ANSWER = re.compile(r"\d{3}\b")  # how a server's words begin


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a campaign waits for ("start", "throttle", a transport, ...), and until when if that is known."""

    what: str
    until: datetime | None

    def as_json(self) -> dict[str, Any]:
        return {"for": self.what, "until": self.until.isoformat() if self.until else None}


@dataclass(frozen=True, slots=True)
class Slowed:
    """Whose mail goes slower than its throttles, because a server complained: a transport, or a domain group on it."""

    whose: str
    rate: float | None  # a second; None where nothing goes until then
    until: datetime | None

    def as_json(self) -> dict[str, Any]:
        return {"whose": self.whose, "rate": self.rate, "until": self.until.isoformat() if self.until else None}


@dataclass(frozen=True, slots=True)
class CampaignStatus:
    campaign: Campaign
    left_out: int
    messages: Mapping[MessageState, int]
    rate: float  # hand-overs a second just now
    waiting: Waiting | None  # for what all of it waits
    waits: tuple[Waiting, ...]  # for what some of it waits
    slowed: tuple[Slowed, ...]
    connections: int | None  # as many are the limit just now, not the throttles
    forecast: ForecastTold | None  # while a worker sends it
    windows: SendWindows
    canary: dict[str, Any] | None
    trouble: tuple[str, ...]  # sentences
    approval: ApprovalTold | None = None
    series: dict[str, Any] | None = None  # where it comes round
    occurrence: dict[str, Any] | None = None  # where it is one of a series

    @property
    def state(self) -> CampaignState:
        """The campaign's state; approved as long as that holds."""
        taken_back = self.approval is None or bool(self.approval.changed)
        if self.campaign.state is CampaignState.APPROVED and taken_back:
            return CampaignState.CHECKED
        return self.campaign.state

    def as_json(self) -> dict[str, Any]:
        told = self.campaign
        return {
            "name": told.name,
            "state": str(self.state),
            "reason": told.reason,
            "rows": told.rows,
            "left_out": self.left_out,
            "messages": {state.name.lower(): self.messages[state] for state in MessageState},
            "starts": starts(told),
            "transport": told.transport,
            "leaves": told.leaves,
            "audience": Audience.unpack(told.audience).as_json(),
            "rate": self.rate,
            "waiting": self.waiting.as_json() if self.waiting else None,
            "waits": [wait.as_json() for wait in self.waits],
            "slowed": [slowed.as_json() for slowed in self.slowed],
            "connections": self.connections,
            "ends": self.forecast.ends.isoformat() if self.forecast and self.forecast.ends else None,
            "forecast": self.forecast.as_json() if self.forecast else None,
            "windows": list(map(str, self.windows.windows)),
            "pause_above": told.pause_above,
            "canary": self.canary,
            "trouble": list(self.trouble),
            "approval": self.approval.as_json() if self.approval else None,
            "series": self.series,
            "occurrence": self.occurrence,
        }


@dataclass(frozen=True, slots=True)
class Status:
    worker: Worker | None
    campaigns: tuple[CampaignStatus, ...]
    held: Held | None = None
    outages: tuple[Outage, ...] = ()
    warm_ups: tuple[WarmUpTold, ...] = ()

    @property
    def goes_on(self) -> bool:
        """Whether something sends, or will."""
        return any(one.state in (CampaignState.SCHEDULED, CampaignState.SENDING) for one in self.campaigns)

    @property
    def needs_a_person(self) -> bool:
        """Whether the exit status is 1."""
        return self.held is not None or any(one.trouble for one in self.campaigns)

    def as_json(self) -> dict[str, Any]:
        worker = self.worker and {
            "host": self.worker.host,
            "pid": self.worker.pid,
            "version": self.worker.version,
            "beat_at": self.worker.beat_at.isoformat(),
        }
        return {
            "worker": worker,
            "held": self.held.as_json() if self.held else None,
            "outages": [outage.as_json() for outage in self.outages],
            "warm_ups": [one.as_json() for one in self.warm_ups],
            "campaigns": [one.as_json() for one in self.campaigns],
        }


def status(desk: Desk, name: str = "") -> Status:
    """One campaign, or all of them, the newest first."""
    now = desk.clock.now()
    free = shutil.disk_usage(desk.store.path.parent).free if desk.store.path else None
    with desk.store.read() as conn:
        worker = workers.alive(conn, now)
        names = [campaign_named(conn, name).name] if name else campaigns.names(conn)
        told = tuple(_status(desk, conn, campaign_named(conn, one), worker, free) for one in names)
        warm_ups = warm_ups_told(conn, desk.workspace.settings, now)
    return Status(worker, told, held(desk), outages(worker), warm_ups)


def _status(
    desk: Desk, conn: Connection, campaign: Campaign, worker: Worker | None, free: int | None
) -> CampaignStatus:
    now = desk.clock.now()
    doing = (worker.doing.get("campaigns", {}) if worker else {}).get(campaign.name, {})
    ways = ways_of(desk.workspace.settings, campaign)
    slowed = [one for one in worker.doing.get("slowed", ()) if _is_on(one, ways)] if worker else []
    rate = float(doing.get("rate", 0.0))
    sending = campaign.state is CampaignState.SENDING
    settings = desk.workspace.settings
    messages = reporting.count_messages(conn, campaign.id, campaign.state)
    waits = _by_the_clock(conn, settings, campaign, now)
    due = not waits and _mail_is_due(conn, campaign, now)
    uncertain = messages[MessageState.UNCERTAIN]
    occurrence = occurrence_told(conn, campaign)
    waiting = _waiting(campaign, doing, now, waits)
    return CampaignStatus(
        campaign=campaign,
        left_out=sum(reporting.count_left_out(conn, campaign.id).values()),
        messages=messages,
        rate=rate,
        waiting=waiting,
        waits=tuple(map(_wait, doing.get("waits", ()))) if sending else (),
        slowed=tuple(map(_slowed, slowed)) if sending else (),
        connections=doing.get("connections") if sending else None,
        forecast=_forecast(conn, campaign, waiting, now) if sending and worker else None,
        windows=windows_of(settings, campaign),
        canary=_canary(conn, campaign),
        trouble=(
            *(_held(campaign) if occurrence and occurrence["held"] else ()),
            *_trouble(campaign, worker, settings, ways, due=due, uncertain=uncertain, free=free),
            *_shut_for_good(campaign, settings, now),
        ),
        approval=approval.told(desk, conn, campaign),
        series=series_told(conn, campaign),
        occurrence=occurrence,
    )


def _forecast(conn: Connection, campaign: Campaign, waiting: Waiting | None, now: datetime) -> ForecastTold | None:
    """What is kept, unless it is overtaken: by an outage, or by mail that was put off since."""
    kept = forecast(conn, campaign.id)
    at_least = max(now, waiting.until) if waiting and waiting.until else now
    return None if kept.ends is not None and kept.ends < at_least else kept


def _by_the_clock(conn: Connection, settings: Settings, campaign: Campaign, now: datetime) -> Waiting | None:
    """The window or the instant that all mail waits for of a campaign that has begun; None where some could leave now."""
    begun = campaign.state is CampaignState.SENDING or (
        campaign.state is CampaignState.SCHEDULED and (campaign.starts_at or 0) <= to_micros(now)
    )
    found = next_leave(conn, settings, campaign, now) if begun else None
    if found is None or found[0] <= now:
        return None
    opens, waits_for_window = found
    if waits_for_window:
        return Waiting("window", opens)
    if campaign.has_own_times:
        return Waiting("time", opens)
    was_late = campaign.late == Late.NEXT_WINDOW and outbox.has_untried(conn, campaign.id)
    return Waiting("late", opens) if was_late else None  # else it waits for another try


def _mail_is_due(conn: Connection, campaign: Campaign, now: datetime) -> bool:
    if campaign.state is CampaignState.SCHEDULED:
        return campaign.starts_at is not None and campaign.starts_at <= to_micros(now)
    if campaign.state is CampaignState.RECURRING:
        mine = series.of_campaign(conn, campaign.id)
        return mine is not None and (mine.preparing is not None or (mine.next_at or 0) <= to_micros(now))
    if campaign.state is CampaignState.SENDING:
        return reporting.has_due(conn, campaign.id, now, of_canary=campaign.canary_alone(to_micros(now)))
    return campaign.state is not CampaignState.CANCELLED and reporting.queued_proofs(conn, campaign.id) > 0


def _waiting(
    campaign: Campaign, doing: Mapping[str, Any], now: datetime, by_the_clock: Waiting | None
) -> Waiting | None:
    if campaign.state is CampaignState.SCHEDULED and campaign.starts_at is not None:
        what = "hold" if hold_of(campaign) else "start"
        starts_later = campaign.starts_at > to_micros(now)
        return Waiting(what, from_micros(campaign.starts_at)) if starts_later else by_the_clock
    if campaign.state is not CampaignState.SENDING:
        return None
    if campaign.holds_until is not None and campaign.canary_alone(to_micros(now)):
        return Waiting("canary", from_micros(campaign.holds_until))
    told = doing.get("waiting")
    return by_the_clock or (_wait(told) if told else None)


def _wait(told: Mapping[str, Any]) -> Waiting:
    until = told.get("until")
    return Waiting(str(told.get("for", "")), None if until is None else from_micros(until))


def _is_on(slowed: Mapping[str, Any], ways: WaysOut) -> bool:
    """Whether a pace holds mail of one of the campaign's transports: it is its own, or that of a group on it."""
    whose = str(slowed["whose"])
    return any(whose == name or whose.endswith(f" through {name}") for name in ways.every)


def _slowed(told: Mapping[str, Any]) -> Slowed:
    until = told.get("held_until")
    return Slowed(told["whose"], told.get("rate"), None if until is None else from_micros(until))


def _canary(conn: Connection, campaign: Campaign) -> dict[str, Any] | None:
    told = canary_of(campaign)
    return None if told is None else {**told, "gone": canaries.gone(conn, campaign.id)}


def _held(campaign: Campaign) -> Iterator[str]:
    """Why an occurrence waits for a person, and what she can do."""
    _, _, why = campaign.reason.partition(":")
    name = campaign.name
    yield (
        f"It is held.{f' {why.strip()}' if why else ''}"
        f" `mergecast check {name}` looks at it, `mergecast send {name}` sends it, `mergecast cancel {name}` discards it."
    )


def _trouble(
    campaign: Campaign,
    worker: Worker | None,
    settings: Settings,
    ways: WaysOut,
    *,
    due: bool,
    uncertain: int,
    free: int | None,
) -> Iterator[str]:
    """What needs a person, a sentence each with its remedy."""
    if due and worker is None:
        yield "Mail is due and no worker is running: start `mergecast run` on a computer that is awake."
    if campaign.state is CampaignState.PAUSED and (why := _paused_by_itself(campaign)):
        yield why
    if uncertain:
        one = uncertain == 1
        yield (
            f"{uncertain:,} {'message was' if one else 'messages were'} handed over and never answered:"
            f" look at `mergecast uncertain list`."
        )
    if campaign.state not in _OPEN:
        return
    for trouble in worker.doing.get("troubles", ()) if worker else ():
        if not trouble.get("transport"):
            yield trouble["sentence"]
        elif trouble["transport"] in ways.every:
            yield said_of(trouble, campaign, settings)
    if free is not None and free < LITTLE_DISK:
        yield f"The disk has {free / 2**20:,.0f} MB left: make room, or sending stops."


def _shut_for_good(campaign: Campaign, settings: Settings, now: datetime) -> Iterator[str]:
    """Windows that met when it was queued, and never do since the settings were changed."""
    if campaign.state in _OPEN:
        try:
            refuse_shut(settings, campaign, now)
        except WindowError as error:
            yield f"None of its mail will leave. {error.sentence} {error.remedy}"


def _paused_by_itself(campaign: Campaign) -> str:
    """Why the worker paused it, with the server's own words; empty if a person did."""
    reason, _, words = campaign.reason.partition(":")
    if reason == PauseReason.PERSON or reason not in list(PauseReason):
        return ""
    words = words.strip()
    if reason == PauseReason.ERRORS and words and not _ANSWER.match(words):
        why = f"It was paused. {words}"  # our own words
    else:
        why = _WHY_PAUSED[PauseReason(reason)] + (f" The server says: {words}" if words else "")
    if reason == PauseReason.LATE:
        return f"{why} `mergecast resume {campaign.name}` sends it, `mergecast cancel {campaign.name}` discards it."
    return f"{why} When that is mended, `mergecast resume {campaign.name}`."
