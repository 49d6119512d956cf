"""kill -9 of a worker while an occurrence is made and a file is taken in: each is there once, whole, in the end."""

import os
import shutil
import sqlite3
import subprocess
from collections import Counter
from contextlib import closing
from email import message_from_bytes

import pytest

from campaigns.store import tables
from tests.crash.ground import Ground, dice, kill, sheet
from tests.doubles.workspaces import SENDER

PEOPLE = 500
KILLS = 1
SETTINGS = f"""[sender]
from = "{SENDER}"
[inbox]
folder = "inbox"
quiet = "1s"
[inbox.rules."guests*"]
list = "guests"
"""


def test_a_killed_worker_makes_each_occurrence_and_each_import_once(ground: Ground) -> None:
    ground.settle(SETTINGS)
    ground.furnish()
    sheet(ground.root / "export.csv", PEOPLE)
    series = ("--every", "daily 00:00", "--sheet", "export.csv", "--late", "send")
    ground.line.run("create", "daily", "--template", "letter", "--list", "people", *series)
    ground.line.run("send", "daily", "--yes")
    with closing(sqlite3.connect(ground.root / "mergecast.db")) as connection, connection:
        connection.execute("UPDATE series SET since = since - 86400000000, next_at = 0")
    inbox = ground.root / "inbox"
    inbox.mkdir(mode=0o700)
    shutil.copy(ground.root / "export.csv", inbox / "guests.csv")
    os.utime(inbox / "guests.csv", (0, 0))
    chance = dice()
    for _ in range(KILLS):
        with ground.worker() as running:
            with pytest.raises(subprocess.TimeoutExpired):
                running.process.wait(chance.uniform(0.5, 2.0))
            kill(running)
    ground.finish()
    made = [row for row in ground.rows(tables.campaigns) if row.series]
    assert [row.state for row in made] == ["finished"]
    assert made[0].rows == PEOPLE
    assert len(ground.rows(tables.messages)) == PEOPLE
    whole = Counter(row.list_id for row in ground.rows(tables.sheets) if row.n is not None)
    assert sorted(whole.values()) == [1, 1]
    assert len(list((inbox / "done").glob("*.csv"))) == 1
    mails = [path.read_bytes() for path in (ground.root / "mail" / "new").iterdir()]
    got = Counter(message_from_bytes(mail)["To"] for mail in mails)
    assert len(got) == PEOPLE
    assert set(got.values()) == {1}
