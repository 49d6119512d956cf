"""The forecast of a campaign that was queued, as it is kept: when it will be through, and how late that is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns.clock import from_micros
from campaigns.store import planned
from campaigns.store.engine import Connection

_SLIP = 0.1  # of the planned time: what ends that much later is told
_LITTLE = 60_000_000  # micros: nobody minds less


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


def forecast(conn: Connection, campaign_id: int) -> ForecastTold:
    """What is kept of a campaign."""
    kept = planned.forecast(conn, campaign_id)
    if kept is None:
        return ForecastTold(None, None, None)
    slip = None
    if kept.promised_at is not None and kept.ends_at is not None:
        slip = slip_of(kept.begins_at, kept.promised_at, kept.ends_at)
    return ForecastTold(_instant(kept.promised_at), _instant(kept.ends_at), slip)


def slip_of(begins: int, planned_end: int, ends: int) -> float | None:
    """By how much of the planned time the end is later; None where that is little."""
    later, length = ends - planned_end, max(planned_end - begins, 1)
    return round(later / length, 3) if later > max(_SLIP * length, _LITTLE) else None


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
