"""The workspace itself: `init`, `upgrade`, and `doctor`, whose probes of transports come from the worker's side."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.cli.face import NEEDS_A_PERSON, Face, verb
from campaigns.cli.show import Screen
from campaigns.errors import MergecastError, UsageError

if TYPE_CHECKING:
    from campaigns.actions.doctor import Probes

verbs = typer.Typer()

RELAYS = ("office365", "gmail", "sendgrid", "other")
STATES = {"good": "green", "warn": "yellow", "bad": "bold red"}


@verb(verbs, "init")
def init(
    face: Face,
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Unless given: here.", show_default=False)
    ] = None,
    relay: Annotated[
        str | None,
        typer.Option("--relay", metavar="|".join(RELAYS), help="Settings to send through it.", show_default=False),
    ] = None,
) -> None:
    """Make a workspace. Its settings, its template and its sheet work at once.

    In a folder that is a workspace already, `--relay` adds a transport to its settings."""
    from campaigns.actions.init import init as make
    from campaigns.actions.init import is_workspace
    from campaigns.actions.relays import Relay

    if relay is not None and relay not in RELAYS:
        raise UsageError(f"There are no settings for {relay!r}.", remedy=f"Choose one of {', '.join(RELAYS)}.")
    place = folder or face.folder or Path()
    zone = "" if is_workspace(place) else zone_of_machine(face)
    face.show(make(place, Relay(relay) if relay else None, zone=zone), say_init)


def zone_of_machine(face: Face) -> str:
    """The machine's zone; on a terminal a person is asked when that is UTC, which is rarely where people live."""
    from campaigns.actions.init import machine_zone
    from campaigns.model.when import zone_named

    zone = machine_zone()
    if zone != "UTC" or face.json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return zone
    while True:
        face.aside.say("This computer's clock runs in UTC. Your time zone, like Europe/Berlin [UTC]: ", end="")
        typed = input().strip() or "UTC"
        try:
            return zone_named(typed).key
        except MergecastError as error:
            face.aside.say(f"{error.sentence} {error.remedy}")


def say_init(screen: Screen, told: dict[str, Any]) -> None:
    if not told["new"]:
        screen.say(f"Added to the workspace in {told['workspace']}:", "bold")
    else:
        screen.say(f"A workspace in {told['workspace']}, send times in {told['zone']}.", "bold")
    for name in told["files"]:
        screen.say(f"  {name}")
    if told["closed"]:
        screen.say("Others on this computer could write to this folder; now only you can.")
    if told["relay"]:
        screen.say("Before mail can leave: look through mergecast.toml, and put the password or key into secrets.toml.")
        screen.say("Then `mergecast doctor` looks whether it works.")
    if not told["new"]:
        return
    screen.say("Next: mergecast import people.csv --list people")
    screen.say("      mergecast create first --template invitation --list people")
    screen.say("      mergecast send first && mergecast run --until-idle")


@verb(verbs, "upgrade")
def upgrade(face: Face) -> None:
    """Bring an older workspace's database up to date, after a copy."""
    from campaigns.actions.upgrade import upgrade as bring_up_to_date

    face.show(bring_up_to_date(face.workspace(), face.who), say_upgrade)


def say_upgrade(screen: Screen, told: dict[str, Any]) -> None:
    schema = told["schema"]
    if schema["before"] == schema["after"]:
        screen.say(f"The database is up to date (schema {schema['after']}).")
        return
    screen.say(f"The database went from schema {schema['before']} to {schema['after']}.")
    if told["copy"]:
        screen.say(f"As it was before: {told['copy']}. Remove it when all is well.")


def add_doctor(app: typer.Typer, probes: "Probes") -> None:
    """Register `doctor`; `probes` makes one probe a transport, which campaigns know nothing of."""

    @verb(app, "doctor")
    def doctor(face: Face) -> None:
        """Look for faults in workspace, database and transports. Each is told with what to do about it."""
        from campaigns.actions.doctor import doctor as look
        from campaigns.workspace import locate_workspace

        root = locate_workspace(face.folder, os.environ, Path.cwd())
        result = look(root, os.environ, probes)
        face.show(result, say_doctor)
        if not result.well:
            raise typer.Exit(NEEDS_A_PERSON)


def say_doctor(screen: Screen, told: dict[str, Any]) -> None:
    for check in told["checks"]:
        screen.say(check["sentence"], STATES[check["state"]], lead=f"{check['state']:<5}{check['name']:<18}")
        if check["remedy"]:
            screen.say(check["remedy"], lead=" " * 23)
