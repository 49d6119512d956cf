"""A series whose sheet grows, carried out by a real worker over SMTP that is killed again and again, and its clerk, too."""

import os
import random
import sqlite3
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from campaigns.model.states import MessageState
from campaigns.store import tables
from tests.crash.ground import Ground, Taken, kill
from tests.doubles.command_line import Running

CONNECTIONS = 2
AT_FIRST = 40  # people
ANSWERS_AFTER = 0.01  # seconds: the first occurrence is a fifth of a second on its way
NAME = "daily"


@dataclass
class Rounds:
    """Of one workspace, whose settings name a transport `relay` of CONNECTIONS."""

    ground: Ground
    taken: Taken
    chance: random.Random
    people: int = 0
    dates: int = 0
    kills: int = 0
    moments: Counter[str] = field(default_factory=Counter)

    def begin(self) -> None:
        """Start the series; its first date is today's, which is over already."""
        self.grow(AT_FIRST)
        line = self.ground.line
        series = ("--every", "daily 00:00", "--sheet", "export.csv", "--late", "send", "--transport", "relay")
        line.run("create", NAME, "--template", "letter", "--list", "people", *series)
        line.run("send", NAME, "--yes")
        self._change("UPDATE series SET since = since - 86400000000, next_at = 0")

    def grow(self, by: int) -> None:
        self.people += by
        lines = "".join(f"p{n}@example.com,Person {n}\n" for n in range(self.people))
        (self.ground.root / "export.csv").write_text(f"email,first_name\n{lines}", encoding="utf-8")

    def come_round(self, kills: int, moments: tuple[str, ...] = ("any", "begun", "mail", "clerk")) -> None:
        """One date: so many workers are killed, the next one ends in good order."""
        self.dates += 1
        for _ in range(kills):
            moment = self.chance.choice(moments)
            with self.ground.worker() as running:
                if not self._reached(running, moment):
                    break
                self.moments[moment] += 1
                self.kills += 1
                if moment == "clerk":
                    _kill_children(running.process.pid)
                    running.ends()
                else:
                    kill(running)
        self.ground.finish()

    def a_day_passes(self) -> None:
        """As if what was made today had been made on another day."""
        self._change(
            f"UPDATE campaigns SET occurrence = date('2000-01-01', '+{self.dates} days') "
            f"WHERE series = '{NAME}' AND occurrence > '2020-01-01'",
            "UPDATE series SET latest = NULL, next_at = 0",
        )

    def wrong(self) -> list[str]:
        """What is not as it should be: everybody of the sheet was mailed once, or is known to be in doubt."""
        found = [f"taken twice: {word}" for word in self.taken.twice()]
        states = Counter(MessageState(row.state) for row in self.ground.rows(tables.messages))
        made = [row for row in self.ground.rows(tables.campaigns) if row.series]
        if [row.state for row in made] != ["finished"] * self.dates:
            found.append(f"{self.dates} dates: {[(row.name, row.state, row.reason) for row in made]}")
        if states.keys() - {MessageState.ACCEPTED, MessageState.UNCERTAIN} or sum(states.values()) != self.people:
            found.append(f"{self.people} people: {states}")
        in_doubt = states[MessageState.UNCERTAIN]
        if in_doubt > CONNECTIONS * self.kills or not self.people - in_doubt <= self.taken.count <= self.people:
            found.append(
                f"{self.taken.count} mails for {self.people} people, {in_doubt} in doubt after {self.kills} kills"
            )
        return found

    def _reached(self, running: Running, moment: str) -> bool:
        """Wait for the moment of a kill; False if the worker came to its end before."""
        before, until = self.taken.count, time.monotonic() + 30
        longest = {"any": 2.5, "begun": 0.6, "clerk": 0.6, "mail": 0.05}[moment]
        while moment != "any" and running.process.poll() is None and time.monotonic() < until:
            if running.has_said("occurrence.begun") if moment in ("begun", "clerk") else self.taken.count > before:
                break
            time.sleep(0.005)
        time.sleep(self.chance.uniform(0, longest))
        return running.process.poll() is None

    def _change(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.ground.root / "mergecast.db", timeout=10)) as connection, connection:
            for statement in statements:
                connection.execute(statement)


def _kill_children(pid: int) -> None:
    """SIGKILL for the clerk that a worker has sent, if it is still there."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                os.kill(int(stat.parent.name), 9)
