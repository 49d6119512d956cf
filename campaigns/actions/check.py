"""`mergecast check`: every row is rendered and checked; nothing is queued."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campaigns.actions.basis import Basis, basis_of
from campaigns.actions.desk import Desk
from campaigns.actions.naming import campaign_named
from campaigns.actions.prepare import PREPARABLE, prepare
from campaigns.actions.progress import Progress, silent
from campaigns.actions.report import report
from campaigns.actions.rereading import read_again
from campaigns.actions.shares import Share
from campaigns.model.finding import EVERY_ROW, Finding
from campaigns.model.states import LeftOut, Severity
from campaigns.store import findings, shapes, staging
from campaigns.store.campaigns import Campaign
from campaigns.store.engine import Connection

if TYPE_CHECKING:
    from campaigns.actions.outlook import Plan
    from campaigns.actions.sheet_back import SheetBack


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
    shares: tuple[Share, ...] = ()  # where its mails go, once it is to be sent
    sheet: "SheetBack | None" = None
    plan: "Plan | None" = None  # of `send`: when they would leave

    @property
    def stops(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is Severity.STOPS)

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "campaign": self.campaign,
            "rows": self.rows,
            "ready": self.ready,
            "left_out": self.left_out,
            "joined": self.joined,
            "shapes": self.shapes,
            "findings": [finding.as_json() for finding in self.findings],
        }
        return told | ({"sheet": self.sheet.as_json()} if self.sheet else {})


def check(
    desk: Desk, name: str, *, rows_to: Path | None = None, sheet_to: Path | None = None, progress: Progress = silent
) -> CheckResult:
    """Render and check every row.

    With `rows_to` also a CSV file with what became of each; with `sheet_to` the list's sheet, with what was found.
    TemplateError, CampaignError or UsageError, and then nothing has changed.
    """
    with desk.store.read() as conn:
        campaign = campaign_named(conn, name)
    if campaign.state in PREPARABLE:
        read_again(desk, campaign)
    basis = basis_of(desk, campaign)
    if sheet_to is not None:
        sheet = _with_sheet(desk, basis, sheet_to, progress)
    else:
        sheet = None
        prepare(desk, basis, progress=progress)
    if rows_to is not None:
        report(desk, name, rows_to)
    with desk.store.read() as conn:
        return replace(found(conn, campaign_named(conn, name)), sheet=sheet)


def _with_sheet(desk: Desk, basis: Basis, out: Path, progress: Progress) -> "SheetBack":
    """Prepare, and give the sheet back with what was found in each of its rows."""
    from campaigns.actions.sheet_back import give_back, refuse_what_does_not_fit  # openpyxl takes long to load

    refuse_what_does_not_fit(desk, basis.sheet, out)
    of_rows = prepare(desk, basis, rows_named=EVERY_ROW, progress=progress)
    return give_back(desk, basis.campaign.name, of_rows, out)


def found(conn: Connection, campaign: Campaign) -> CheckResult:
    """What the last check of a campaign found."""
    left_out = staging.count_left_out(conn, campaign.id)
    return CheckResult(
        campaign=campaign.name,
        rows=campaign.rows,
        ready=staging.count_messages(conn, campaign.id),
        left_out=sum(left_out.values()),
        joined=left_out.get(LeftOut.JOINED, 0),
        shapes=shapes.count(conn, campaign.id, campaign.version_id),
        findings=tuple(findings.of_campaign(conn, campaign.id)),
        transport=campaign.transport,
        leaves=campaign.leaves,
    )
