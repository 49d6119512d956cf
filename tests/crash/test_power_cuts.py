"""Power loss: what was leased, or told to a person, is on the disk; what was not synced may be gone, or torn."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from campaigns.model.states import MessageState
from tests.crash.ground import Ground, Taken, accounted_for, dice, relay
from tests.crash.power import Platter, compiled, run_until_cut, sent_but_queued
from tests.doubles.command_line import CommandLine
from tests.doubles.serving import serving
from tests.doubles.smtp_server import SmtpServer

CONNECTIONS, PEOPLE = 8, 400
Q, L = MessageState.QUEUED, MessageState.LEASED


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = compiled(tmp_path_factory.mktemp("platter"))
    if found is None:
        pytest.skip("A disk that forgets is made of C, for Linux: install gcc.")
    return found


def test_whatever_the_disk_forgets_nobody_is_lost_and_nobody_gets_two(
    ground: Ground, taken: Taken, library: Path, tmp_path: Path
) -> None:
    chance = dice()
    with serving(SmtpServer(delay=0.01, on_mail=taken.mail)) as server:
        ground.settle(relay(server.port, CONNECTIONS))
        ground.fill(PEOPLE)
        platter = Platter(ground.root, tmp_path / "platter", library)
        for survives in (0.0, 0.5):
            run_until_cut(ground, taken, platter, chance.randint(20, 150), chance.uniform(0, 0.02))
            platter.cut(chance, survives)
            assert sent_but_queued(ground, taken) == set()
            assert ground.count(L) <= CONNECTIONS
        ground.finish()
    accounted_for(ground, taken.close(), PEOPLE)


def test_the_drill_would_see_a_lease_that_is_not_on_the_disk(
    ground: Ground, taken: Taken, library: Path, tmp_path: Path
) -> None:
    with serving(SmtpServer(on_mail=taken.mail)) as server:
        ground.settle(relay(server.port, CONNECTIONS))
        ground.fill(PEOPLE)
        platter = Platter(ground.root, tmp_path / "platter", library)
        run_until_cut(ground, taken, platter, 50, 0, point="nowhere_and_nothing_is_synced")
        assert platter.forgets()
        platter.cut(dice(), survives=0.0)
        assert len(sent_but_queued(ground, taken)) >= 50


def test_what_a_person_was_told_outlives_a_power_cut(ground: Ground, library: Path, tmp_path: Path) -> None:
    ground.settle(relay(25, 1))
    ground.fill(3)
    database = ground.root / "mergecast.db"
    with closing(sqlite3.connect(database)) as beside:  # or the last to close it would write the log back, and sync
        beside.execute("SELECT count(*) FROM messages").fetchone()
        platter = Platter(ground.root, tmp_path / "platter", library)
        CommandLine(ground.root, platter.env, cold=True).run("suppress", "add", "p1.c1@example.com")
        beside.execute("SELECT count(*) FROM messages").fetchone()
    platter.cut(dice(), survives=0.0)
    assert sorted(ground.states().values()) == [Q, Q, MessageState.SUPPRESSED]


def test_a_rehearsal_that_was_accepted_lies_there_after_a_power_cut(
    ground: Ground, library: Path, tmp_path: Path
) -> None:
    ground.settle("")
    ground.fill(20, transport="local", leaves=False)
    platter = Platter(ground.root, tmp_path / "platter", library)
    CommandLine(ground.root, platter.env, cold=True).run("run", "--until-idle")
    platter.cut(dice(), survives=0.0)
    accepted = {f"{name}.eml" for name, state in ground.states().items() if state is MessageState.ACCEPTED}
    assert len(accepted) == 20
    for name in accepted:
        assert b"the summer fair opens" in (ground.root / "mail" / "new" / name).read_bytes()
