"""`docs/cli.md` and `docs/settings.md`, written from the command line and the settings themselves."""

from datetime import timedelta
from typing import Any

import typer
from pydantic import BaseModel

from campaigns.model.duration import text_of
from campaigns.settings import (
    InboxRule,
    InboxSettings,
    LimitSettings,
    MetricsSettings,
    RouteSettings,
    SenderSettings,
    Settings,
)
from campaigns.settings_transports import MaildirSettings, SendgridSettings, SmtpSettings

WIDTH = 100


def cli_reference(app: typer.Typer) -> str:
    """Every command's help, as `--help` prints it."""
    command = typer.main.get_command(app)
    context = _context(command, None, "mergecast")
    lines = ["# The command line", "", "Written from the commands by `python docs/write.py`.", ""]
    return "\n".join([*lines, *_help(command, context)])


def _help(command: Any, context: typer.Context) -> list[str]:
    """One command, then those below it."""
    depth = len(context.command_path.split())
    shown = "\n".join(line.rstrip() for line in command.get_help(context).strip().splitlines())
    lines = [f"{'#' * (depth + 1)} {context.command_path}", "", "```text", shown, "```", ""]
    for name in command.list_commands(context) if hasattr(command, "commands") else ():
        below = command.get_command(context, name)
        lines += _help(below, _context(below, context, name))
    return lines


def _context(command: Any, parent: typer.Context | None, name: str) -> typer.Context:
    how = {**command.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    return typer.Context(command, parent=parent, info_name=name, **how)


def settings_reference() -> str:
    """Every key of `mergecast.toml`."""
    parts: list[tuple[str, type[BaseModel]]] = [
        ("At the top", Settings),
        ("[sender]", SenderSettings),
        ("[metrics]", MetricsSettings),
        ('[transports.NAME], kind = "smtp"', SmtpSettings),
        ('[transports.NAME], kind = "sendgrid"', SendgridSettings),
        ('[transports.NAME], kind = "maildir"', MaildirSettings),
        ("[inbox]", InboxSettings),
        ('[inbox.rules."PATTERN"]', InboxRule),
        ('[limits."DOMAIN OR SENDER"]', LimitSettings),
        ("[[routes]]", RouteSettings),
    ]
    lines = ["# Settings", "", *_SETTINGS_INTRO]
    for title, model in parts:
        lines += [f"## {title}", "", "| key | unless set | what it is |", "|---|---|---|", *_keys(model), ""]
    return "\n".join(lines)


def _keys(model: type[BaseModel]) -> list[str]:
    return [
        f"| `{field.alias or name}` | {_default(field)} | {field.description} |"
        for name, field in model.model_fields.items()
        if field.description
    ]


def _default(field: Any) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if not value and value is not False:
        return ""
    if isinstance(value, timedelta):
        value = text_of(value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


_SETTINGS_INTRO = [
    "Written from the settings by `python docs/write.py`.",
    "",
    "Settings stand in `mergecast.toml`, secrets in `secrets.toml` (mode 600) under the same table. Each may also come from",
    "the environment, which goes first: `MERGECAST_ZONE`, `MERGECAST_TRANSPORTS__RELAY__PASSWORD`; a list there is written",
    'with commas. Lengths of time are written `"90s"`, `"60min"`, `"24h"`, `"3d"`. A transport\'s name is small letters and',
    "digits, words joined by one underscore; `local`, a maildir, is always there and is the default.",
    "",
]
