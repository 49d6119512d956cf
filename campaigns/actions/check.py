"""`mergecast check`: every row is rendered and checked; nothing is queued."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaigns.actions.basis import basis_of
from campaigns.actions.desk import Desk
from campaigns.actions.naming import campaign_named
from campaigns.actions.prepare import prepare
from campaigns.actions.progress import Progress, silent
from campaigns.actions.report import report
from campaigns.model.finding import Finding
from campaigns.model.states import LeftOut, Severity
from campaigns.store import findings, shapes, staging
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection


@dataclass(frozen=True, slots=True)
class CheckResult:
    campaign: str
    rows: int
    ready: int
    left_out: int
    joined: int  # of those left out: rows that stand in the mail of the same person's first row
    shapes: int
    findings: tuple[Finding, ...]
    transport: str
    leaves: bool  # False for a rehearsal

    @property
    def stops(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is Severity.STOPS)

    def as_json(self) -> dict[str, Any]:
        return {
            "campaign": self.campaign,
            "rows": self.rows,
            "ready": self.ready,
            "left_out": self.left_out,
            "joined": self.joined,
            "shapes": self.shapes,
            "findings": [finding.as_json() for finding in self.findings],
        }


def check(desk: Desk, name: str, *, rows_to: Path | None = None, progress: Progress = silent) -> CheckResult:
    """Render and check every row; with `rows_to` also a CSV file with what became of each.

    TemplateError or CampaignError, and then nothing has changed.
    """
    with desk.store.read() as conn:
        campaign = campaign_named(conn, name)
    prepare(desk, basis_of(desk, campaign), progress=progress)
    if rows_to is not None:
        report(desk, name, rows_to)
    with desk.store.read() as conn:
        return found(conn, campaign_named(conn, name))


def found(conn: Connection, campaign: Campaign) -> CheckResult:
    """What the last check of a campaign found."""
    left_out = staging.count_left_out(conn, campaign.id)
    return CheckResult(
        campaign=campaign.name,
        rows=campaign.rows,
        ready=staging.count_messages(conn, campaign.id),
        left_out=sum(left_out.values()),
        joined=left_out.get(LeftOut.JOINED, 0),
        shapes=shapes.count(conn, campaign.id),
        findings=tuple(findings.of_campaign(conn, campaign.id)),
        transport=campaign.transport,
        leaves=campaign.leaves,
    )
