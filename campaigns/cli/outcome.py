"""What happens and what happened: `status`, `report`, `uncertain`."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from campaigns.cli.face import NEEDS_A_PERSON, Face, verb
from campaigns.cli.help import show_help
from campaigns.cli.options import CampaignName, RowsOut, writable
from campaigns.cli.pace import said_pace
from campaigns.cli.say import (
    NO_WORKER,
    clock,
    has_started,
    mails,
    rounds,
    say_approval,
    started,
    those,
    was_to_start,
    when,
)
from campaigns.cli.show import Screen, counted
from campaigns.cli.warm_up import said_step
from campaigns.errors import UsageError
from campaigns.model.duration import in_words

WATCHED_EVERY = 2.0  # seconds: the worker says as often what it does

verbs = typer.Typer()

uncertain = typer.Typer(
    help="Mails that were handed over and never answered.",
    callback=show_help,
    invoke_without_command=True,
    rich_markup_mode=None,
)

Which = Annotated[
    str,
    typer.Argument(
        metavar="CAMPAIGN|MESSAGE", help="All of a campaign, or one message of `uncertain list`.", show_default=False
    ),
]


@verb(verbs, "status")
def status(
    face: Face,
    name: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Unless given: all.", show_default=False)] = "",
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again every two seconds, until nothing sends or waits.")
    ] = False,
) -> None:
    """Say what campaigns and worker do. Exit 1 if something needs a person."""
    from campaigns.actions.status import status as action

    if watch and face.json:
        raise UsageError("`--watch` and `--json` exclude each other.", remedy="Call `status --json` again and again.")
    with face.desk() as desk:
        result = action(desk, name)
        while watch and result.goes_on:
            face.screen.anew()
            face.show(result, say_status)
            try:
                time.sleep(WATCHED_EVERY)
            except KeyboardInterrupt:  # how one stops watching
                return
            result = action(desk, name)
    if watch:
        face.screen.anew()
    face.show(result, say_status)
    if result.needs_a_person:
        raise typer.Exit(NEEDS_A_PERSON)


def say_status(screen: Screen, told: dict[str, Any]) -> None:
    say_worker(screen, told["worker"], waited_for=any(map(_waits, told["campaigns"])))
    for outage in told["outages"]:
        screen.say(said_outage(outage), "bold red")
    for warm_up in told["warm_ups"]:
        if warm_up["day"] is not None:
            screen.say(f"{said_step(warm_up)}.")
    if told["held"]:
        screen.say(f"Held: {told['held']['sentence']} {told['held']['remedy']}", "bold red")
    if not told["campaigns"]:
        screen.say("No campaign yet. Make one with `mergecast create`.")
        return
    rows = [
        (
            campaign["name"],
            _said_state(campaign),
            f"{campaign['rows']:,}",
            f"{campaign['left_out']:,}",
            said_messages(campaign["messages"]) or "none yet",
            _said_start(campaign),
            campaign["transport"] if campaign["leaves"] else "rehearsal",
        )
        for campaign in told["campaigns"]
    ]
    heads = ("campaign", "state", "rows", "left out", "messages", "starts", "through")
    screen.table(heads, rows, right=("rows", "left out"))
    for campaign in told["campaigns"]:
        say_doing(screen, campaign)


def said_outage(outage: dict[str, Any]) -> str:
    """`relay is out since Tue 2026-12-01 09:00 CET, 40 seconds ago: Connection refused. It is tried again in 30 s; ...`"""
    left = (datetime.fromisoformat(outage["again"]) - datetime.now(UTC)).total_seconds()
    tried = f"It is tried again in {left:.0f} s" if left >= 1 else "It is being tried again"
    meanwhile = f"its mail goes through {outage['through']} meanwhile" if outage["through"] else "its mail waits"
    words = outage["words"].rstrip(".")
    return f"{outage['transport']} is out since {clock(outage['since'])}: {words}. {tried}; {meanwhile}."


def _said_state(campaign: dict[str, Any]) -> str:
    """With the reason, if there is one; that of an occurrence which is held stands below the table."""
    if campaign["occurrence"] and campaign["occurrence"]["held"]:
        return f"{campaign['state']} (held)"
    return str(campaign["state"]) + (f" ({campaign['reason']})" if campaign["reason"] else "")


def _said_start(campaign: dict[str, Any]) -> str:
    if campaign["series"]:
        comes_next = campaign["series"]["next"]
        return when({**campaign["starts"], "at": comes_next, "wall": "-"}) if comes_next else "comes round; not running"
    begun = has_started(campaign) or was_to_start(campaign)
    return started(campaign["starts"]) if begun else when(campaign["starts"])


def _waits(campaign: dict[str, Any]) -> bool:
    """Whether a campaign needs a worker; a proof of a draft that nobody sends is a trouble."""
    return campaign["state"] in ("scheduled", "sending", "recurring") or bool(campaign["trouble"])


def say_worker(screen: Screen, worker: dict[str, Any] | None, *, waited_for: bool) -> None:
    if worker is None and waited_for:
        screen.say(NO_WORKER, "yellow")
        return
    if worker is None:
        screen.say("No worker is running, and nothing waits for one.")
        return
    ago = in_words(datetime.now(UTC) - datetime.fromisoformat(worker["beat_at"]))
    screen.say(f"A worker runs on {worker['host']} (process {worker['pid']}); its last sign was {ago} ago.", "green")


def say_doing(screen: Screen, campaign: dict[str, Any]) -> None:
    """When it comes round, whom it is for, who approved it, the rate, what it waits for, and what needs a person."""
    if campaign["series"]:
        for line in rounds(campaign["series"], campaign["starts"]["zone"]):
            screen.say(line, lead=f"{campaign['name']}: ")
    if campaign["audience"]:
        screen.say(f"{campaign['name']}: {those(campaign['audience'])}.")
    if campaign["approval"]:
        screen.say(f"{campaign['name']}: {say_approval(campaign['approval'])}")
    for said in said_pace(campaign):
        screen.say(f"{campaign['name']} {said}.")
    for trouble in campaign["trouble"]:
        screen.say(f"{campaign['name']}: {trouble}", "bold red")


def said_messages(messages: dict[str, int]) -> str:
    """`1,204 accepted, 3 rejected`: every state that has messages."""
    return ", ".join(f"{number:,} {state}" for state, number in messages.items() if number)


@verb(verbs, "report")
def report(face: Face, name: CampaignName, rows: RowsOut = None) -> None:
    """Account for every row of a campaign."""
    from campaigns.actions.report import report as action

    with face.desk() as desk:
        face.show(action(desk, name, writable(rows)), say_report)


def say_report(screen: Screen, told: dict[str, Any]) -> None:
    left_out, messages = sum(told["left_out"].values()), sum(told["messages"].values())
    lines = [(f"left out: {code}", f"{number:,}") for code, number in told["left_out"].items() if number]
    lines += [(state, f"{number:,}") for state, number in told["messages"].items() if number]
    screen.table((told["campaign"], "rows"), lines, right=("rows",))
    said = f"{counted(told['rows'], 'row')} = {left_out:,} left out + {mails(messages)}"
    if told["adds_up"]:
        screen.say(f"{said}.", "green")
    else:
        screen.say(f"{said}: that does not add up.", "bold red")
    if told["last"]:
        screen.say(f"It is a series: its mails are those of its occurrences, the last of which is {told['last']}.")
    if told["pruned_at"]:
        screen.say(f"What its older mails said was pruned on {clock(told['pruned_at'])}; what became of them is kept.")


@verb(uncertain, "list")
def uncertain_list(
    face: Face,
    name: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Unless given: of all.", show_default=False)] = "",
) -> None:
    """Show the mails of which nobody knows whether they left."""
    from campaigns.actions import uncertain as action

    with face.desk() as desk:
        face.show(action.listed(desk, name), say_uncertain)


def say_uncertain(screen: Screen, told: dict[str, Any]) -> None:
    if not told["uncertain"]:
        screen.say("Nothing is uncertain.")
        return
    rows = [
        (
            one["message"],
            one["campaign"],
            one["row"] or "",
            one["to"],
            clock(one["leased_at"]) if one["leased_at"] else "",
            one["words"],
        )
        for one in told["uncertain"]
    ]
    screen.table(("message", "campaign", "row", "to", "handed over", "what is known"), rows, right=("row",))
    screen.say(
        "Ask the server's log or the person. It arrived: `mergecast uncertain confirm`. It did not: `... resend`."
    )


@verb(uncertain, "confirm")
def uncertain_confirm(face: Face, which: Which) -> None:
    """They arrived: count them as accepted."""
    from campaigns.actions import uncertain as action

    with face.desk() as desk:
        face.show(action.confirm(desk, which), say_settled)


@verb(uncertain, "resend")
def uncertain_resend(face: Face, which: Which) -> None:
    """They did not arrive: queue them once more."""
    from campaigns.actions import uncertain as action

    with face.desk() as desk:
        face.show(action.resend(desk, which), say_settled)


def say_settled(screen: Screen, told: dict[str, Any]) -> None:
    if "confirmed" in told:
        screen.say(f"{mails(told['confirmed'])} confirmed.")
    else:
        screen.say(f"{mails(told['queued'])} queued once more.")
