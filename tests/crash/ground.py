"""What the drills stand on: a workspace with a campaign in it, the worker as a process, and looks into its tables."""

import collections
import json
import os
import random
import threading
import time
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

from sqlalchemy import select

from campaigns.message.message import handle
from campaigns.model.states import MessageState
from campaigns.store import tables
from campaigns.store.engine import Store
from tests.doubles.command_line import CommandLine, Ran, Running
from tests.doubles.filled_store import add_campaign, new_store
from tests.doubles.sendgrid_mails import Mail
from tests.doubles.smtp_server import KeptMail
from tests.doubles.workspaces import LETTER, SENDER

KILLED = -9


class Taken:
    """Every mail that a server took, written to a file before it was answered."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal.open("a", encoding="ascii")
        self._more = threading.Condition()
        self.count = 0
        self.at: list[float] = []  # seconds since 1970

    def mail(self, mail: KeptMail) -> None:
        """What `SmtpServer.on_mail` calls."""
        message_id = message_from_bytes(mail.data, policy=default)["Message-ID"]
        self.write([(str(message_id), to) for to in mail.rcpt_to])

    def mails(self, mails: list[Mail]) -> None:
        """What `SendgridDouble` calls."""
        self.write([(mail.headers["Message-ID"], mail.to[0].email) for mail in mails])

    def write(self, lines: list[tuple[str, str]]) -> None:
        with self._more:
            self._journal.writelines(f"{message_id} {to}\n" for message_id, to in lines)
            self._journal.flush()
            self.count += len(lines)
            self.at += [time.time()] * len(lines)
            self._more.notify_all()

    def reaches(self, count: int, *, within: float = 30.0) -> None:
        """Wait until so many mails have been taken."""
        with self._more:
            assert self._more.wait_for(lambda: self.count >= count, within), f"{self.count} of {count} in {within} s"

    def close(self) -> dict[str, str]:
        """The recipient of each Message-ID; an AssertionError if one was taken twice, or one person got two."""
        self.stop()
        return self.so_far()

    def stop(self) -> None:
        self._journal.close()

    def so_far(self) -> dict[str, str]:
        twice = self.twice()
        assert not twice, f"taken more than once: {twice}"
        return dict(self._lines())

    def message_ids(self) -> set[str]:
        return {message_id for message_id, _ in self._lines()}

    def twice(self) -> list[str]:
        """Message-IDs and people that stand more than once in the journal."""
        columns = zip(*self._lines(), strict=True)
        return [word for words in columns for word, times in collections.Counter(words).items() if times > 1]

    def _lines(self) -> list[tuple[str, str]]:
        lines = Path(self._journal.name).read_text("ascii").splitlines()
        return [(message_id, to) for message_id, to in map(str.split, lines)]


@dataclass
class Ground:
    """A workspace in a folder."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)

    def settle(self, toml: str, secrets: str = "") -> None:
        """Write its settings."""
        self.root.mkdir(mode=0o700, exist_ok=True)
        (self.root / "mergecast.toml").write_text(toml, encoding="utf-8")
        if secrets:
            path = self.root / "secrets.toml"
            path.touch(mode=0o600)
            path.write_text(secrets, encoding="utf-8")

    def fill(self, people: int, transport: str = "relay", **how: Any) -> int:
        """A store with a campaign that sends; its id."""
        store = new_store(self.root)
        try:
            return add_campaign(store, "fair", people, transport=transport, **how)
        finally:
            store.close()

    def furnish(self) -> None:
        """An empty store and a template."""
        (self.root / "templates").mkdir(mode=0o700, exist_ok=True)
        (self.root / "templates" / "letter.html").write_text(LETTER, encoding="utf-8")
        new_store(self.root).close()

    def prepare(self, people: int) -> None:
        """The same as `fill`, by the command line, from a sheet."""
        self.furnish()
        self.line.run("import", sheet(self.root / "people.csv", people), "--list", "people")
        self.line.run("create", "fair", "--template", "letter", "--list", "people", "--transport", "relay")
        self.line.run("send", "fair", "--yes")

    @property
    def line(self) -> CommandLine:
        return CommandLine(self.root, self.env)

    def worker(self) -> Any:
        """`mergecast run --until-idle` as a process, for as long as the block lasts."""
        return self.line.running("run", "--until-idle")

    def finish(self, within: float = 60.0) -> Ran:
        return self.line.run("run", "--until-idle", timeout=within)

    def rows(self, table: Any) -> list[Any]:
        store = Store(f"sqlite:///{self.root / 'mergecast.db'}")
        try:
            return rows(store, table)
        finally:
            store.close()

    def states(self) -> dict[str, MessageState]:
        """By handle, which is the left half of the Message-ID."""
        return {handle(row.id, row.token): MessageState(row.state) for row in self.rows(tables.messages)}

    def count(self, state: MessageState) -> int:
        return sum(one is state for one in self.states().values())


def relay(port: int, connections: int, **settings: str) -> str:
    """The settings of a workspace that sends through an SMTP server on this machine."""
    table = {"kind": "smtp", "host": "127.0.0.1", "port": port, "tls": "none", "connections": connections, **settings}
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in table.items())
    return f"[sender]\nfrom = {json.dumps(SENDER)}\n[transports.relay]\n{lines}"


def rows(store: Store, table: Any) -> list[Any]:
    with store.read() as connection:
        return list(connection.execute(select(table)))


def sheet(path: Path, people: int, name: str = "Person") -> Path:
    lines = [f"p{n}@example.com,{name} {n}\n" for n in range(people)]
    path.write_text("email,first_name\n" + "".join(lines), encoding="utf-8")
    return path


def kill(running: Running) -> None:
    """SIGKILL, and wait for the end of the process."""
    running.process.kill()
    assert running.process.wait(10) == KILLED


def dice() -> random.Random:
    """Another one at every run; its seed is printed, and DRILL_SEED plays it again."""
    seed = int(os.environ.get("DRILL_SEED") or random.SystemRandom().randrange(10**6))
    print(f"DRILL_SEED={seed}")
    return random.Random(seed)


def drawn(dice: random.Random, kills: int, low: int, high: int, at_most: int) -> list[int]:
    """After how many further mails each kill falls, drawn again until all of them fall into the campaign."""
    while sum(draw := [dice.randint(low, high) for _ in range(kills)]) > at_most:
        pass
    return draw


def handle_of(message_id: str) -> str:
    return message_id.strip("<>").partition("@")[0]


def accounted_for(ground: Ground, got: dict[str, str], people: int) -> None:
    """Everybody has one state: `got` is the recipient of each Message-ID, none of them twice."""
    states = ground.states()
    delivered = {handle_of(message_id) for message_id in got}
    accepted = {name for name, state in states.items() if state is MessageState.ACCEPTED}
    uncertain = {name for name, state in states.items() if state is MessageState.UNCERTAIN}
    assert len(states) == len(accepted) + len(uncertain) == people
    assert accepted <= delivered <= accepted | uncertain
    print(f"{len(accepted)} accepted, {len(uncertain)} uncertain, of which {len(uncertain & delivered)} arrived")
