"""How a series, and an occurrence of one, is answered."""

from typing import Any

from campaigns.clock import from_micros
from campaigns.model.states import CampaignState
from campaigns.store import campaigns, reporting, series
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection

MADE = (CampaignState.DRAFT, CampaignState.CHECKED, CampaignState.APPROVED)  # nothing of it is queued


def series_told(conn: Connection, campaign: Campaign) -> dict[str, Any] | None:
    """When it comes round, for whom, and what became of its last occurrence; None for what is no series."""
    mine = series.of_campaign(conn, campaign.id)
    if mine is None:
        return None
    goes_on = campaign.state is CampaignState.RECURRING and mine.next_at is not None
    return {
        "every": mine.every,
        "to": str(mine.whom),
        "sheet": mine.sheet_path,
        "late": str(mine.late),
        "next": from_micros(mine.next_at or 0).isoformat() if goes_on else None,
        "last": _last(conn, campaign.name),
    }


def _last(conn: Connection, name: str) -> dict[str, Any] | None:
    newest = series.last_occurrence(conn, name)
    last = campaigns.find(conn, newest) if newest else None
    if last is None:
        return None
    counted = reporting.count_messages(conn, last.id, last.state)
    return {
        "campaign": last.name,
        "on": last.occurrence,
        "state": str(last.state),
        "held": is_held(conn, last),
        "rows": last.rows,
        "messages": {state.name.lower(): number for state, number in counted.items() if number},
    }


def occurrence_told(conn: Connection, campaign: Campaign) -> dict[str, Any] | None:
    """The series that a campaign is of, and the local date that it is for; None for others."""
    if campaign.series is None:
        return None
    return {"series": campaign.series, "on": campaign.occurrence, "held": is_held(conn, campaign)}


def is_held(conn: Connection, campaign: Campaign) -> bool:
    """Whether an occurrence waits for a person: it was made, and is not queued."""
    if campaign.series is None or campaign.state not in MADE:
        return False
    mine = series.named(conn, campaign.series)
    return mine is None or mine.preparing != campaign.id
