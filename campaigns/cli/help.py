"""How `--help` reads: commands in the order in which people meet them, arguments without Python's names of types."""

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from campaigns.errors import UsageError

ORDER = (
    ("demo", "init", "merge"),
    ("import", "preview", "create", "check", "proof", "approve", "plan", "send", "run"),
    (
        "status",
        "calendar",
        "report",
        "show",
        "pause",
        "resume",
        "reopen",
        "cancel",
        "resend",
        "uncertain",
        "suppress",
        "warm-up",
        "versions",
    ),
    ("doctor", "backup", "restore", "prune", "upgrade"),
)
_PLACES = {name: place for place, name in enumerate(name for names in ORDER for name in names)}


def show_help(context: typer.Context) -> None:
    """What a group of commands does when none of them is named: it was called wrongly, and shows them."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


class Commands(TyperGroup):
    """Registered by two packages, listed as one."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=lambda name: _PLACES.get(name, len(_PLACES)))


class Verb(TyperCommand):
    """A command whose arguments are called what the person calls them, and whose options are never empty by mistake."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """UsageError for `--at ""`: a script's variable was empty, and mail would leave at once."""
        left: list[str] = super().parse_args(ctx, args)
        for param in self.get_params(ctx):
            value, source = ctx.params.get(param.name), ctx.get_parameter_source(param.name)
            if isinstance(value, str) and not value.strip() and source and source.name == "COMMANDLINE":
                called = param.metavar if param.param_type_name == "argument" else param.opts[0]
                raise UsageError(f"{called} is empty.", remedy="Give it a value, or leave it out.")
        return left

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for param in self.get_params(ctx):
            if (record := param.get_help_record(ctx)) is None:
                continue
            if param.param_type_name == "argument":
                sections["Arguments"].append((param.metavar or param.name or "", record[1]))
            else:
                sections["Options"].append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
