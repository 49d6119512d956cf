import sqlite3
from collections import namedtuple
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from campaigns.actions import filesystem
from campaigns.actions.doctor import DoctorResult, Probe, doctor
from campaigns.actions.doctor_check import Check, CheckState
from campaigns.actions.doctor_clock import date_in, offset
from campaigns.actions.filesystem import filesystem_of
from campaigns.actions.init import init
from campaigns.actions.relays import Relay
from campaigns.clock import to_micros
from campaigns.store import history, origin, workers
from campaigns.store.engine import Store
from campaigns.store.migrate import open_store
from campaigns.workspace import Workspace
from tests.doubles.filled_store import add_campaign

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


class Clock:
    def now(self) -> datetime:
        return NOW

    def micros(self) -> int:
        return to_micros(NOW)

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    init(tmp_path / "shop", Relay.OTHER, zone="Europe/Berlin", clock=Clock(), example=False)
    return tmp_path / "shop"


def seen(result: DoctorResult) -> dict[str, CheckState]:
    return {check.name: check.state for check in result.checks}


def sentence(result: DoctorResult, name: str) -> str:
    return next(check.sentence for check in result.checks if check.name == name)


def beat(root: Path, at: datetime) -> None:
    store = open_store(f"sqlite:///{root / 'mergecast.db'}")
    with store.write() as conn:
        workers.start(conn, version="1", at=at)
    store.close()


def test_a_fresh_workspace_is_well_but_for_its_sender_and_worker(root: Path) -> None:
    result = doctor(root, {}, clock=Clock())
    assert result.well
    states = seen(result)
    assert {name for name, state in states.items() if state is CheckState.WARN} <= {"sender", "worker", "disk", "clock"}
    assert {"workspace", "settings", "secrets", "database", "share", "disk", "sizes", "copies", "backup"} <= set(states)


def test_the_document_has_a_state_a_sentence_and_a_remedy_for_each(root: Path) -> None:
    document = doctor(root, {}, clock=Clock()).as_json()
    assert all(set(check) == {"name", "state", "sentence", "remedy"} for check in document["checks"])
    assert {check["state"] for check in document["checks"]} <= {"good", "warn", "bad"}


def test_a_workspace_that_others_may_change_ends_the_visit(root: Path) -> None:
    root.chmod(0o777)
    assert seen(doctor(root, {}, clock=Clock())) == {"workspace": CheckState.BAD}


def test_secrets_that_others_may_read_are_found(root: Path) -> None:
    (root / "secrets.toml").chmod(0o644)
    result = doctor(root, {}, clock=Clock())
    assert not result.well
    assert "secrets.toml" in sentence(result, "settings")


def test_a_wrong_setting_is_told_with_its_line(root: Path) -> None:
    (root / "mergecast.toml").write_text('\nzoen = "UTC"', encoding="utf-8")
    assert "line 2" in sentence(doctor(root, {}, clock=Clock()), "settings")


def test_a_missing_database_is_bad_and_the_rest_is_still_looked_at(root: Path) -> None:
    (root / "mergecast.db").unlink()
    states = seen(doctor(root, {}, clock=Clock()))
    assert states["database"] is CheckState.BAD
    assert "disk" in states


