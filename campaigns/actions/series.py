"""A series: a campaign that comes round. Its own campaign is the pattern, which is checked, proved and approved like any.

Starting it clears what was staged for the pattern: mails leave from its occurrences alone.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from campaigns.actions import approval
from campaigns.actions.basis import Basis, basis_of
from campaigns.actions.check import CheckResult
from campaigns.actions.clearing import clear, take_over
from campaigns.actions.desk import Desk
from campaigns.actions.held import before_queueing
from campaigns.actions.naming import CampaignTold, campaign_named, told
from campaigns.actions.progress import Progress, silent
from campaigns.actions.rereading import read_again, read_from
from campaigns.actions.send import checked_now, refuse_stops
from campaigns.actions.wished import Wish, as_wished
from campaigns.clock import from_micros, to_micros
from campaigns.errors import CampaignError, UsageError
from campaigns.model.late import Late
from campaigns.model.recurrence import Occurrence, Recurrence
from campaigns.model.series import Whom
from campaigns.model.states import CampaignState
from campaigns.model.when import say, zone_named
from campaigns.store import campaigns, history, series, workers
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection
from campaigns.store.series import Series

SHOWN = 5  # of the next dates, before a person starts a series


@dataclass(frozen=True, slots=True)
class ComesRound:
    """What makes a campaign a series, as a person typed it; an empty `every` makes none."""

    every: str = ""
    whom: str = ""
    sheet: str = ""  # a path, relative to the workspace
    late: str = ""

    def look(self, zone: str, at: str, *, own_clocks: bool = False, at_column: str = "") -> None:
        """WhenError or UsageError if it cannot be meant."""
        if not self.every:
            if given := [name for name in ("whom", "sheet", "late") if getattr(self, name)]:
                option = {"whom": "--to", "sheet": "--sheet", "late": "--late"}[given[0]]
                raise UsageError(f"`{option}` belongs to a series.", remedy='Say when it comes round: `--every "..."`.')
            return
        if at:
            raise UsageError("A series has no single start.", remedy="Leave out either `--at` or `--every`.")
        _refuse_own_times(own_clocks, at_column)
        Recurrence.parse(self.every, zone)
        if self.whom and self.whom not in list(Whom):
            raise UsageError(f"`--to {self.whom}` is unknown.", remedy=f"Choose one of {', '.join(Whom)}.")
        if self.late:
            Late.read(self.late)

    def columns(self) -> dict[str, Any]:
        return {
            "every": " ".join(self.every.split()),
            "whom": self.whom or str(Whom.NEW),
            "sheet_path": self.sheet,
            "late": str(Late.read(self.late)) if self.late else str(Late.ASK),
        }


ONCE = ComesRound()


def read_first(desk: Desk, list_name: str, comes_round: ComesRound) -> None:
    """Let the list have the series' sheet; SpreadsheetError."""
    if comes_round.sheet:
        read_from(desk, list_name, comes_round.sheet)


def refuse_single(conn: Connection, campaign: Campaign, comes_round: ComesRound) -> None:
    """CampaignError if a series that has had occurrences would become none: they ask it for whom they are."""
    if not comes_round.every and series.last_occurrence(conn, campaign.name) is not None:
        raise CampaignError(
            f"{campaign.name} is a series that has come round already.",
            remedy="Say `--every` again, or take another name for a single campaign.",
        )


def keep(conn: Connection, campaign_id: int, comes_round: ComesRound) -> None:
    """Make a campaign the pattern of this series, or of none."""
    series.remove(conn, campaign_id)
    if comes_round.every:
        series.add(conn, campaign_id=campaign_id, **comes_round.columns())


@dataclass(frozen=True, slots=True)
class Started:
    campaign: CampaignTold
    next: tuple[Occurrence, ...]
    worker_running: bool

    def as_json(self) -> dict[str, Any]:
        dates = [{"on": one.on.isoformat(), "at": one.at.isoformat()} for one in self.next]
        return {**self.campaign.as_json(), "next": dates, "worker_running": self.worker_running}


Confirm = Callable[[CheckResult, tuple[Occurrence, ...]], bool]


def is_series(desk: Desk, name: str) -> bool:
    """Whether the name is that of a series; one of its occurrences is a campaign like any."""
    with desk.store.read() as conn:
        return series.of_campaign(conn, campaign_named(conn, name).id) is not None


