"""Lists and suppressions: `import`, `suppress`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.cli.face import NEEDS_A_PERSON, Face, verb
from campaigns.cli.help import show_help
from campaigns.cli.options import (
    Columns,
    Encoding,
    HiddenRowsWord,
    ListName,
    RepeatedRows,
    RowsOut,
    SheetPath,
    Types,
    Worksheet,
    read_options,
    repeated_of,
    writable,
)
from campaigns.cli.say import clock, mails
from campaigns.cli.show import Screen, counted, say_findings
from campaigns.errors import UsageError

if TYPE_CHECKING:
    from campaigns.actions.import_list import ImportResult
    from campaigns.model.states import SuppressionReason

verbs = typer.Typer()
suppress = typer.Typer(
    help="People and domains that are never mailed.",
    callback=show_help,
    invoke_without_command=True,
    rich_markup_mode=None,
)

REASONS = ("manual", "unsubscribe", "complaint", "hard_bounce")
Addresses = Annotated[
    list[str],
    typer.Argument(metavar="ADDRESS", help="Addresses, or whole domains as @example.org.", show_default=False),
]
Reason = Annotated[str, typer.Option("--reason", metavar="|".join(REASONS), help="Why.")]


@verb(verbs, "import")
def import_(
    face: Face,
    sheet: SheetPath,
    *,
    list_name: ListName,
    worksheet: Worksheet = "",
    column: Columns = None,
    kind: Types = None,
    encoding: Encoding = "",
    repeated: RepeatedRows = None,
    hidden_rows: HiddenRowsWord = "",
    rows: RowsOut = None,
    yes: Annotated[bool, typer.Option("--yes", help="Accept changed and gone rows without being asked.")] = False,
) -> None:
    """Read a spreadsheet into a list. Importing into a list again makes its next sheet."""
    from campaigns.actions.import_list import import_list
    from campaigns.actions.import_rows import write_import_rows

    options = read_options(worksheet, column, kind, encoding, hidden_rows)
    out = writable(rows, sheet)
    with face.desk() as desk, face.progress(f"Reading {sheet.name}") as progress:
        question = _Question(face, yes)
        result = import_list(
            desk, sheet, list_name, options, repeated=repeated_of(repeated), confirm=question, progress=progress
        )
        if out is not None:
            write_import_rows(desk, result.list, out)
    face.show(result, say_imported if question.was_asked else say_import)
    if result.left_out:
        raise typer.Exit(NEEDS_A_PERSON)


@dataclass
class _Question:
    """Shows what changes in a list, and asks, where people change or go and somebody is there to answer."""

    face: Face
    yes: bool
    was_asked: bool = False

    def __call__(self, result: "ImportResult") -> bool:
        if self.yes or not self.face.can_ask or not (result.changes.changed or result.changes.gone):
            return True
        self.was_asked = True
        self.face.still()
        say_changes(self.face.aside, result.as_json())
        return self.face.confirm(f"Make this sheet {result.sheet} of the list {result.list}?")


def say_import(screen: Screen, told: dict[str, Any]) -> None:
    say_imported(screen, told)
    say_changes(screen, told)


def say_imported(screen: Screen, told: dict[str, Any]) -> None:
    screen.say(
        f"{counted(told['rows'], 'row')} into list {told['list']} (sheet {told['sheet']}): "
        f"{told['good']:,} good, {told['left_out']:,} left out.",
        "bold",
    )
    if told["joined"]:
        screen.say(f"{counted(told['joined'], 'row')} of them stand in the mail of the same person's first row.")
    say_columns(screen, told["columns"])
    say_findings(screen, told["findings"])


WHY = {
    "said": "as you said",
    "last": "as last time",
    "name": "by its name",
    "content": "by what stands in it",
}


def say_columns(screen: Screen, columns: list[dict[str, Any]]) -> None:
    """What each column was taken for, and why, for a person to approve."""
    rows = [
        (c["header"], c["field"], c["kind"], c["role"].replace("_", " "), WHY[c["why"]], f"{c['empty']:,}")
        for c in columns
    ]
    screen.table(("column", "merge field", "kind", "taken for", "why", "empty"), rows, right=("empty",))
    if any(column["why"] == "last" for column in columns):
        screen.say(
            "What holds as last time is changed by saying it anew: `--column FIELD=HEADER`, `--type FIELD=KIND`."
        )


def say_changes(screen: Screen, told: dict[str, Any]) -> None:
    """What is new, changed and gone since the last sheet, the first rows of each kind one by one."""
    if told["sheet"] == 1:
        return
    changes, before = told["changes"], f"sheet {told['sheet'] - 1}"
    screen.say(
        f"Since {before}: {changes['new']:,} new, {changes['changed']:,} changed, {changes['gone']:,} gone.", "bold"
    )
    for kind, rows in told["first_changes"].items():
        of = f" of {before}" if kind == "gone" else ""
        for one in rows:
            fields = f": {', '.join(one['fields'])}" if one["fields"] else ""
            screen.say(f"row {one['row']}{of}  {one['address']}{fields}", lead=f"  {kind:<9}")
        if changes[kind] > len(rows):
            screen.say(f"and {counted(changes[kind] - len(rows), 'row')} more", lead=" " * 11)


@verb(suppress, "add")
def suppress_add(face: Face, addresses: Addresses, *, reason: Reason = "manual") -> None:
    """Never mail these addresses, or domains, again."""
    from campaigns.actions import suppress as action

    with face.desk() as desk:
        face.show(action.add(desk, addresses, reason=_reason(reason)), say_suppressed)


@verb(suppress, "remove")
def suppress_remove(face: Face, addresses: Addresses) -> None:
    """Allow mail to these addresses, or domains, again."""
    from campaigns.actions import suppress as action

    with face.desk() as desk:
        face.show(action.remove(desk, addresses), say_removed)


@verb(suppress, "list")
def suppress_list(face: Face) -> None:
    """Show everyone who is never mailed, and why."""
    from campaigns.actions import suppress as action

    with face.desk() as desk:
        face.show(action.listed(desk), say_suppressions)


@verb(suppress, "import")
def suppress_import(
    face: Face,
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .csv or .txt file, one address a line.", show_default=False)
    ],
    *,
    reason: Reason = "manual",
) -> None:
    """Suppress everybody in a file, like another program's unsubscribes. A reason in a line goes first."""
    from campaigns.actions import suppress as action

    with face.desk() as desk:
        result = action.import_file(desk, path, reason=_reason(reason))
    face.show(result, say_suppressed)
    if result.needs_a_person:
        raise typer.Exit(NEEDS_A_PERSON)


