"""`mergecast`: every verb that belongs to campaigns; the worker's come from `scheduler.cli`."""

from typing import Annotated

import typer

from campaigns import __version__
from campaigns.cli import campaign, house, keeping, kept, lists, outcome, plan, send, warm_up
from campaigns.cli.help import Commands, show_help

app = typer.Typer(
    name="mergecast",
    cls=Commands,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mergecast {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def mergecast(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Mail merge and scheduled campaigns from a spreadsheet.

    Every mail is proved before anything leaves, and each person is mailed once.

    The first thing to try: `mergecast demo`. Your own mails in one line, as a rehearsal that nobody receives:
    `mergecast merge people.xlsx welcome.md`."""
    show_help(context)


for verbs in (
    house.verbs,
    lists.verbs,
    campaign.verbs,
    plan.verbs,
    send.verbs,
    outcome.verbs,
    kept.verbs,
    keeping.verbs,
):
    app.add_typer(verbs)
app.add_typer(lists.suppress, name="suppress")
app.add_typer(outcome.uncertain, name="uncertain")
app.add_typer(warm_up.warm_up, name="warm-up")
app.add_typer(kept.versions, name="versions")
