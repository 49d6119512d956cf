"""Keeping a workspace for years: `backup`, `restore`, `prune`."""

import os
from contextlib import ExitStack
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.cli.face import NEEDS_A_PERSON, Face, verb
from campaigns.cli.say import clock
from campaigns.cli.show import Screen, counted
from campaigns.errors import UsageError
from campaigns.model.size import size_in_words

if TYPE_CHECKING:
    from campaigns.actions.progress import Progress

verbs = typer.Typer()

_MANY = 5  # names that are said one by one


def _time(text: str) -> timedelta:
    from campaigns.model.duration import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@verb(verbs, "backup")
def backup(
    face: Face,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A new .zip, or a folder to put one into.", show_default=False)
    ],
) -> None:
    """Copy everything but secrets into one file, also while a worker sends.

    That is the database, sheets, templates, attachments and settings. The file is read once more, and compared, before it gets its name. People's
    addresses are in it. Exit 1 if files were missing that the database names."""
    from campaigns.actions.backup import backup as action

    with face.desk() as desk, face.progress("Backing up (MB)") as progress:
        made = action(desk, file, _in_mb(progress))
    face.show(made, say_backup)
    if made.missing:
        raise typer.Exit(NEEDS_A_PERSON)


def say_backup(screen: Screen, told: dict[str, Any]) -> None:
    screen.say(f"{told['file']}: {counted(told['files'], 'file')}, {size_in_words(told['bytes'])}, verified.", "bold")
    if told["secrets"]:
        screen.say(f"Secrets are not in it; keep them elsewhere: {', '.join(told['secrets'])}.", "yellow")
    else:
        screen.say("Secrets are not in it: there is no file of them here.")
    if told["left_out"]:
        screen.say(f"Nor are: {_some(told['left_out'])}.")
    if told["missing"]:
        screen.say(f"Not found, although the database names them: {_some(told['missing'])}.", "bold red")
    screen.say("It holds people's addresses: keep it as safe as the workspace.")


@verb(verbs, "restore")
def restore(
    face: Face,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `backup` wrote.", show_default=False)],
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="A new or an empty folder.", show_default=False)
    ] = None,
) -> None:
    """Make a workspace from a backup, in a new or an empty folder.

    Nothing is ever restored over something. The database says from then on that it is a copy: what is queued in it may
    have left since it was backed up."""
    from campaigns.actions.restore_backup import restore_backup

    folder = folder or face.folder
    if folder is None:
        raise UsageError("Where to?", remedy=f"Name a new folder: `mergecast restore {file} DIR`.")
    with face.progress("Restoring (MB)") as progress:
        done = restore_backup(file, folder, os.environ, who=face.who, progress=_in_mb(progress))
    face.show(done, say_restored)


def say_restored(screen: Screen, told: dict[str, Any]) -> None:
    files = f"{counted(told['files'], 'file')}, {size_in_words(told['bytes'])}"
    screen.say(f"{told['workspace']} is as it was on {clock(told['made_at'])}: {files}.", "bold")
    if told["elsewhere"]:
        screen.say(
            f"The variable MERGECAST_DATABASE leads to another database, {told['elsewhere']}: unset it.", "bold red"
        )
    if told["upgrade"]:
        screen.say(f"Its database has schema {told['schema']}: run `mergecast upgrade` in it first.", "yellow")
    screen.say("Passwords and keys are not in a backup: put secrets.toml back, or set the environment.")
    screen.say("Then `mergecast doctor` looks whether all is well.")
    said = "What is queued in it may have left since it was backed up, so that nothing is sent by itself."
    screen.say(f"{said} Once you have looked: `mergecast run --accept-restored`.", "yellow")


@verb(verbs, "prune")
def prune(
    face: Face,
    older: Annotated[
        timedelta,
        typer.Option("--older", metavar="TIME", parser=_time, help="Longer ago than this: 180d.", show_default=False),
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Prune without being asked.")] = False,
) -> None:
    """Drop what old mails and sheets said, and old rehearsals; also while a worker sends.

    Only finished and cancelled campaigns are touched. What became of each mail stays, and so do sums, tokens,
    suppressions, the history and every list's newest sheet. What is pruned cannot be shown or sent again."""
    from campaigns.actions.prune import prune as action

    bars = ExitStack()

    @cache
    def bar() -> "Progress":  # a question takes bars away for good: this one begins after it
        return bars.enter_context(face.progress("Pruning"))

    def told(done: int, total: int | None) -> None:
        bar()(done, total)

    with face.desk() as desk:
        with bars:
            result = action(desk, older, lambda found: _goes(face, found.as_json(), yes), told)
        face.show(result, say_pruned)


def _goes(face: Face, found: dict[str, Any], yes: bool) -> bool:
    if not face.json:
        _say_amounts(face.aside, found)
    return yes or face.confirm("Drop it for good?")


def say_pruned(screen: Screen, told: dict[str, Any]) -> None:
    what = [name for name in WHAT if told["dropped"][name]["count"]]
    if what:
        screen.say(f"Dropped what was settled before {clock(told['before'])}:", "bold")
        _say_amounts(screen, told["dropped"])
    else:
        screen.say(f"There is nothing to drop from before {clock(told['before'])}.")
    database = told["database"]
    screen.say(
        f"The database has {size_in_words(database['bytes_after'])}; it had {size_in_words(database['bytes_before'])}."
    )
    if database["why_not_smaller"]:
        screen.say(f"{database['why_not_smaller']} The next `mergecast prune` tries again.", "yellow")


WHAT = {
    "messages": "mails' values",
    "shapes": "mails' constant parts: shapes",
    "constants": "mails' constant parts: texts",
    "attachments": "kept attachments",
    "rows": "rows' cells of old sheets",
    "sheets": "imported files",
    "rehearsals": "mails of rehearsals",
}


def _say_amounts(screen: Screen, amounts: dict[str, Any]) -> None:
    rows = [
        (words, f"{amounts[name]['count']:,}", size_in_words(amounts[name]["bytes"]))
        for name, words in WHAT.items()
        if amounts[name]["count"]
    ]
    screen.table(("what", "how many", "size"), rows, right=("how many", "size"))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _MANY:,} more" if len(names) > _MANY else ""
    return ", ".join(names[:_MANY]) + more


def _in_mb(progress: "Progress") -> "Progress":
    """Bytes as a bar can show them."""

    def told(done: int, total: int | None) -> None:
        progress(done // 1_000_000, None if total is None else max(1, total // 1_000_000))

    return told
