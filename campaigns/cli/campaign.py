"""Making a campaign, looking at it, and steering it: `preview`, `create`, `check`, `pause`, `resume`, `reopen`, `cancel`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from campaigns.cli.face import NEEDS_A_PERSON, Face, verb
from campaigns.cli.options import (
    AtColumn,
    CampaignName,
    DefaultZone,
    EdgeCases,
    Every,
    Exclude,
    From,
    HolidaysCode,
    LateWord,
    ListName,
    NotMailedIn,
    PauseAboveText,
    Row,
    RowsOut,
    SheetAgain,
    SheetOut,
    TemplateName,
    ThrottleTexts,
    Transactional,
    TransportName,
    When,
    Where,
    Whom,
    WindowTexts,
    Zone,
    ZoneColumn,
    row_or_edge_cases,
    writable,
)
from campaigns.cli.say import first, has_started, rounds, said_times, started, those, through, was_to_start, when
from campaigns.cli.show import Screen, counted, say_findings

verbs = typer.Typer()


@verb(verbs, "preview")
def preview(
    face: Face,
    template: TemplateName,
    *,
    list_name: ListName,
    row: Row = None,
    edge_cases: EdgeCases = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where to. Unless given: previews/.", show_default=False)
    ] = None,
) -> None:
    """Write mails as .eml, .html and .txt to look at; nothing is queued."""
    from campaigns.actions.preview import preview as action

    row_or_edge_cases(row, edge_cases)
    with face.desk() as desk:
        result = action(desk, template, list_name, row=row, edge_cases=edge_cases, out=out)
    face.show(result, say_preview)
    if any(finding["severity"] == "stops" for finding in result.as_json()["findings"]):
        raise typer.Exit(NEEDS_A_PERSON)


def say_preview(screen: Screen, told: dict[str, Any]) -> None:
    for one in told["previews"]:
        screen.say(f"row {one['row']}  {one['to']}  {one['subject']}", "bold")
        if one["why"]:
            screen.say(", ".join(one["why"]), "dim", lead="  ")
        for path in one["files"].values():
            if path:
                screen.say(f"  {path}")
    say_findings(screen, told["findings"])


@verb(verbs, "create")
def create(
    face: Face,
    name: CampaignName,
    *,
    template: Annotated[str, typer.Option("--template", metavar="T", help="The template.", show_default=False)],
    list_name: ListName,
    transport: TransportName = "",
    sender: From = "",
    at: When = "",
    zone: Zone = "",
    every: Every = "",
    to: Whom = "",
    sheet: SheetAgain = "",
    default_zone: DefaultZone = "",
    zone_column: ZoneColumn = "",
    at_column: AtColumn = "",
    throttle: ThrottleTexts = None,
    window: WindowTexts = None,
    holidays: HolidaysCode = "",
    late: LateWord = "",
    pause_above: PauseAboveText = "",
    where: Where = None,
    exclude: Exclude = None,
    not_mailed_in: NotMailedIn = None,
    transactional: Transactional = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a draft of that name.")] = False,
) -> None:
    """Make a campaign out of a template and a list: a draft. With `--every`, one that comes round."""
    from campaigns.actions.create import create as action
    from campaigns.actions.series import ComesRound, relative
    from campaigns.actions.times import Times
    from campaigns.model.audience import Audience
    from campaigns.settings import LOCAL

    audience = Audience.read(where, exclude or (), not_mailed_in)
    with face.desk() as desk:
        told = action(
            desk,
            name,
            template=template,
            list_name=list_name,
            transport=transport or LOCAL,
            sender=sender,
            at=at,
            zone=zone,
            times=Times(default_zone, zone_column, at_column, window or (), holidays, late),
            throttles=throttle or (),
            pause_above=pause_above,
            audience=audience,
            comes_round=ComesRound(every, to, relative(desk, sheet), late if every else ""),
            transactional=transactional,
            replace=replace,
        )
        face.show(told, say_created)


def say_created(screen: Screen, told: dict[str, Any]) -> None:
    say_campaign(screen, told)
    name = told["campaign"]["name"]
    screen.say(f"Next: `mergecast check {name}`, then `mergecast send {name}`.")


def say_campaign(screen: Screen, told: dict[str, Any]) -> None:
    """A campaign in a few lines: its state, what to whom, when and how."""
    campaign = told["campaign"]
    reason = f" ({campaign['reason']})" if campaign["reason"] else ""
    screen.say(f"{campaign['name']}: {campaign['state']}{reason}", "bold")
    screen.say(f"  {campaign['template']} to list {campaign['list']}, {through(campaign)}")
    if campaign["audience"]:
        screen.say(f"  {those(campaign['audience'])}")
    if campaign["series"]:
        for line in rounds(campaign["series"], campaign["starts"]["zone"]):
            screen.say(f"  {line}")
    elif has_started(campaign):
        screen.say(f"  started {started(campaign['starts'])}")
    elif was_to_start(campaign):
        screen.say(f"  was to start {started(campaign['starts'])}")
    else:
        screen.say(f"  starts {when(campaign['starts'])}")
    if campaign["throttles"]:
        screen.say(f"  at most {', '.join(campaign['throttles'])}")
    for said in said_times(campaign):
        screen.say(f"  {said}")
    for window in campaign["windows"]:
        screen.say(f"  only {window}")
    if campaign["holidays"]:
        screen.say(f"  never on holidays of {campaign['holidays']}")
    if campaign["pause_above"]:
        screen.say(f"  pauses when more than {campaign['pause_above']} of its last mails were rejected or deferred")
    if campaign["canary"]:
        screen.say(f"  {first(campaign['canary'])}")


@verb(verbs, "check")
def check(face: Face, name: CampaignName, rows: RowsOut = None, sheet: SheetOut = None) -> None:
    """Render and check the mail of every row; nothing is queued."""
    from campaigns.actions.check import check as action

    rows, sheet = writable(rows), writable(sheet)
    with face.desk() as desk, face.progress(f"Checking {name}") as progress:
        result = action(desk, name, rows_to=rows, sheet_to=sheet, progress=progress)
    face.show(result, say_check)
    told = result.as_json()
    if told["left_out"] > told["joined"] or any(finding["severity"] == "stops" for finding in told["findings"]):
        raise typer.Exit(NEEDS_A_PERSON)


def say_check(screen: Screen, told: dict[str, Any]) -> None:
    screen.say(
        f"{told['campaign']}: {counted(told['rows'], 'row')}, {told['ready']:,} ready, "
        f"{told['left_out']:,} left out ({counted(told['shapes'], 'shape')}).",
        "bold",
    )
    say_findings(screen, told["findings"])
    if sheet := told.get("sheet"):
        say_sheet_back(screen, sheet)


def say_sheet_back(screen: Screen, told: dict[str, Any]) -> None:
    screen.say(f"The sheet, with what was found: {told['file']}")
    for note in told["notes"]:
        screen.say(note, lead="  ")
    screen.say("Correct it there, and import it into the same list.")


@verb(verbs, "pause")
def pause(face: Face, name: CampaignName) -> None:
    """Hold a campaign. What is on its way arrives, nothing more leaves."""
    from campaigns.actions import steer

    with face.desk() as desk:
        face.show(steer.pause(desk, name), say_campaign)


@verb(verbs, "resume")
def resume(face: Face, name: CampaignName) -> None:
    """Let a campaign go on that is paused, or that holds after its canary."""
    from campaigns.actions import steer

    with face.desk() as desk:
        face.show(steer.resume(desk, name), say_campaign)


@verb(verbs, "reopen")
def reopen(face: Face, name: CampaignName) -> None:
    """Make a campaign that has sent nothing yet a draft again."""
    from campaigns.actions import steer

    with face.desk() as desk:
        face.show(steer.reopen(desk, name), say_campaign)


@verb(verbs, "cancel")
def cancel(face: Face, name: CampaignName) -> None:
    """End a campaign for good: what has not left never will."""
    from campaigns.actions import steer

    with face.desk() as desk:
        face.show(steer.cancel(desk, name), say_campaign)
