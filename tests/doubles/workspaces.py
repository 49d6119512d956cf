"""A whole workspace in a folder, with a desk, templates and sheets of a few lines."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from campaigns.actions.check import CheckResult
from campaigns.actions.desk import Desk
from campaigns.actions.import_list import ImportResult, import_list
from campaigns.clock import Clock
from campaigns.settings import Settings
from campaigns.workspace import Workspace
from tests.doubles.filled_store import new_store
from tests.doubles.standing_clock import StandingClock

SENDER = "Ada <ada@mergecast-fair.org>"  # no example, so that campaigns may leave; nothing is ever sent to it
LETTER = """---
subject: Hello {{ first_name }}
---
<html><body><p>Dear {{ first_name }},</p><p><a href="{{ unsubscribe_url }}">leave</a></p></body></html>
"""
PEOPLE = ("email,first_name", "ada@example.org,Ada", "bob@example.net,Bob", "cy@example.com,Cy")
RELAY = {"relay": {"kind": "smtp", "host": "127.0.0.1"}, "cloud": {"kind": "sendgrid"}}


def new_desk(root: Path, clock: Clock | None = None, **settings: Any) -> Desk:
    """The desk of a fresh workspace; close `desk.store` at the end."""
    asked = {"sender": {"from": SENDER}, "transports": RELAY, **settings}
    workspace = Workspace(root, Settings.model_validate(asked))
    workspace.templates.mkdir(parents=True, exist_ok=True)
    return Desk(
        workspace,
        new_store(root, workspace.settings.database.removeprefix("sqlite:///")),
        "ada",
        clock or StandingClock(),
    )


def with_settings(desk: Desk, **settings: Any) -> Desk:
    """The same workspace after somebody edited mergecast.toml."""
    asked = {"sender": {"from": SENDER}, "transports": RELAY, **settings}
    return Desk(Workspace(desk.workspace.root, Settings.model_validate(asked)), desk.store, desk.who, desk.clock)


def write_template(desk: Desk, text: str = LETTER, name: str = "letter.html") -> None:
    (desk.workspace.templates / name).write_text(text, encoding="utf-8")


def import_lines(desk: Desk, lines: Sequence[str] = PEOPLE, name: str = "people") -> ImportResult:
    sheet = desk.workspace.root / f"{name}.csv"
    sheet.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogatepass")
    return import_list(desk, sheet, name)


def yes(_found: CheckResult) -> bool:
    return True


def codes(found: CheckResult) -> dict[str, int]:
    """Findings by code, with their rows."""
    return {finding.code: finding.rows for finding in found.findings}
