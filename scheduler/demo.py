"""`mergecast demo`: the whole job on sample data, into a local mailbox, with the same verbs that people type."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaigns.actions.check import check
from campaigns.actions.create import create
from campaigns.actions.demo import demo_workspace
from campaigns.actions.desk import Desk, open_desk
from campaigns.actions.import_list import import_list
from campaigns.actions.init import machine_zone
from campaigns.actions.report import report
from campaigns.actions.send import send
from campaigns.actions.status import status
from campaigns.cli.campaign import say_check
from campaigns.cli.face import Face
from campaigns.cli.lists import say_import
from campaigns.cli.outcome import say_report, say_status
from campaigns.cli.say import mails, say_queued
from campaigns.recipients.sheet import ReadOptions
from scheduler.sending import Watch, run


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
RATE = "20/s"  # slow enough to watch


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
    workspace = demo_workspace(here, machine_zone())
    with open_desk(workspace, face.who) as desk:
        for part in PARTS:
            _prepare(face, desk, part)
        _send(face, desk)
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


def _send(face: Face, desk: Desk) -> None:
    """Run the worker until both campaigns are through, with a bar on a terminal."""
    with face.progress("Sending") as bar:
        ran = run(desk, until_idle=True, watch=Watch([part.campaign for part in PARTS], bar))
    if not face.json:
        face.screen.say(
            f"\n{mails(sum(ran.messages.values()))} in {ran.seconds:.1f} s; each campaign is limited to {RATE}."
        )


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
    mergecast = "mergecast" if shutil.which("mergecast") else Path(sys.argv[0]).absolute()
    screen.say("What to try next:")
    screen.say(f"  cd {result.workspace}")
    screen.say(f"  {mergecast} preview newsletter --list webshop_export.csv --edge-cases")
    screen.say(f"  {mergecast} report winter-newsletter --rows rows.csv")
    screen.say(f"  {mergecast} merge your-people.xlsx templates/invitation.md     your own sheet, still as a rehearsal")