def test_a_damaged_database_is_found(root: Path) -> None:
    with closing(sqlite3.connect(root / "mergecast.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw = bytearray((root / "mergecast.db").read_bytes())
    raw[len(raw) // 2 :] = b"\x55" * (len(raw) - len(raw) // 2)
    (root / "mergecast.db").write_bytes(raw)
    assert seen(doctor(root, {}, clock=Clock()))["database"] is CheckState.BAD


def test_a_database_that_others_may_read_is_found(root: Path) -> None:
    (root / "mergecast.db").chmod(0o644)
    assert seen(doctor(root, {}, clock=Clock()))["database"] is CheckState.BAD


def test_a_beating_worker_is_good(root: Path) -> None:
    beat(root, NOW - timedelta(seconds=3))
    result = doctor(root, {}, clock=Clock())
    assert seen(result)["worker"] is CheckState.GOOD
    assert "3 seconds ago" in sentence(result, "worker")


def test_a_worker_that_fell_silent_is_none(root: Path) -> None:
    beat(root, NOW - timedelta(hours=3))
    assert seen(doctor(root, {}, clock=Clock()))["worker"] is CheckState.WARN


def test_transports_are_looked_at_by_their_probes_with_their_secrets(root: Path) -> None:
    env = {"MERGECAST_TRANSPORTS__RELAY__PASSWORD": "hunter2"}
    bad = Check("relay", CheckState.BAD, "The server refuses the password.", "Look at secrets.toml.")

    def probes(workspace: Workspace) -> list[Probe]:
        relay = workspace.settings.transports["relay"]
        assert relay.kind == "smtp"
        assert relay.password is not None
        return [lambda: [bad]]

    result = doctor(root, env, probes, clock=Clock())
    assert bad in result.checks
    assert not result.well


def test_every_folder_and_table_has_its_size(root: Path) -> None:
    (root / "mail" / "new").mkdir()
    (root / "mail" / "new" / "4d.0102030405060708.eml").write_bytes(b"x" * 5_000)
    sizes = doctor(root, {}, clock=Clock()).as_json()["sizes"]
    assert set(sizes["folders"]) == {"database", "templates", "attachments", "sheets", "previews", "mail"}
    assert sizes["folders"]["mail"] == 5_000
    told = sum(sizes["tables"].values()) + sizes["free_in_database"]
    assert sizes["folders"]["database"] - 4_096 <= told <= sizes["folders"]["database"]  # a page is SQLite's own
    assert {"messages", "history", "campaigns"} <= set(sizes["tables"])


def test_copies_that_upgrades_have_left_are_named(root: Path) -> None:
    assert seen(doctor(root, {}, clock=Clock()))["copies"] is CheckState.GOOD
    (root / "mergecast.db.0001-20260101T000000Z").write_bytes(b"old")
    (root / "mergecast.db.note").write_bytes(b"none of ours")
    result = doctor(root, {}, clock=Clock())
    assert seen(result)["copies"] is CheckState.WARN
    assert "mergecast.db.0001-20260101T000000Z." in sentence(result, "copies")


def test_a_backup_is_asked_for_once_something_was_sent_and_every_week(root: Path) -> None:
    states = []
    for verb, days in (("", 0), ("send", 9), ("backup", 8), ("backup", 6)):
        if verb:
            record(root, verb, NOW - timedelta(days=days))
        states.append(seen(doctor(root, {}, clock=Clock()))["backup"])
    assert states == [CheckState.GOOD, CheckState.WARN, CheckState.WARN, CheckState.GOOD]


def record(root: Path, verb: str, at: datetime) -> None:
    store = open_store(f"sqlite:///{root / 'mergecast.db'}")
    with store.write() as conn:
        history.record(conn, at=at, who="ada", verb=verb, thing="workspace")
    store.close()


@pytest.mark.parametrize(("said", "state"), [(0, CheckState.GOOD), (5, CheckState.WARN), (-1, None)])
def test_the_kernel_is_asked_whether_its_clock_is_kept(
    root: Path, monkeypatch: pytest.MonkeyPatch, said: int, state: CheckState | None
) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _name: SimpleNamespace(adjtimex=lambda _buffer: said))
    assert seen(doctor(root, {}, clock=Clock())).get("clock") is state


@pytest.mark.parametrize(
    ("ahead", "state"),
    [(0, CheckState.GOOD), (-9, CheckState.GOOD), (40, CheckState.WARN), (-40, CheckState.WARN), (400, CheckState.BAD)],
)
def test_a_server_s_clock_is_compared_with_ours(ahead: int, state: CheckState) -> None:
    theirs = date_in("220 mx.example.com Microsoft ESMTP MAIL Service ready at Mon, 23 Nov 2026 21:00:00 +0100")
    assert theirs == NOW
    check = offset("relay clock", "mx.example.com", theirs, NOW + timedelta(seconds=ahead))
    assert check.state is state
    assert ("ahead of" in check.sentence) is (ahead > 10)


@pytest.mark.parametrize("said", ["220 mx.example.com ESMTP Postfix", "Mon, 31 Feb 2026 20:00:00 +0000", ""])
def test_a_server_that_does_not_tell_the_time_is_not_asked_again(said: str) -> None:
    assert date_in(said) is None


@pytest.mark.parametrize(
    ("free", "state"), [(2**40, CheckState.GOOD), (2**29, CheckState.WARN), (2**20, CheckState.BAD)]
)
def test_free_disk_is_judged(root: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: CheckState) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage(2**41, 0, free))
    assert seen(doctor(root, {}, clock=Clock()))["disk"] is state


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p", "smbfs"])
def test_a_network_share_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(filesystem, "_mounts", lambda: iter([("/", "ext4"), (str(root.parent), kind)]))
    assert seen(doctor(root, {}, clock=Clock()))["share"] is CheckState.BAD


def test_the_nearest_mount_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = [("/", "ext4"), ("/srv", "nfs"), ("/srv/mail", "xfs"), ("/srvother", "zfs")]
    monkeypatch.setattr(filesystem, "_mounts", lambda: iter(mounts))
    assert filesystem_of(Path("/srv/mail/shop")) == "xfs"
    assert filesystem_of(Path("/srv/other")) == "nfs"


def test_a_copy_in_which_mail_waits_is_a_fault(root: Path) -> None:
    store = Store(f"sqlite:///{root / 'mergecast.db'}")
    add_campaign(store, "spring", 3, transport="relay")
    assert seen(doctor(root, {}, clock=Clock()))["origin"] is CheckState.GOOD
    with store.write() as conn:
        origin.mark_copied(conn, 0)
    store.close()
    (told,) = [check for check in doctor(root, {}, clock=Clock()).checks if check.name == "origin"]
    assert told.state is CheckState.BAD
    assert "3 of spring (sending)" in told.sentence
    assert "mergecast run --accept-restored" in told.remedy
