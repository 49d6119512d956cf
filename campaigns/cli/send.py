"""Mail into the outbox: `proof`, `send`, `resend`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.cli.campaign import say_campaign, say_check
from campaigns.cli.face import Face, verb
from campaigns.cli.options import (
    Again,
    CampaignName,
    CanaryPart,
    EdgeCases,
    Hold,
    LateWord,
    OtherTransport,
    Row,
    When,
    Yes,
    row_or_edge_cases,
)
from campaigns.cli.plan import in_a_line
from campaigns.cli.say import NO_WORKER, mails, said_shares, say_approval, say_queued, when
from campaigns.cli.show import Screen
from campaigns.errors import UsageError

if TYPE_CHECKING:
    from campaigns.actions.check import CheckResult
    from campaigns.actions.desk import Desk
    from campaigns.model.recurrence import Occurrence

verbs = typer.Typer()


@verb(verbs, "proof")
def proof(
    face: Face,
    name: CampaignName,
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Who gets the copy.", show_default=False)],
    row: Row = None,
    edge_cases: EdgeCases = False,
) -> None:
    """Send yourself a copy, through the outbox, first in line."""
    from campaigns.actions.proof import proof as action

    row_or_edge_cases(row, edge_cases)
    with face.desk() as desk:
        face.show(action(desk, name, to, row=row, edge_cases=edge_cases), say_proof)


def say_proof(screen: Screen, told: dict[str, Any]) -> None:
    """A proof does not wait for the campaign's start."""
    for one in told["proofs"]:
        if one["why"]:
            screen.say(", ".join(one["why"]), lead=f"row {one['row']}  ")
    say_queued(
        screen,
        {
            **told,
            "canary": None,
            "opens": None,
            "times": None,
            "hold": "",
            "starts": {**told["starts"], "at": None, "wall": ""},
        },
    )


@verb(verbs, "approve")
def approve(
    face: Face,
    name: CampaignName,
    *,
    transport: OtherTransport = "",
    at: When = "",
    note: Annotated[
        str, typer.Option("--note", metavar="TEXT", help="What is to be remembered about it.", show_default=False)
    ] = "",
) -> None:
    """Stand for a campaign as it is: who gets what, through what, and when.

    Whatever changes afterwards takes that back. The setting `approval_from` says which campaigns need it."""
    from campaigns.actions.approve import approve as action

    with face.desk() as desk:
        with face.progress(f"Checking {name}") as progress:
            result = action(desk, name, transport=transport, at=at, note=note, progress=progress)
        face.show(result, say_approved)


def say_approved(screen: Screen, told: dict[str, Any]) -> None:
    say_check(screen, told["check"])
    say_campaign(screen, told)
    screen.say(say_approval(told["approval"]))


@verb(verbs, "send")
def send(
    face: Face,
    name: CampaignName,
    *,
    transport: OtherTransport = "",
    at: When = "",
    canary: CanaryPart = None,
    hold: Hold = None,
    late: LateWord = "",
    yes: Yes = False,
    again: Again = False,
) -> None:
    """Check every row, ask, and queue the campaign, or start the series."""
    from campaigns.actions.send import send as action
    from campaigns.actions.series import is_series
    from campaigns.model.canary import Canary, seconds

    part = Canary.read(canary, hold)
    with face.desk() as desk:
        if is_series(desk, name):
            if at or part is not None or again or hold:
                raise UsageError(
                    "A series has no single start, no canary and no hold; it repeats itself anyway.",
                    remedy="Leave `--at`, `--canary`, `--hold` and `--again` out.",
                )
            if late:
                raise UsageError(
                    f"What becomes of late occurrences of {name} was said when it was made.",
                    remedy="Leave `--late` out; `mergecast create --replace` with `--every` and `--late` changes it.",
                )
            _start(face, desk, name, transport, yes)
            return
        with face.progress(f"Checking {name}") as progress:
            result = action(
                desk,
                name,
                transport=transport,
                at=at,
                again=again,
                canary=part,
                hold=seconds(hold) if hold and part is None else 0,
                if_late=late,
                confirm=asker(face, yes),
                progress=progress,
            )
        face.show(result, say_sent)


def say_sent(screen: Screen, told: dict[str, Any]) -> None:
    say_queued(screen, told)
    if told["plan"] and (line := in_a_line(told["plan"])):
        screen.say(line)


def _start(face: Face, desk: "Desk", name: str, transport: str, yes: bool) -> None:
    """Show what the check found and the next dates, ask, and let the series run."""
    from campaigns.actions.naming import campaign_named
    from campaigns.actions.series import start

    def confirm(found: "CheckResult", dates: "Sequence[Occurrence]") -> bool:
        with desk.store.read() as conn:
            zone = campaign_named(conn, name).zone
        if not face.json:
            face.still()
            say_check(face.aside, found.as_json())
            for one in dates:
                face.aside.say(when({"at": one.at.isoformat(), "wall": "-", "zone": zone}), lead="  ")
        how = f"through {found.transport}" if found.leaves else "as a rehearsal that nobody receives"
        return yes or face.confirm(f"Let {name} come round on these dates, {how}?")

    with face.progress(f"Checking {name}") as progress:
        result = start(desk, name, transport=transport, confirm=confirm, progress=progress)
    face.show(result, say_running)


def say_running(screen: Screen, told: dict[str, Any]) -> None:
    """A series that has just been started."""
    say_campaign(screen, told)
    if not told["worker_running"]:
        screen.say(NO_WORKER, "yellow")


def asker(face: Face, yes: bool) -> "Callable[[CheckResult], bool]":
    """Shows what the check found, and asks with the count unless yes was said beforehand."""

    def confirm(found: "CheckResult") -> bool:
        told = found.as_json()
        if not face.json:
            face.still()
            say_check(face.aside, told)
            if found.plan is not None and not yes and (line := in_a_line(found.plan.in_short())):
                face.aside.say(line)
        return yes or face.confirm(_question(found))

    return confirm


def _question(found: "CheckResult") -> str:
    if found.leaves and len(found.shares) > 1:
        return f"Send {mails(found.ready)}: {said_shares([share.as_json() for share in found.shares])}?"
    if found.leaves:
        through = found.shares[0].transport if found.shares else found.transport
        return f"Send {mails(found.ready)} through {through}?"
    return f"Rehearse: write {mails(found.ready)} into a mailbox on this computer, where nobody receives them?"


@verb(verbs, "resend")
def resend(
    face: Face,
    name: CampaignName,
    failed: Annotated[bool, typer.Option("--failed", help="What was rejected or expired.")] = False,
) -> None:
    """Queue once more what did not get through."""
    from campaigns.actions.resend import resend_failed

    if not failed:
        raise UsageError("`resend` needs to be told what.", remedy=f"Run `mergecast resend {name} --failed`.")
    with face.desk() as desk:
        face.show(resend_failed(desk, name), say_queued)
