"""Warm-ups: `warm-up list` and `warm-up set`, and what other verbs say of them."""

from datetime import date
from typing import Annotated, Any

import typer

from campaigns.cli.face import Face, verb
from campaigns.cli.help import show_help
from campaigns.cli.say import mails
from campaigns.cli.show import Screen
from campaigns.model.throttle import Throttle
from campaigns.model.warm_up import said_limit
from campaigns.model.when import say_day

_SHOWN = 3  # of the days to come

warm_up = typer.Typer(
    help="Transports and senders that begin with few mails.",
    callback=show_help,
    invoke_without_command=True,
    rich_markup_mode=None,
)


@verb(warm_up, "list")
def warm_up_list(face: Face) -> None:
    """Show how far each warm-up is, and what it lets through on its next days."""
    from campaigns.actions import warm_ups as action

    with face.desk() as desk:
        face.show(action.listed(desk), say_warm_ups)


@verb(warm_up, "set")
def warm_up_set(
    face: Face,
    name: Annotated[str, typer.Argument(metavar="TRANSPORT|SENDER", help="Whose warm-up it is.", show_default=False)],
    day: Annotated[
        str, typer.Argument(metavar="DAY", help="The day of its table, from 1, or `over`.", show_default=False)
    ],
) -> None:
    """Let another day of its table hold today: 1 begins anew, `over` ends it."""
    from campaigns.actions import warm_ups as action

    with face.desk() as desk:
        face.show(action.put(desk, name, day), say_warm_up)


def say_warm_ups(screen: Screen, told: dict[str, Any]) -> None:
    if not told["warm_ups"]:
        screen.say('Nothing warms up. Set it for a transport or a sender in mergecast.toml: warm_up = "daily".')
    for one in told["warm_ups"]:
        say_warm_up(screen, one)


def say_warm_up(screen: Screen, told: dict[str, Any]) -> None:
    """How far it is, the days to come, and how its last day went."""
    screen.say(f"{said_step(told)}.", "bold")
    if told["coming"]:
        coming = [said_limit(Throttle.parse(text)) for text in told["coming"]]
        more = ["..."] if len(coming) > _SHOWN else []
        screen.say(f"  Then {', '.join([*coming[:_SHOWN], *more])}: a step for each day on which something leaves.")
    if told["last"]:
        answers = f": {told['deferred']:,} of {mails(told['tried'])} deferred" if told["tried"] else ""
        screen.say(f"  Last mail on {say_day(date.fromisoformat(told['last']))}{answers}.")


def said_step(told: dict[str, Any]) -> str:
    """`relay: warm-up day 3 of 17, 120 of 500 a day are spent`"""
    if told["day"] is None:
        return f"{told['whose']}: its warm-up is over, nothing limits it"
    limit = Throttle.parse(told["limit"])
    return f"{told['whose']}: warm-up day {told['day']} of {told['days']}, {told['used']:,} of {said_limit(limit)} are spent"
