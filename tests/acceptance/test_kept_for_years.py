"""Backup beside a sending worker, restore elsewhere, prune, and what doctor says: as an operator types it."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.doubles import documents
from tests.doubles.command_line import CommandLine, until
from tests.doubles.documents import mistakes
from tests.doubles.folders import asked
from tests.doubles.prepared import MANY, prepared
from tests.doubles.smtp_server import SmtpServer


def test_a_backup_beside_a_worker_is_restored_with_sums_that_add_up(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, server: SmtpServer
) -> None:
    relay = f'[transports.relay]\nkind = "smtp"\nhost = "127.0.0.1"\nport = {server.port}\ntls = "none"\n'
    here = prepared(tmp_path_factory, tmp_path / "shop", relay + 'throttle = ["80/s"]\n')
    here.run("send", "crowd", "--yes", "--transport", "relay")
    with here.running("run", "--until-idle") as worker:
        until(lambda: len(server.mails) >= 10)
        told = here.json("backup", tmp_path / "during.zip")
        taken = len(server.mails)
        worker.ends()
    assert mistakes(told, documents.BACKUP) == []
    assert (told["missing"], told["secrets"]) == ([], [])
    assert len({mail.rcpt_to[0] for mail in server.mails}) == len(server.mails) == MANY

    restored = CommandLine(tmp_path).json("restore", "during.zip", "elsewhere")
    assert mistakes(restored, documents.RESTORED_BACKUP) == []
    there = CommandLine(tmp_path / "elsewhere").json("report", "crowd")
    assert there["adds_up"] is True
    assert sum(there["messages"].values()) == MANY
    assert 0 < there["messages"]["accepted"] <= taken
    assert there["messages"]["queued"] > 0
    copy = "SELECT copied_since IS NOT NULL FROM workspace"
    assert asked(tmp_path / "elsewhere" / "mergecast.db", copy) == [(1,)]
    assert asked(here.folder / "mergecast.db", copy) == [(0,)]


def test_prune_asks_drops_what_is_old_and_doctor_tells_the_room(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    here = prepared(tmp_path_factory, tmp_path / "shop")
    here.run("send", "crowd", "--yes")
    here.run("run", "--until-idle")
    a_year_ago(here.folder)
    told = here.at_terminal("prune", "--older", "180d", answers={"[y/N]": "y"})
    assert told.status == 0
    assert "Drop it for good?" in told.out
    assert str(MANY) in told.out.partition("Dropped")[2]
    report = here.json("report", "crowd")
    assert mistakes(report, documents.REPORT) == []
    assert (report["adds_up"], report["messages"]["accepted"]) == (True, MANY)
    assert report["pruned_at"] is not None
    found = here.json("doctor")
    assert mistakes(found, documents.DOCTOR) == []
    assert found["sizes"]["folders"]["mail"] == 0 < found["sizes"]["folders"]["database"]


def a_year_ago(folder: Path) -> None:
    """Everything in it happened then."""
    year = 365 * 86_400 * 1_000_000
    for table, columns in (
        ("campaigns", ("made_at", "queued_at", "starts_at", "finished_at")),
        ("messages", ("leased_at", "settled_at")),
    ):
        with closing(sqlite3.connect(folder / "mergecast.db")) as connection, connection:
            connection.execute(f"UPDATE {table} SET {', '.join(f'{c} = {c} - {year}' for c in columns)}")
    then = time.time() - 365 * 86_400
    for mail in (folder / "mail" / "new").iterdir():
        os.utime(mail, (then, then))
