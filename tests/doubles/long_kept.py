"""A workspace in which a campaign has long been finished: what backups carry, and what is pruned."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import update

from campaigns.actions.create import create
from campaigns.actions.desk import Desk
from campaigns.actions.send import send
from campaigns.clock import to_micros
from campaigns.message.message import handle
from campaigns.model.states import CampaignState, MessageState
from campaigns.settings import load_settings
from campaigns.store import tables
from campaigns.store.engine import Store
from campaigns.workspace import Workspace
from tests.doubles.desks import put
from tests.doubles.once import made_once
from tests.doubles.standing_clock import StandingClock
from tests.doubles.workspaces import LETTER, SENDER, import_lines, new_desk, write_template, yes

SETTINGS = f'database = "sqlite:///mergecast.db"\n[sender]\nfrom = "{SENDER}"\n'
PEOPLE = (
    "email,first_name,file",
    "ada@example.org,Ada,ada.txt",
    "bob@example.net,Bob,bob.txt",
    "cy@example.com,Cy,cy.txt",
)


def long_kept(factory: pytest.TempPathFactory, folder: Path, clock: StandingClock) -> Desk:
    """The workspace in `folder`; close `desk.store` at the end.

    `spring` went as a rehearsal to Ada (accepted), Bob (rejected) and Cy (uncertain), each with a file for all and one
    of her own. Its list has a newer sheet since. `secrets.toml` holds a password.
    """
    shutil.copytree(made_once(factory, "long-kept", _make), folder)
    folder.chmod(0o700)
    workspace = Workspace(folder, load_settings(folder, {}))
    return Desk(workspace, Store(workspace.database_url), "ada", clock)


def _make(folder: Path) -> Path:
    clock = StandingClock()
    desk = new_desk(folder, clock)
    (folder / "mergecast.toml").write_text(SETTINGS, encoding="utf-8")
    (folder / "secrets.toml").write_text('[transports.relay]\npassword = "hunter2"\n', encoding="utf-8")
    (folder / "secrets.toml").chmod(0o600)
    desk.workspace.attachments.mkdir()
    for name in ("terms", "ada", "bob", "cy"):
        (desk.workspace.attachments / f"{name}.txt").write_text(f"of {name}\n", encoding="utf-8")
    write_template(desk, LETTER.replace("subject", "attachments: terms.txt, {{ file }}\nsubject", 1))
    import_lines(desk, PEOPLE)
    create(desk, "spring", template="letter", list_name="people", transport="local")
    send(desk, "spring", confirm=yes)
    put(desk.store, 1, [MessageState.ACCEPTED, MessageState.REJECTED, MessageState.UNCERTAIN], clock)
    with desk.store.write() as conn:
        conn.execute(
            update(tables.campaigns).values(state=str(CampaignState.FINISHED), finished_at=to_micros(clock.now()))
        )
    _write_rehearsal(desk)
    import_lines(desk, (*PEOPLE, "dan@example.org,Dan,ada.txt"))
    desk.store.close()
    return folder


def _write_rehearsal(desk: Desk) -> None:
    """Ada's mail, and one that is none of ours."""
    with desk.store.read() as conn:
        number, token = conn.execute(
            tables.messages.select().with_only_columns(tables.messages.c.id, tables.messages.c.token)
        ).first() or (0, b"")
    mailbox = desk.workspace.mail / "new"
    mailbox.mkdir(parents=True)
    for name in (f"{handle(number, token)}.eml", "1700000000.M1P2.host"):
        (mailbox / name).write_text("Subject: Hello Ada\n\nDear Ada,\n", encoding="utf-8")
