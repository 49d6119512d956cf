"""Plans of queued campaigns: kept when they are queued, made anew while they go; and a slip is told."""

from dataclasses import replace
from typing import Any, Protocol

from campaigns.actions.desk import Desk
from campaigns.actions.forecast import slip_of
from campaigns.actions.outlook import Plan
from campaigns.actions.planning import planning
from campaigns.clock import from_micros, to_micros
from campaigns.model.simulation import Course
from campaigns.store import planned
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection
from campaigns.store.planned import Forecast


class Tell(Protocol):
    """Where events go: the worker's log."""

    def __call__(self, event: str, **about: Any) -> None: ...


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
    if ends is None or before.told_at is None or slip_of(before.begins_at, before.told_at, ends) is None:
        return replace(before, made_at=now, ends_at=ends)
    tell(
        "campaign.slips",
        campaign=campaign.name,
        planned=from_micros(before.promised_at).isoformat(),
        ends=from_micros(ends).isoformat(),
    )
    return replace(before, made_at=now, ends_at=ends, told_at=ends)
