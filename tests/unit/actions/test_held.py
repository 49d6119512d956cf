"""What is taken for a copy of a store, and what is not; what a copy holds, and what it does not."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from campaigns.actions import filesystem
from campaigns.actions import held as module
from campaigns.actions.desk import Desk
from campaigns.actions.held import before_queueing, held, settle
from campaigns.actions.steer import cancel
from campaigns.errors import CopiedError
from campaigns.model.states import CampaignState, MessageState
from campaigns.settings import Settings
from campaigns.store import origin, tables
from campaigns.store.engine import Store
from campaigns.store.lock import Turn, last_turn, worker_lock
from tests.doubles.desks import desk_of, put
from tests.doubles.filled_store import add_campaign, new_store
from tests.doubles.standing_clock import StandingClock

HOME, AWAY = "a" * 32, "b" * 32
CARD, OTHER_CARD = "02420a000001", "02420a000002"  # of two containers


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def be(name: str) -> None:
        monkeypatch.setattr(module, "machine_id", lambda: name)

    be(HOME)
    return be


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty")
    new_store(folder).close()
    return folder / "mergecast.db"


@pytest.fixture
def desk(tmp_path: Path, empty: Path, machine: object, clock: StandingClock) -> Desk:
    """A workspace in `tmp_path/here` in which a worker has been, and ten mails wait."""
    folder = tmp_path / "here"
    folder.mkdir()
    shutil.copyfile(empty, folder / "mergecast.db")
    desk = desk_of(Store(f"sqlite:///{folder / 'mergecast.db'}"), clock)
    work(desk)
    add_campaign(desk.store, "fair", 10, transport="relay")
    return desk


def work(desk: Desk) -> None:
    """A worker's start, and its end in good order."""
    assert desk.store.path is not None
    with worker_lock(desk.store.path) as lock:
        settle(desk, accept=False)
        count(desk, lock.sign)
    desk.store.close()


def count(desk: Desk, sign: Callable[[Turn], None]) -> None:
    with desk.store.write() as conn:
        turn = Turn(origin.uuid(conn), origin.next_turn(conn))
    sign(turn)


def at(desk: Desk, folder: Path) -> Desk:
    return desk_of(Store(f"sqlite:///{folder / 'mergecast.db'}"), desk.clock)


def why(desk: Desk) -> str:
    found = held(desk)
    return str(found.why) if found else ""


def test_a_workspace_that_was_renamed_or_put_elsewhere_on_its_disk_is_the_same(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "here").rename(tmp_path / "there")
    assert why(at(desk, tmp_path / "there")) == ""


def test_a_copied_folder_is_held_and_the_one_it_was_copied_from_is_not(desk: Desk, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "here", tmp_path / "copy")
    assert why(at(desk, tmp_path / "copy")) == "file"
    assert why(desk) == ""


def test_another_machine_is_held(desk: Desk, machine: Callable[[str], None]) -> None:
    machine(AWAY)
    assert why(desk) == "machine"


def test_a_machine_that_was_given_a_name_is_known_by_it(desk: Desk, machine: Callable[[str], None]) -> None:
    desk.workspace.settings = Settings(machine="mail-1")  # type: ignore[misc]
    settle(desk, accept=True)
    machine(AWAY)
    assert why(desk) == ""
    desk.workspace.settings = Settings(machine="mail-2")  # type: ignore[misc]
    assert why(desk) == "machine"


def test_a_container_that_has_no_name_of_its_own_may_start_anew(desk: Desk, machine: Callable[[str], None]) -> None:
    machine(CARD)
    settle(desk, accept=True)
    machine(OTHER_CARD)
    assert why(desk) == ""


