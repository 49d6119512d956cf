"""Report: what became of every row of the sheet, in sums and, if wanted, row by row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.actions.desk import Desk
from campaigns.actions.naming import campaign_named
from campaigns.actions.rows_file import inert, write_lines
from campaigns.clock import from_micros
from campaigns.errors import CampaignError
from campaigns.model.states import LeftOut, MessageState
from campaigns.store import reporting, series, versions
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection
from campaigns.store.reporting import RowTold

HEADER = ("row", "address", "state", "reason", "handed_over", "settled", "version")


@dataclass(frozen=True, slots=True)
class Report:
    campaign: Campaign
    left_out: Mapping[LeftOut, int]
    messages: Mapping[MessageState, int]  # every state, proofs aside
    version: int | None  # of the template: what each of them was made from
    last: str | None  # of a series, whose mails are those of its occurrences: the newest of them

    @property
    def adds_up(self) -> bool:
        """Whether every row of the sheet is accounted for."""
        return self.campaign.rows == sum(self.left_out.values()) + sum(self.messages.values())

    def as_json(self) -> dict[str, Any]:
        pruned = self.campaign.pruned_at
        return {
            "campaign": self.campaign.name,
            "template": self.campaign.template,
            "version": self.version,
            "rows": self.campaign.rows,
            "left_out": {code.name.lower(): n for code, n in self.left_out.items()},
            "messages": {state.name.lower(): self.messages[state] for state in MessageState},
            "adds_up": self.adds_up,
            "last": self.last,
            "pruned_at": None if pruned is None else from_micros(pruned).isoformat(),
        }


def report(desk: Desk, name: str, rows_to: Path | None = None) -> Report:
    """The sums of a campaign; with `rows_to` also a CSV file, one line a row of the sheet."""
    with desk.store.read() as conn:  # one look, so that the lines and the sums agree
        campaign = campaign_named(conn, name)
        version = versions.number_of(conn, campaign.version_id) if campaign.version_id is not None else None
        if rows_to is not None:
            _write_rows(conn, campaign, rows_to, version)
        return Report(
            campaign,
            reporting.count_left_out(conn, campaign.id),
            reporting.count_messages(conn, campaign.id, campaign.state),
            version,
            series.last_occurrence(conn, campaign.name),
        )


def _write_rows(conn: Connection, campaign: Campaign, path: Path, version: int | None) -> None:
    if campaign.sheet_id is None:
        raise CampaignError(
            f"{campaign.name} was never checked: nothing is known of its rows.",
            remedy=f"Run `mergecast check {campaign.name}`.",
        )
    zone = ZoneInfo(campaign.zone)
    rows = reporting.rows_of(conn, campaign.id, campaign.state, campaign.sheet_id)
    write_lines(path, HEADER, (_line(row, zone, version) for row in rows))


def _line(row: RowTold, zone: ZoneInfo, version: int | None) -> tuple[object, ...]:
    if row.left_out is not None:
        state = f"left out: {row.left_out.name.lower()}"
    else:
        state = "" if row.state is None else row.state.name.lower()
    return (
        row.row,
        inert(row.address),
        state,
        inert(row.words),
        _wall(row.leased_at, zone),
        _wall(row.settled_at, zone),
        "" if row.state is None else version,
    )


def _wall(at: datetime | None, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(" ", "seconds") if at else ""
