"""The long drill, `make drill`: `python -m tests.crash [KILLS OVER SMTP] [OVER SENDGRID] [POWER CUTS] [MINUTES] [DATES]`.

A real worker is killed at random moments: while it starts, while it tidies up after the one before, and while mails are
on their way; over SendGrid some requests are taken and never answered; with the power the disk forgets what was not
synced. At last a series comes round on so many dates, its worker or its clerk killed in each. Rounds of some thousand mails, each in a workspace of its own, which stays where something went wrong. DRILL_SEED
plays the same dice again.
"""

import contextlib
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from campaigns.model.states import MessageState
from tests.crash import coming_round
from tests.crash.ground import Ground, Taken, dice, handle_of, kill, relay
from tests.crash.power import Platter, compiled, run_until_cut, sent_but_queued
from tests.doubles.sendgrid_double import KEY, SendgridDouble
from tests.doubles.serving import serving
from tests.doubles.smtp_server import SmtpServer

PEOPLE = 4_000
ANSWERS_AFTER = 0.02  # seconds
STARTS_WITHIN = 1.2  # seconds, about twice what a worker takes
BATCH, REQUESTS = 50, 4
CONNECTIONS = 8
TROUBLES: list[list[str]] = [[], [], ["silence-taken"], ["ok", "silence-taken", "silence-taken"]]


@dataclass
class Sums:
    """What one transport's rounds came to."""

    most: int  # messages that may be on the wire at once
    kills: int = 0
    mails: int = 0
    uncertain: int = 0
    highest: int = 0  # messages that one kill left leased
    twice: int = 0
    lost: int = 0
    wrong: int = 0  # sums or states that do not agree

    @property
    def well(self) -> bool:
        return self.highest <= self.most and not (self.twice or self.lost or self.wrong)


@dataclass
class Field:
    """Where one round takes place."""

    ground: Ground
    taken: Taken
    transport: str
    meets: Callable[[list[str]], None]  # how a server misbehaves next; [] for not at all
    platter: Platter | None = None  # the disk, where it forgets


@contextlib.contextmanager
def over_smtp(folder: Path, chance: random.Random) -> Iterator[Field]:
    taken, ground = Taken(folder / "journal"), Ground(folder / "workspace")
    offers = chance.choice([("PIPELINING", "8BITMIME"), ("8BITMIME",)])
    with serving(SmtpServer(offers=offers, delay=ANSWERS_AFTER, on_mail=taken.mail)) as server:
        ground.settle(relay(server.port, CONNECTIONS))
        yield Field(ground, taken, "relay", lambda _: None)


@contextlib.contextmanager
def over_smtp_until_the_power_is_cut(folder: Path, chance: random.Random) -> Iterator[Field]:
    library = compiled(folder)
    assert library is not None, "Power cuts need gcc, and Linux; 0 of them need nothing."
    with over_smtp(folder, chance) as here:
        here.platter = Platter(here.ground.root, folder / "platter", library)
        yield here


@contextlib.contextmanager
def over_sendgrid(folder: Path, _chance: random.Random) -> Iterator[Field]:
    taken, ground = Taken(folder / "journal"), Ground(folder / "workspace")
    with serving(SendgridDouble(delay=ANSWERS_AFTER, on_mails=taken.mails)) as double:
        toml = f'kind = "sendgrid"\nbase_url = "{double.url}"\nbatch = {BATCH}\nconnections = {REQUESTS}\n'
        ground.settle(f"[transports.cloud]\n{toml}", f'[transports.cloud]\napi_key = "{KEY}"\n')

        def meets(steps: list[str]) -> None:
            double.unscript()
            double.script(*steps)

        yield Field(ground, taken, "cloud", meets)


def main() -> int:
    usual = [500, 100, 50, 60, 50]
    smtp, sendgrid, power, minutes, dates = [int(word) for word in sys.argv[1:]] + usual[len(sys.argv) - 1 :]
    chance = dice()
    ends = time.monotonic() + minutes * 60
    all_is_well = True
    ways = (
        ("SMTP", smtp, CONNECTIONS, over_smtp),
        ("SendGrid", sendgrid, BATCH * REQUESTS, over_sendgrid),
        ("Power", power, CONNECTIONS, over_smtp_until_the_power_is_cut),
    )
    for name, kills, most, field in ways:
        began, sums = time.monotonic(), Sums(most)
        while sums.kills < kills and time.monotonic() < ends:
            play(name, field, chance, sums, kills - sums.kills)
        print(f"{name}: {sums} in {time.monotonic() - began:.0f} s", flush=True)
        if sums.kills < kills:
            print(f"{name}: {kills - sums.kills} kills are missing after {minutes} minutes.")
        all_is_well = all_is_well and sums.well and sums.kills >= kills
    all_is_well = (not dates or a_series_comes_round(dates, chance)) and all_is_well
    return 0 if all_is_well else 1


