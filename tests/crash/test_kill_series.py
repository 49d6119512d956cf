"""kill -9 of a worker while an occurrence is made and sent and a file is taken in: each is there once, whole, in the end."""

import os
import shutil
from collections import Counter

from campaigns.store import tables
from tests.crash.coming_round import ANSWERS_AFTER, AT_FIRST, CONNECTIONS, Rounds
from tests.crash.ground import Ground, Taken, dice, relay
from tests.doubles.serving import serving
from tests.doubles.smtp_server import SmtpServer

SETTINGS = """
[inbox]
folder = "inbox"
quiet = "1s"
[inbox.rules."guests*"]
list = "guests"
"""


def test_a_killed_worker_mails_each_new_row_and_takes_in_each_file_once(ground: Ground, taken: Taken) -> None:
    with serving(SmtpServer(delay=ANSWERS_AFTER, on_mail=taken.mail)) as server:
        ground.settle(relay(server.port, CONNECTIONS) + SETTINGS)
        ground.furnish()
        rounds = Rounds(ground, taken, dice())
        rounds.begin()
        inbox = ground.root / "inbox"
        inbox.mkdir(mode=0o700)
        shutil.copy(ground.root / "export.csv", inbox / "guests.csv")
        os.utime(inbox / "guests.csv", (0, 0))
        rounds.come_round(kills=1, moments=("mail",))
        rounds.a_day_passes()
        rounds.grow(3)
        rounds.come_round(kills=1, moments=("begun",))
    assert rounds.wrong() == []
    assert rounds.kills >= 1
    whole = [row for row in ground.rows(tables.sheets) if row.n is not None]
    assert sorted(Counter(row.list_id for row in whole).values()) == [1, 2]
    assert sorted(row.rows for row in whole) == [AT_FIRST, AT_FIRST, AT_FIRST + 3]
    assert len(list((inbox / "done").glob("*.csv"))) == 1