@verb(suppress, "export")
def suppress_export(
    face: Face,
    out: Annotated[Path, typer.Argument(metavar="OUT.CSV", help="The file to write.", show_default=False)],
) -> None:
    """Write all suppressions to a .csv file. `suppress import` reads it back."""
    from campaigns.actions import suppress as action

    with face.desk() as desk:
        face.show(action.export_file(desk, out), say_exported)


def _reason(word: str) -> "SuppressionReason":
    from campaigns.model.states import SuppressionReason

    if word not in REASONS:
        raise UsageError(f"{word!r} is no reason.", remedy=f"Choose one of {', '.join(REASONS)}.")
    return SuppressionReason(word)


def say_suppressed(screen: Screen, told: dict[str, Any]) -> None:
    screen.say(f"{told['added']:,} suppressed, {told['known']:,} were already.", "bold")
    if told["stopped"]:
        screen.say(f"{mails(told['stopped'])} that waited will not leave.")
    say_findings(screen, told["findings"])


def say_removed(screen: Screen, told: dict[str, Any]) -> None:
    screen.say(f"{told['removed']:,} may be mailed again.")


def say_exported(screen: Screen, told: dict[str, Any]) -> None:
    screen.say(f"{counted(told['written'], 'suppression')} written to {told['file']}.")


def say_suppressions(screen: Screen, told: dict[str, Any]) -> None:
    if not told["suppressions"]:
        screen.say("Nobody is suppressed.")
        return
    heads = ("address", "reason", "source", "campaign", "at", "who")
    rows = [[clock(one[head]) if head == "at" else one[head] for head in heads] for one in told["suppressions"]]
    screen.table(heads, rows)