def a_series_comes_round(dates: int, chance: random.Random) -> bool:
    """On so many dates, each with a sheet that may have grown, and a kill or two; whether each new row was mailed once."""
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="mergecast-drill-"))
    folder.chmod(0o700)
    taken, ground = Taken(folder / "journal"), Ground(folder / "workspace")
    with serving(SmtpServer(delay=coming_round.ANSWERS_AFTER, on_mail=taken.mail)) as server:
        ground.settle(relay(server.port, coming_round.CONNECTIONS))
        ground.furnish()
        rounds = coming_round.Rounds(ground, taken, chance)
        rounds.begin()
        for date in range(dates):
            if date:
                rounds.a_day_passes()
                rounds.grow(chance.choice((0, 1, 2, 5)))
            rounds.come_round(kills=chance.choice((1, 1, 2)))
    wrong = rounds.wrong()
    taken.stop()
    said = f"{rounds.dates} dates, {rounds.people} people, kills {dict(rounds.moments)}"
    print("Series:", said, f"in {time.monotonic() - began:.0f} s", *wrong, sep="\n  ", flush=True)
    if wrong:
        print(f"See {folder}.")
    else:
        shutil.rmtree(folder)
    return not wrong


def play(
    name: str,
    field: Callable[[Path, random.Random], contextlib.AbstractContextManager[Field]],
    chance: random.Random,
    sums: Sums,
    kills: int,
) -> None:
    """One round: kill until everything has left or so many kills are done, let the last worker end, judge."""
    folder = Path(tempfile.mkdtemp(prefix="mergecast-drill-"))
    folder.chmod(0o700)
    with field(folder, chance) as here:
        here.ground.fill(PEOPLE, transport=here.transport)
        done = 0
        while done < kills and strike(here, chance, sums):
            done += 1
        here.meets([])
        here.ground.finish(within=300)
        wrong = judge(here, sums)
    here.taken.stop()
    print(
        f"{name}: {done} kills and {here.taken.count} mails{': WRONG, see ' + str(folder) if wrong else ''}", flush=True
    )
    if not wrong:
        shutil.rmtree(folder)


def strike(here: Field, chance: random.Random, sums: Sums) -> bool:
    """Start a worker and kill it; False if it had nothing left to do."""
    before = here.ground.count(MessageState.UNCERTAIN) + here.ground.count(MessageState.LEASED)
    here.meets(chance.choice(TROUBLES))
    if here.platter is not None:
        further = chance.randint(1, 120)
        if here.ground.count(MessageState.QUEUED) < further + 2 * sums.most:
            return False
        run_until_cut(here.ground, here.taken, here.platter, further, chance.uniform(0, 2 * ANSWERS_AFTER))
        here.platter.cut(chance, survives=chance.choice((0.0, 0.05, 0.5, 0.95)))
        sums.wrong += len(sent_but_queued(here.ground, here.taken))
    elif not killed(here, chance):
        return False
    leased = here.ground.count(MessageState.LEASED)
    sums.kills += 1
    sums.highest = max(sums.highest, leased)
    if here.ground.count(MessageState.UNCERTAIN) + leased > before + sums.most:
        sums.wrong += 1
    return True


def killed(here: Field, chance: random.Random) -> bool:
    """Start a worker and kill it; False if it came to its end before."""
    with here.ground.worker() as running:
        if chance.random() < 0.3:
            time.sleep(chance.uniform(0, STARTS_WITHIN))
        else:
            wanted = here.taken.count + chance.randint(1, 120)
            while here.taken.count < wanted and running.process.poll() is None:
                time.sleep(0.002)
            time.sleep(chance.uniform(0, 2 * ANSWERS_AFTER))
        if running.process.poll() is not None:
            return False
        kill(running)
    return True


def judge(here: Field, sums: Sums) -> bool:
    """Count from journal and tables what became of the round; whether anything went wrong."""
    earlier = (sums.twice, sums.lost, sums.wrong)
    states = here.ground.states()
    got = {handle_of(message_id) for message_id in here.taken.message_ids()}
    accepted = {name for name, state in states.items() if state is MessageState.ACCEPTED}
    uncertain = {name for name, state in states.items() if state is MessageState.UNCERTAIN}
    sums.mails += here.taken.count
    sums.uncertain += len(uncertain)
    sums.twice += len(here.taken.twice())
    sums.lost += len(states) - len(accepted) - len(uncertain)  # neither sent nor said to be in doubt
    sums.lost += len(accepted - got)  # said to be sent, and never came
    sums.wrong += len(got - accepted - uncertain) + abs(PEOPLE - len(states))
    told = here.ground.line.json("report", "fair")
    sums.wrong += told["messages"].get("accepted", 0) != len(accepted) or told["messages"].get("uncertain", 0) != len(
        uncertain
    )
    return earlier != (sums.twice, sums.lost, sums.wrong)


if __name__ == "__main__":
    raise SystemExit(main())