def start(desk: Desk, name: str, *, transport: str = "", confirm: Confirm, progress: Progress = silent) -> Started:
    """Let a series come round from now on; CampaignError if something stands against it, or nobody says yes.

    `confirm` is shown what the check found and the next dates.
    """
    with desk.store.read() as conn:
        campaign = campaign_named(conn, name)
        mine = series.of_campaign(conn, campaign.id)
    assert mine is not None
    _refuse_running(desk, campaign, mine)
    wished = as_wished(desk, campaign, Wish(transport))
    read_again(desk, campaign, progress)
    basis = basis_of(desk, wished)
    checked = checked_now(desk, basis, progress)
    refuse_stops(checked)
    _demand_approval(desk, basis, checked)
    if not confirm(checked, upcoming(campaign, mine, desk.clock.now())):
        raise CampaignError(f"{name} was not started: nobody said yes.")
    _start(desk, basis, checked)
    with desk.store.read() as conn:
        now = desk.clock.now()
        dates = upcoming(campaign, mine, now)
        return Started(told(conn, campaign.id), dates, workers.alive(conn, now) is not None)


def upcoming(campaign: Campaign, mine: Series, now: datetime) -> tuple[Occurrence, ...]:
    """The next dates, without those that were dealt with before the clock was set back."""
    before = dealt_with(campaign, mine, now)
    to_come = (one for one in recurrence_of(campaign, mine).after(now) if one.on.isoformat() > before)
    return tuple(itertools.islice(to_come, SHOWN))


def dealt_with(campaign: Campaign, mine: Series, now: datetime) -> str:
    """The newest local date that needs nothing more; "" before the first, or where a clock had run days ahead."""
    tomorrow = now.astimezone(zone_named(campaign.zone)).date() + timedelta(days=1)
    return mine.latest if mine.latest and mine.latest <= tomorrow.isoformat() else ""


def recurrence_of(campaign: Campaign, mine: Series) -> Recurrence:
    return Recurrence.parse(mine.every, campaign.zone)


def go_on(desk: Desk, conn: Connection, campaign: Campaign) -> None:
    """From now on; dates that passed while it stood still are not made up for."""
    mine = series.of_campaign(conn, campaign.id)
    assert mine is not None
    now = desk.clock.now()
    fresh = replace(mine, latest=None)
    next_at = to_micros(upcoming(campaign, fresh, now)[0].at)
    series.change(conn, campaign.id, since=to_micros(now), latest=None, next_at=next_at, put_off_until=None)


def _refuse_running(desk: Desk, campaign: Campaign, mine: Series) -> None:
    if campaign.state is CampaignState.RECURRING:
        next_at = say(from_micros(mine.next_at or 0), campaign.zone, desk.clock.now())
        raise CampaignError(
            f"{campaign.name} comes round already; next on {next_at}.",
            remedy=f"To change it, `mergecast reopen {campaign.name}` first.",
        )


def _demand_approval(desk: Desk, basis: Basis, checked: CheckResult) -> None:
    with desk.store.read() as conn:
        approval.demand(conn, basis, checked.ready)


def _start(desk: Desk, basis: Basis, checked: CheckResult) -> None:
    """Take the staged messages away, then let it run; a kill in between leaves a draft."""
    wished = basis.campaign
    token = take_over(desk, wished, allowed=(CampaignState.CHECKED, CampaignState.APPROVED))
    clear(desk, wished, token)
    with desk.store.write() as conn:
        campaign = campaign_named(conn, wished.name)
        if campaign.checking != token:
            raise CampaignError(f"{wished.name} was changed meanwhile.", remedy="Look at it again, then send it.")
        before_queueing(desk, conn)
        campaigns.change_state(conn, campaign.id, CampaignState.RECURRING, allowed=(CampaignState.DRAFT,))
        campaigns.update(conn, campaign.id, checking="", transport=wished.transport, leaves=wished.leaves)
        series.change(conn, campaign.id, first_rows=checked.rows)
        go_on(desk, conn, campaign)
        detail = {"transport": wished.transport, "series": True}
        history.record(
            conn, at=desk.clock.now(), who=desk.who, verb="send", thing="campaign", thing_id=campaign.id, detail=detail
        )


def _refuse_own_times(own_clocks: bool, at_column: str) -> None:
    """UsageError for times of each one's own: an occurrence reads its sheet when its hour has come, and that is one instant."""
    if own_clocks:
        raise UsageError(
            "A series comes round at one instant for all, not on each person's own clock.",
            remedy='Name the zone of its time with `--zone`; `--window "08:00-20:00 recipient"` keeps each mail for the '
            "person's own day.",
        )
    if at_column:
        raise UsageError(
            f"A series comes round at one instant for all, not at the times in a column like “{at_column}”.",
            remedy="Leave `--at-column` out, or make a single campaign without `--every`.",
        )


def relative(desk: Desk, path: str) -> str:
    """A path that was typed in some folder, as it is kept: from the workspace, if it lies in there."""
    if not path:
        return ""
    absolute, root = Path(path).expanduser().resolve(), desk.workspace.root
    return str(absolute.relative_to(root) if absolute.is_relative_to(root) else absolute)
