"""The forecast of a campaign that was queued: its plan is kept, made anew while it goes, and a slip is told."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from campaigns.actions.desk import Desk
from campaigns.actions.outlook import Plan
from campaigns.actions.planning import planning
from campaigns.clock import from_micros, to_micros
from campaigns.model.simulation import Course
from campaigns.store import planned
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection
from campaigns.store.planned import Forecast

_SLIP = 0.1  # of the planned time: what ends that much later is told
_LITTLE = 60_000_000  # micros: nobody minds less


class Tell(Protocol):
    """Where events go: the worker's log."""

    def __call__(self, event: str, **about: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class ForecastTold:
    """When a campaign will be through, beside what was planned as it was queued."""

    planned: datetime | None
    ends: datetime | None
    slip: float | None  # of the planned time, like 0.25; None where it is in time

    def as_json(self) -> dict[str, Any]:
        return {
            "planned": self.planned.isoformat() if self.planned else None,
            "ends": self.ends.isoformat() if self.ends else None,
            "slip": self.slip,
        }


def promise(conn: Connection, campaign_id: int, plan: Plan, *, at: int) -> None:
    """Keep the plan that a campaign is queued with; it is measured by that."""
    last = None if plan.last is None else to_micros(plan.last)
    begins = at if plan.course.first is None else plan.course.first
    planned.keep(conn, Forecast(campaign_id, at, begins, last, last, last))


def revise(desk: Desk, tell: Tell) -> None:
    """Plan anew whatever is under way, and tell what slips."""
    with desk.store.read() as conn:
        campaigns = {campaign.id: campaign for campaign in planned.under_way(conn)}
        if not campaigns:
            return
        ground = planning(desk, conn)
        before = {campaign_id: planned.forecast(conn, campaign_id) for campaign_id in campaigns}
    courses = ground.run()
    for campaign_id, stranded in ground.stranded.items():
        courses.setdefault(campaign_id, Course()).left += stranded
    with desk.store.write_page() as conn:
        for campaign_id, course in courses.items():
            planned.keep(conn, _revised(campaigns[campaign_id], before[campaign_id], course, ground.now, tell))


def _revised(campaign: Campaign, before: Forecast | None, course: Course, now: int, tell: Tell) -> Forecast:
    ends = None if course.left else course.last
    if before is None or before.promised_at is None:  # nothing to measure it by until now
        begins = now if before is None else before.begins_at
        return Forecast(campaign.id, now, begins, ends, ends, ends)
    if ends is None or before.told_at is None or _slip(before.begins_at, before.told_at, ends) is None:
        return replace(before, made_at=now, ends_at=ends)
    tell(
        "campaign.slips",
        campaign=campaign.name,
        planned=from_micros(before.promised_at).isoformat(),
        ends=from_micros(ends).isoformat(),
    )
    return replace(before, made_at=now, ends_at=ends, told_at=ends)


def forecast(conn: Connection, campaign_id: int) -> ForecastTold:
    """What is kept of a campaign."""
    kept = planned.forecast(conn, campaign_id)
    if kept is None:
        return ForecastTold(None, None, None)
    slip = None
    if kept.promised_at is not None and kept.ends_at is not None:
        slip = _slip(kept.begins_at, kept.promised_at, kept.ends_at)
    return ForecastTold(_instant(kept.promised_at), _instant(kept.ends_at), slip)


def _slip(begins: int, planned_end: int, ends: int) -> float | None:
    """By how much of the planned time the end is later; None where that is little."""
    later, length = ends - planned_end, max(planned_end - begins, 1)
    return round(later / length, 3) if later > max(_SLIP * length, _LITTLE) else None


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
