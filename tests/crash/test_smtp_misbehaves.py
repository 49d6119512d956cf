"""A mail server that answers wrongly, half, twice or slowly, once, at each step of the dialogue; after that it is well.

Each is a campaign of its own; what must hold afterwards is judged as for servers that hang up (`test_smtp_cuts.py`), and
once more by plain SQL.
"""

import itertools
import sqlite3
from contextlib import closing

import pytest

from campaigns.model.states import MessageState
from campaigns.store.engine import Store
from scheduler.transports.smtp_session import Timeouts
from tests.crash.test_smtp_cuts import PIPELINING, PLAIN, play
from tests.doubles.smtp_server import HALF, SILENCE, SLOW, Answer, SmtpServer

SHORT = Timeouts(connect=2, handshake=2, command=2, data=2, block=2, final_dot=2, rest=5, goodbye=0.1)
MAILS = 3
STEPS = [("CONNECT", 1), ("EHLO", 1), ("MAIL", 2), ("RCPT", 1), ("RCPT", 2), ("DATA", 2), (".", 1), (".", 2)]
GOOD = {"CONNECT": "220 here", "EHLO": "250 here", "MAIL": "250 Ok", "RCPT": "250 Ok", "DATA": "354 Go", ".": "250 Ok"}
WAYS = {
    "silence": lambda good: SILENCE,
    "half of the code": lambda good: HALF + good[:2],
    "one of several lines": lambda good: f"{HALF}{good[:3]}-and more\r\n",
    "octet by octet": lambda good: SLOW + good,
    "twice": lambda good: f"{good}\n{good}",
    "another's code": lambda good: "354 Go" if good.startswith("2") else "250 Ok",
    "two codes": lambda good: f"{good[:3]}-one\n550 two",
    "another protocol": lambda good: "HTTP/1.1 200 OK",
    "a code of no kind": lambda good: "999 What",
    "octets": lambda good: "\x00\x80\udcff",
}


pytestmark = [pytest.mark.usefixtures("short_rests"), pytest.mark.timeout(600)]  # how long it may take: `carry`


@pytest.mark.parametrize("offers", [PIPELINING, PLAIN], ids=["pipelining", "plain"])
def test_whatever_a_server_answers_once_nobody_is_lost_and_nobody_gets_two(
    store: Store, offers: tuple[str, ...]
) -> None:
    ways = itertools.product(STEPS, WAYS)
    servers = [SmtpServer(offers=offers, answer=once(step, WAYS[way](GOOD[step]), nth)) for (step, nth), way in ways]
    play(store, servers, MAILS, timeouts=SHORT)
    assert store.path is not None
    with closing(sqlite3.connect(store.path)) as tables:
        assert tables.execute("SELECT count(*) FROM messages").fetchone()[0] == MAILS * len(servers)
        settled = (int(MessageState.ACCEPTED), int(MessageState.UNCERTAIN))
        ended = tables.execute(
            "SELECT count(*) FROM messages WHERE state IN (?, ?) AND leased_at <= settled_at", settled
        )
        assert ended.fetchone()[0] == MAILS * len(servers)
        told = tables.execute("SELECT count(*) FROM attempts WHERE outcome = 'uncertain'").fetchone()
        assert told == tables.execute("SELECT count(*) FROM messages WHERE state = ?", settled[1:]).fetchone()
        assert tables.execute("SELECT sum(rows) FROM handovers").fetchone()[0] >= MAILS * len(servers)
        print(f"{len(servers)} servers, {told[0]} messages uncertain")


def once(step: str, said: str, nth: int) -> Answer:
    """This answer at the nth time that the step is taken, else the server's own."""
    times = itertools.count(1)

    def answer(command: str, argument: str) -> str | None:
        return said if command == step and next(times) == nth else None

    return answer
