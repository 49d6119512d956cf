"""`mergecast demo`: the whole job on sample data, into a local mailbox, with the same verbs that people type."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaigns.actions.check import check
from campaigns.actions.create import create
from campaigns.actions.demo import demo_workspace
from campaigns.actions.desk import Desk, open_desk
from campaigns.actions.import_list import import_list
from campaigns.actions.report import report
from campaigns.actions.send import send
from campaigns.actions.status import status
from campaigns.cli.campaign import say_check
from campaigns.cli.face import Face
from campaigns.cli.house import zone_of_machine
from campaigns.cli.lists import say_import
from campaigns.cli.outcome import say_report, say_status
from campaigns.cli.say import mails, say_queued
from campaigns.recipients.sheet import ReadOptions
from scheduler.sending import run


@dataclass(frozen=True, slots=True)
class Part:
    """One campaign of the demo."""

    campaign: str
    sheet: str
    template: str


PARTS = (
    Part("winter-newsletter", "webshop_export.csv", "newsletter"),
    Part("invoice-reminders", "invoices.xlsx", "invoice_reminder"),
)
RATE = "40/s"  # slow enough to watch


@dataclass(frozen=True, slots=True)
class DemoResult:
    """Where the mails lie, and that everything adds up."""

    workspace: Path
    mailbox: Path
    reports: tuple[dict[str, Any], ...]

    def as_json(self) -> dict[str, Any]:
        return {"workspace": str(self.workspace), "mail": str(self.mailbox), "reports": list(self.reports)}


def demo(face: Face, here: Path) -> DemoResult:
    """Import, check, queue and send both parts, and account for every row."""
    workspace = demo_workspace(here, zone_of_machine(face))
    with open_desk(workspace, face.who) as desk:
        for part in PARTS:
            _prepare(face, desk, part)
        for part in PARTS:
            with face.progress(f"Sending {part.campaign}") as bar:
                run(desk, until_idle=True, watch=(part.campaign, bar))
        reports = tuple(report(desk, part.campaign) for part in PARTS)
        if not face.json:
            _account(face, desk, reports)
    result = DemoResult(workspace.root, workspace.mail, tuple(one.as_json() for one in reports))
    if not face.json:
        _farewell(face, result)
    return result


def _prepare(face: Face, desk: Desk, part: Part) -> None:
    """Import the sheet, make a campaign, show what the check finds, and queue it."""
    face.screen.say(f"\n{part.sheet} + {part.template}", "bold")
    imported = import_list(desk, desk.workspace.root / "sample_data" / part.sheet, part.sheet, ReadOptions())
    create(desk, part.campaign, template=part.template, list_name=part.sheet, transport="local", throttles=(RATE,))
    found = check(desk, part.campaign)
    queued = send(desk, part.campaign, confirm=lambda _: True)
    if not face.json:
        say_import(face.screen, imported.as_json())
        say_check(face.screen, found.as_json())
        say_queued(face.screen, {**queued.as_json(), "worker_running": True})  # the demo is the worker, in a moment


def _account(face: Face, desk: Desk, reports: Any) -> None:
    face.screen.say("\nWhat became of every row", "bold")
    say_status(face.screen, status(desk).as_json())
    for one in reports:
        say_report(face.screen, one.as_json())


def _farewell(face: Face, result: DemoResult) -> None:
    written = sum(one["messages"].get("accepted", 0) for one in result.reports)
    screen = face.screen
    screen.say(f"\nRehearsal: {mails(written)} written to {result.mailbox}. Nobody has received anything.", "green")
    screen.say("Each is an .eml file that any mail program opens.")
    screen.say("What to try next:")
    screen.say(f"  cd {result.workspace}")
    screen.say("  mergecast preview newsletter --list webshop_export.csv --edge-cases")
    screen.say("  mergecast report winter-newsletter --rows rows.csv")
    screen.say("  mergecast merge your-people.xlsx templates/invitation.md     your own sheet, still as a rehearsal")