@pytest.mark.parametrize("kind", ["exfat", "fuse.osxfs", "nfs4"])
def test_where_inodes_do_not_last_another_one_says_nothing(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(filesystem, "_mounts", lambda: iter([("/", kind)]))
    shutil.copytree(tmp_path / "here", tmp_path / "copy")
    assert why(at(desk, tmp_path / "copy")) == ""


def test_a_store_that_says_when_it_was_copied_is_held_wherever_it_lies(desk: Desk, clock: StandingClock) -> None:
    with desk.store.write() as conn:
        origin.mark_copied(conn, clock.micros())
    clock.move(hours=2)
    found = held(desk)
    assert found is not None
    assert found.why == "restored"
    assert "since Tuesday 24 November 2026, 10:00 UTC, 2 hours ago" in found.sentence


def test_an_older_database_written_over_the_newer_one_is_held(desk: Desk, tmp_path: Path) -> None:
    """`cp backup.db mergecast.db` keeps the inode; the lock file beside it has gone on."""
    database = tmp_path / "here" / "mergecast.db"
    desk.store.close()
    old = database.read_bytes()
    inode = database.stat().st_ino
    work(desk)
    database.write_bytes(old)
    assert database.stat().st_ino == inode
    assert why(desk) == "older"
    (tmp_path / "here" / "mergecast.db.lock").unlink()
    assert why(desk) == ""  # nothing is left that could tell


def test_a_lock_file_of_another_store_or_with_nothing_legible_says_nothing(desk: Desk, tmp_path: Path) -> None:
    lock = tmp_path / "here" / "mergecast.db.lock"
    assert last_turn(tmp_path / "here" / "mergecast.db") is not None
    for said in ('{"store": "another", "turn": 99}', '{"store": "', "", "[]"):
        lock.write_text(said)
        assert why(desk) == ""


def test_whoever_takes_the_lock_keeps_the_turn_that_stands_in_it(tmp_path: Path) -> None:
    for number in (9, 100_000, 3):
        with worker_lock(tmp_path / "m.db") as lock:
            lock.sign(Turn("it", number))
        with worker_lock(tmp_path / "m.db"):
            assert last_turn(tmp_path / "m.db") == Turn("it", number)


def test_a_held_worker_changes_nothing_and_an_accepted_one_is_at_home(
    desk: Desk, machine: Callable[[str], None]
) -> None:
    machine(AWAY)
    before = dump(desk)
    with pytest.raises(CopiedError, match="another machine") as refused:
        settle(desk, accept=False)
    assert "10 messages that wait here: 10 of fair (sending)." in refused.value.sentence
    assert "mergecast run --accept-restored" in refused.value.remedy
    assert dump(desk) == before
    settle(desk, accept=True)
    settle(desk, accept=False)
    with desk.store.read() as conn:
        (line,) = conn.execute(tables.history.select()).all()
    assert (line.who, line.verb, line.thing, line.detail) == (
        "ada",
        "accept",
        "workspace",
        '{"why": "machine", "messages": 10}',
    )
    machine(HOME)
    assert why(desk) == "machine"  # now the first one is the copy


def dump(desk: Desk) -> list[str]:
    connection = sqlite3.connect(desk.store.path or "")
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("state", "leaves", "holds"),
    [
        (CampaignState.SCHEDULED, True, True),
        (CampaignState.PAUSED, True, True),
        (CampaignState.SENDING, False, False),  # a rehearsal: nobody receives anything
        (CampaignState.CHECKED, True, False),  # staged; it cannot have left from here
        (CampaignState.CANCELLED, True, False),
    ],
)
def test_only_what_is_on_its_way_to_people_is_held(
    desk: Desk, machine: Callable[[str], None], state: CampaignState, leaves: bool, holds: bool
) -> None:
    cancel(desk, "fair")
    add_campaign(desk.store, "autumn", 3, state=state, leaves=leaves)
    machine(AWAY)
    assert (why(desk) == "machine") is holds
    if not holds:
        settle(desk, accept=False)


def test_a_draft_holds_if_a_proof_of_it_waits(desk: Desk, machine: Callable[[str], None]) -> None:
    cancel(desk, "fair")
    add_campaign(desk.store, "autumn", 3, state=CampaignState.DRAFT)
    with desk.store.write() as conn:
        conn.exec_driver_sql("UPDATE messages SET wave = 0 WHERE id = (SELECT max(id) FROM messages)")
    machine(AWAY)
    found = held(desk)
    assert found is not None
    assert [(one.campaign, one.messages) for one in found.waiting] == [("autumn", 1)]


def test_what_is_queued_in_a_copy_where_nothing_waits_leaves_from_there(
    desk: Desk, machine: Callable[[str], None]
) -> None:
    machine(AWAY)
    queue(desk, "autumn")
    assert why(desk) == "machine"  # the copied ten still wait
    put(desk.store, 1, [MessageState.ACCEPTED] * 10, desk.clock)
    put(desk.store, 2, [MessageState.ACCEPTED] * 3, desk.clock)
    queue(desk, "winter")
    assert why(desk) == ""
    machine(HOME)
    assert why(desk) == "machine"


def queue(desk: Desk, name: str) -> None:
    with desk.store.write() as conn:
        before_queueing(desk, conn)
    add_campaign(desk.store, name, 3)


def test_many_campaigns_are_counted_and_some_named(desk: Desk, machine: Callable[[str], None]) -> None:
    for name in ("autumn", "winter", "spring", "summer"):
        add_campaign(desk.store, name, 1_500 if name == "winter" else 1, state=CampaignState.PAUSED)
    machine(AWAY)
    found = held(desk)
    assert found is not None
    assert "the 1,513 messages that wait here: 10 of fair (sending), 1 of autumn (paused)," in found.sentence
    assert "1,500 of winter (paused), 2 more campaigns." in found.sentence


def test_the_inode_is_written_when_a_worker_has_been(desk: Desk, tmp_path: Path) -> None:
    with desk.store.read() as conn:
        row = conn.execute(tables.workspace.select()).one()
    assert row.inode == (tmp_path / "here" / "mergecast.db").stat().st_ino
    assert (row.machine_id, row.turn) == (HOME, 1)
