"""`mergecast`: the campaign verbs, and those that need the worker: `run`, `merge`, `demo`, and `doctor`'s probes."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.cli import face as faces
from campaigns.cli.app import app
from campaigns.cli.face import Face, verb
from campaigns.cli.house import add_doctor
from campaigns.cli.merge import add_merge

if TYPE_CHECKING:
    from campaigns.actions.desk import Desk
    from campaigns.actions.doctor import Probe
    from campaigns.cli.show import Screen
    from campaigns.workspace import Workspace


def main() -> None:
    """The command's entry."""
    sys.exit(faces.main(app))


@verb(app, "run")
def run(
    face: Face,
    *,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="End when nothing is due within ten minutes.")
    ] = False,
    accept_restored: Annotated[
        bool,
        typer.Option(
            "--accept-restored", help="Send from a copied or restored workspace, whose original sends no more."
        ),
    ] = False,
) -> None:
    """The worker: send what is queued, in time and inside all limits. It works until it is stopped."""
    from scheduler.sending import log_to
    from scheduler.sending import run as send

    log_to()
    with face.desk(secrets=True) as desk:
        result = send(desk, until_idle=until_idle, accept_restored=accept_restored)
        if not face.json:
            _say_left(face, desk)
    face.show(result, _say_run)


@verb(app, "demo")
def demo(face: Face) -> None:
    """The whole job on sample data, into a mailbox on this computer. It lies in ./mergecast-demo/."""
    from scheduler.demo import demo as play
    from scheduler.sending import log_to

    log_to(quiet=True)
    result = play(face, Path.cwd())
    if face.json:
        face.show(result, lambda _screen, _told: None)


def _merge_sends(face: Face, desk: "Desk", name: str) -> None:
    """Send what `merge` has queued, with a bar, and say how it ended."""
    from campaigns.actions.report import report
    from campaigns.cli.outcome import say_report
    from campaigns.cli.say import rehearsal
    from campaigns.settings import LOCAL
    from campaigns.store import campaigns
    from scheduler.sending import Watch, log_to, run

    log_to(quiet=True)
    with face.progress(f"Sending {name}") as bar:
        run(desk, until_idle=True, watch=Watch([name], bar))
    if face.json:
        return
    told = report(desk, name).as_json()
    say_report(face.screen, told)
    with desk.store.read() as connection:
        campaign = campaigns.find(connection, name)
    if campaign is not None and campaign.transport == LOCAL:
        written = told["messages"].get("accepted", 0)
        mail, root = desk.workspace.mail, desk.workspace.root
        folder = mail.relative_to(root) if mail.is_relative_to(root) else mail
        face.screen.say(rehearsal(written, f"{folder}/", name), "green")
    else:
        _say_left(face, desk)


def _probes(workspace: "Workspace") -> Sequence["Probe"]:
    from scheduler.probe import probes

    return probes(workspace)


def _say_run(screen: "Screen", told: dict[str, Any]) -> None:
    settled = ", ".join(f"{number:,} {state}" for state, number in told["messages"].items() if number)
    screen.say(f"Stopped after {told['seconds']:,.1f} s: {settled or 'nothing sent'}.")


def _say_left(face: Face, desk: "Desk") -> None:
    """What is still on its way, and what needs a person."""
    from campaigns.actions.status import status
    from campaigns.cli.outcome import say_doing

    for campaign in status(desk).as_json()["campaigns"]:
        if campaign["state"] in ("scheduled", "sending", "paused"):
            face.screen.say(f"{campaign['name']} is {campaign['state']} {campaign['reason']}".rstrip() + ".")
            say_doing(face.screen, campaign)


add_merge(app, _merge_sends)
add_doctor(app, _probes)

if __name__ == "__main__":
    main()
