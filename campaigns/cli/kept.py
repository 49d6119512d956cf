"""What is kept of mails and templates: `show`, `versions`."""

import sys
from typing import Annotated, Any

import typer

from campaigns.cli.face import Face, verb
from campaigns.cli.help import show_help
from campaigns.cli.options import Row, TemplateName
from campaigns.cli.say import clock, mails
from campaigns.cli.show import Screen, counted

verbs = typer.Typer()
versions = typer.Typer(
    help="Templates as they were when they were checked or sent.",
    callback=show_help,
    invoke_without_command=True,
    rich_markup_mode=None,
)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise typer.BadParameter(f"{text!r} is no version: write its number.")
    return int(text)


@verb(verbs, "show")
def show(
    face: Face,
    which: Annotated[
        str, typer.Argument(metavar="MESSAGE", help="Its Message-ID, or what stands before its @.", show_default=False)
    ] = "",
    *,
    campaign: Annotated[
        str, typer.Option("--campaign", metavar="NAME", help="Whose mail; with --to or --row.", show_default=False)
    ] = "",
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Who it went to.", show_default=False)] = "",
    row: Row = None,
    eml: Annotated[bool, typer.Option("--eml", help="Its bytes as they left, on standard output.")] = False,
) -> None:
    """Show a mail that was sent, byte for byte, and what became of it."""
    from campaigns.actions.show import bytes_of
    from campaigns.actions.show import show as action
    from campaigns.errors import UsageError

    if which and (campaign or to or row is not None):
        raise UsageError(
            "A message is named once.", remedy="Leave out either MESSAGE or `--campaign`, `--to`, `--row`."
        )
    with face.desk() as desk:
        shown = action(desk, which, campaign=campaign, to=to, row=row)
    if not eml:
        face.show(shown, say_mail)
        return
    mail = bytes_of(shown)
    if face.json:
        face.show(_WithBytes(shown.as_json(), mail), say_mail)
        return
    sys.stdout.buffer.write(mail)
    sys.stdout.buffer.flush()
    if shown.note:
        face.aside.say(shown.note, "yellow")


class _WithBytes:
    """A mail's document with its bytes in it, which are UTF-8."""

    def __init__(self, document: dict[str, Any], mail: bytes) -> None:
        self._document = {**document, "eml": mail.decode()}

    def as_json(self) -> dict[str, Any]:
        return self._document


def say_mail(screen: Screen, told: dict[str, Any]) -> None:
    lines = (
        ("message", told["message"] + (" (a proof)" if told["proof"] else "")),
        ("to", told["to"]),
        ("from", told["from"]),
        ("subject", told["subject"]),
        ("campaign", told["campaign"] + (f", row {told['row']}" if told["row"] else "")),
        ("template", told["template"] + (f", version {told['version']}" if told["version"] else "")),
        ("through", told["transport"]),
        ("state", told["state"]),
        ("handed over", clock(told["leased_at"]) if told["leased_at"] else "never"),
        ("settled", clock(told["settled_at"]) if told["settled_at"] else None),
        ("attempts", f"{told['attempts']:,}"),
        ("server's name", told["remote_id"] or None),
    )
    for word, value in lines:
        if value is not None:
            screen.say(value, lead=f"{word:<15}")
    for one in told["tries"]:
        screen.say(f"{one['outcome']} {one['code']} {one['text']}".rstrip(), lead=f"  {clock(one['at'])}  ")
    if told["note"]:
        screen.say(told["note"], "yellow")
    if told["text"] is not None:
        screen.say("")
        screen.say(told["text"])


@verb(versions, "list")
def versions_list(face: Face, template: TemplateName) -> None:
    """Show every version: when, by whom, for which campaigns."""
    from campaigns.actions import versions as action

    with face.desk() as desk:
        face.show(action.listed(desk, template), say_versions)


def say_versions(screen: Screen, told: dict[str, Any]) -> None:
    rows = [
        (
            f"{one['version']} (now)" if one["now"] else one["version"],
            clock(one["at"]),
            one["who"],
            "; ".join(map(_used, one["campaigns"])) or "none",
        )
        for one in told["versions"]
    ]
    screen.table(("version", "kept", "by", "campaigns"), rows)
    if not any(one["now"] for one in told["versions"]):
        screen.say("The files are none of these now. `mergecast versions diff` shows what has changed.")


def _used(use: dict[str, Any]) -> str:
    """`spring: 3 mails, 1 proof (finished)`."""
    counts = [mails(use["messages"])] if use["messages"] else []
    counts += [counted(use["proofs"], "proof")] if use["proofs"] else []
    return f"{use['campaign']}: {', '.join(counts) or 'no mails'} ({use['state']})"


@verb(versions, "diff")
def versions_diff(
    face: Face,
    template: TemplateName,
    before: Annotated[
        int | None,
        typer.Argument(metavar="A", parser=_number, help="From version A, else from the newest.", show_default=False),
    ] = None,
    after: Annotated[
        int | None,
        typer.Argument(metavar="B", parser=_number, help="To version B, else to the files now.", show_default=False),
    ] = None,
) -> None:
    """Show what changed since a version, or between two.

    Layouts and blocks are compared, too."""
    from campaigns.actions import versions as action

    with face.desk() as desk:
        face.show(action.diff(desk, template, before, after), say_diff)


_STYLES = {"---": "bold", "+++": "bold", "@@": "cyan", "+": "green", "-": "red", "\\": "dim"}


def say_diff(screen: Screen, told: dict[str, Any]) -> None:
    after = "the files now" if told["to"] is None else f"version {told['to']}"
    if not told["files"]:
        screen.say(f"Version {told['from']} and {after} are the same.")
    for file in told["files"]:
        heads = 2
        for line in file["diff"].split("\n")[:-1]:
            marks = _STYLES if heads else {mark: style for mark, style in _STYLES.items() if len(mark) < 3}
            heads = max(0, heads - 1)
            screen.say(line, next((style for mark, style in marks.items() if line.startswith(mark)), ""))


@verb(versions, "restore")
def versions_restore(
    face: Face,
    template: TemplateName,
    number: Annotated[int, typer.Argument(metavar="VERSION", parser=_number, help="Its number.", show_default=False)],
) -> None:
    """Put a version's files back, layouts and blocks too. What stands there is kept as a version first."""
    from campaigns.actions.restore import restore as action

    with face.desk() as desk:
        face.show(action(desk, template, number), say_restored)


def say_restored(screen: Screen, told: dict[str, Any]) -> None:
    if not told["files"]:
        screen.say(f"All files of version {told['version']} stand there already.", "bold")
    else:
        screen.say(f"Version {told['version']} is back:", "bold")
    for file in told["files"]:
        screen.say(f"  {file}")
    if told["kept"]:
        screen.say(f"What stood there before is version {told['kept']}.")
    if told["others"]:
        screen.say(f"These use some of it, too: {', '.join(told['others'])}.", "yellow")
    if told["differs"]:
        screen.say(
            f"The template is not quite that version, because other files go before, or the frame that comes with "
            f"Mergecast has changed: {', '.join(told['differs'])}.",
            "yellow",
        )
