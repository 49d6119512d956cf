import hashlib
import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from campaigns.actions import backup as module
from campaigns.actions.archive import is_safe
from campaigns.actions.backup import Backup, backup
from campaigns.actions.desk import Desk
from campaigns.actions.report import report
from campaigns.actions.restore_backup import RestoredBackup, restore_backup
from campaigns.actions.show import show
from campaigns.clock import to_micros
from campaigns.errors import MergecastError, StoreError, UsageError, WorkspaceError
from campaigns.settings import load_settings
from campaigns.store import origin
from campaigns.store.engine import Store
from campaigns.store.migrate import SCHEMA
from campaigns.workspace import Workspace
from tests.doubles.folders import files_of
from tests.doubles.long_kept import long_kept
from tests.doubles.standing_clock import StandingClock


@pytest.fixture
def desk(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, clock: StandingClock) -> Iterator[Desk]:
    desk = long_kept(tmp_path_factory, tmp_path / "shop", clock)
    yield desk
    desk.store.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "shop.zip"


def restored(file: Path, folder: Path, **env: str) -> RestoredBackup:
    return restore_backup(file, folder, env, who="ada", clock=StandingClock())


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def opened(told: RestoredBackup) -> Desk:
    return Desk(told.workspace, Store(told.workspace.database_url), "ada", StandingClock())


def test_what_was_backed_up_is_there_again_with_every_mail_s_content(desk: Desk, file: Path, tmp_path: Path) -> None:
    made = backup(desk, file)
    assert made.missing == ()
    told = restored(file, tmp_path / "there")
    there = opened(told)
    assert report(there, "spring").as_json() == report(desk, "spring").as_json()
    assert show(there, campaign="spring", row=2).as_json() == show(desk, campaign="spring", row=2).as_json()
    for name in ("templates/letter.html", "attachments/ada.txt", "mergecast.toml"):
        assert (told.workspace.root / name).read_bytes() == (desk.workspace.root / name).read_bytes()
    assert names_in(told.workspace.sheets) == names_in(desk.workspace.sheets)
    there.store.close()


def test_a_restored_store_says_that_it_is_a_copy_and_the_original_does_not(
    desk: Desk, file: Path, tmp_path: Path
) -> None:
    backup(desk, file)
    there = opened(restored(file, tmp_path / "there"))
    with there.store.read() as conn, desk.store.read() as own:
        copied_since = "SELECT copied_since FROM workspace"
        assert conn.exec_driver_sql(copied_since).scalar() == to_micros(desk.clock.now())
        assert own.exec_driver_sql(copied_since).scalar() is None
        assert origin.uuid(conn) == origin.uuid(own)
        assert conn.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert conn.exec_driver_sql("PRAGMA auto_vacuum").scalar() == 2
    there.store.close()


def test_the_database_in_the_file_is_marked_already_for_whoever_unpacks_it_by_hand(
    desk: Desk, file: Path, tmp_path: Path
) -> None:
    backup(desk, file)
    with zipfile.ZipFile(file) as zipped:
        zipped.extract("mergecast.db", tmp_path)
    with closing(sqlite3.connect(tmp_path / "mergecast.db")) as connection:
        assert connection.execute("SELECT copied_since FROM workspace").fetchone()[0] is not None


def test_only_its_owner_may_read_a_backup_and_what_is_restored(desk: Desk, file: Path, tmp_path: Path) -> None:
    backup(desk, file)
    there = restored(file, tmp_path / "there").workspace.root
    assert file.stat().st_mode & 0o777 == 0o600
    assert all(path.stat().st_mode & 0o077 == 0 for path in (there, *there.rglob("*")))


def test_secrets_are_in_no_backup_whatever_they_are_called(desk: Desk, file: Path) -> None:
    root = desk.workspace.root
    (root / "attachments" / ".env").write_text("KEY=hunter2", encoding="utf-8")
    (root / "attachments" / "link.txt").symlink_to(root / "secrets.toml")
    (root / "templates" / "relay.password").write_text("hunter2", encoding="utf-8")
    (root / "templates" / "passwd.html").symlink_to("/etc/passwd")
    relay = '[transports.relay]\nkind = "smtp"\nhost = "127.0.0.1"\nuser = "ada"\npassword_file = "templates/relay.password"\n'
    with (root / "mergecast.toml").open("a", encoding="utf-8") as settings:
        settings.write(relay)
    desk = Desk(Workspace(root, load_settings(root, {})), desk.store, desk.who, desk.clock)
    made = backup(desk, file)
    names = ("attachments/.env", "attachments/link.txt", "secrets.toml", "templates/relay.password")
    assert made.found.secrets == names
    assert {"templates/passwd.html", "mail", "people.csv"} <= set(made.found.left_out)
    with zipfile.ZipFile(file) as zipped:
        assert not set(names) & set(zipped.namelist())
        assert all(b"hunter2" not in zipped.read(name) for name in zipped.namelist())


def test_a_database_elsewhere_is_restored_into_the_workspace_and_found_there(
    desk: Desk, file: Path, tmp_path: Path
) -> None:
    root, elsewhere = desk.workspace.root, tmp_path / "elsewhere.db"
    desk.store.close()
    (root / "mergecast.db").rename(elsewhere)
    settings = (root / "mergecast.toml").read_text(encoding="utf-8").replace("mergecast.db", str(elsewhere))
    (root / "mergecast.toml").write_text(settings, encoding="utf-8")
    workspace = Workspace(root, load_settings(root, {}))
    away = Desk(workspace, Store(workspace.database_url), "ada", desk.clock)
    backup(away, file)
    away.store.close()
    told = restored(file, tmp_path / "there", MERGECAST_DATABASE=f"sqlite:///{elsewhere}")
    assert told.workspace.database == tmp_path / "there" / "mergecast.db"
    assert told.workspace.database.exists()
    assert told.elsewhere == str(elsewhere)


def test_what_the_database_names_and_nobody_has_is_said(desk: Desk, file: Path) -> None:
    (gone,) = (path for path in desk.workspace.sheets.iterdir() if b"Dan" in path.read_bytes())
    gone.unlink()
    assert backup(desk, file).missing == (f"sheets/{gone.name}",)


def test_a_file_that_goes_away_with_its_row_meanwhile_begins_the_backup_anew(
    desk: Desk, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a prune or a check runs: between the copy of the store and the copies of its files."""
    calls: list[int] = []
    written = module._written

    def taken_away(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            (oldest,) = (path for path in desk.workspace.sheets.iterdir() if b"Dan" not in path.read_bytes())
            oldest.unlink()
            with desk.store.write() as conn:
                conn.exec_driver_sql("UPDATE sheets SET kept = 0 WHERE n = 1")
        return written(*args)

    monkeypatch.setattr(module, "_written", taken_away)
    assert backup(desk, file).missing == ()
    assert len(calls) == 2


def test_a_folder_gets_a_file_named_after_the_instant(desk: Desk, tmp_path: Path) -> None:
    assert backup(desk, tmp_path).file == tmp_path / "shop-2026-11-24T100000Z.zip"


@pytest.mark.parametrize("name", ["there.zip", "nowhere/b.zip", "shop/attachments/b.zip"])
def test_a_place_that_will_not_do_is_refused_at_once(desk: Desk, tmp_path: Path, name: str) -> None:
    (tmp_path / "there.zip").write_bytes(b"kept")
    before = files_of(tmp_path)
    with pytest.raises(UsageError):
        backup(desk, tmp_path / name)
    assert files_of(tmp_path) == before


def test_too_little_room_is_said_before_anything_is_written(
    desk: Desk, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.store.copying.shutil.disk_usage", lambda _path: _Free())
    with pytest.raises(StoreError, match="no room for the backup"):
        backup(desk, file)
    assert not file.exists()


class _Free:
    free = 1_000


def test_a_backup_that_fails_leaves_nothing(desk: Desk, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_publish", lambda *_: 1 / 0)
    before = names_in(file.parent)
    with pytest.raises(ZeroDivisionError):
        backup(desk, file)
    assert names_in(file.parent) == before


def test_a_damaged_database_makes_no_backup(desk: Desk, file: Path) -> None:
    desk.store.close()
    database = desk.workspace.database
    raw = bytearray(database.read_bytes())
    raw[8_192:] = b"\x55" * (len(raw) - 8_192)
    database.write_bytes(raw)
    with pytest.raises(StoreError):
        backup(desk, file)
    assert not file.exists()


# -- restoring


@pytest.mark.parametrize("lies_there", ["note.txt", "mergecast.toml", ".hidden"])
def test_nothing_is_restored_over_something(desk: Desk, file: Path, tmp_path: Path, lies_there: str) -> None:
    backup(desk, file)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / lies_there).write_text("mine", encoding="utf-8")
    with pytest.raises(WorkspaceError, match="not empty"):
        restored(file, tmp_path / "there")
    assert names_in(tmp_path / "there") == [lies_there]


def test_an_empty_folder_is_filled_and_closed_to_others(desk: Desk, file: Path, tmp_path: Path) -> None:
    backup(desk, file)
    (tmp_path / "there").mkdir()
    (tmp_path / "there").chmod(0o777)
    restored(file, tmp_path / "there")
    assert (tmp_path / "there").stat().st_mode & 0o022 == 0


Spoil = Callable[[dict[str, bytes], dict[str, Any]], None]


def rewritten(made: Backup, to: Path, spoil: Spoil) -> Path:
    """The archive as somebody else may have changed it."""
    with zipfile.ZipFile(made.file) as zipped:
        files = {name: zipped.read(name) for name in zipped.namelist()}
    manifest = json.loads(files.pop("manifest.json"))
    spoil(files, manifest)
    with zipfile.ZipFile(to, "w") as zipped:
        for name, data in {**files, "manifest.json": json.dumps(manifest).encode()}.items():
            zipped.writestr(name, data)
    return to


def plant(name: str) -> Spoil:
    def spoil(files: dict[str, bytes], manifest: dict[str, Any]) -> None:
        files[name] = b"planted"
        manifest["files"][name] = {"size": 7, "sha256": hashlib.sha256(b"planted").hexdigest()}

    return spoil


def change(files: dict[str, bytes], _manifest: dict[str, Any]) -> None:
    files["templates/letter.html"] += b" and more"


def take_away(files: dict[str, bytes], _manifest: dict[str, Any]) -> None:
    del files["templates/letter.html"]


def add_unnamed(files: dict[str, bytes], _manifest: dict[str, Any]) -> None:
    files["templates/other.html"] = b"planted"


def of_the_future(_files: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["format"] = 2


def another_database(files: dict[str, bytes], manifest: dict[str, Any]) -> None:
    settings = files["mergecast.toml"].replace(b"mergecast.db", b"/var/lib/other.db")
    files["mergecast.toml"] = settings
    manifest["files"]["mergecast.toml"] = {"size": len(settings), "sha256": hashlib.sha256(settings).hexdigest()}


def newer_schema(files: dict[str, bytes], manifest: dict[str, Any]) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        data = bytearray(files["mergecast.db"])
        data[18:20] = b"\x01\x01"  # a database in memory has no log
        connection.deserialize(bytes(data))
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
        connection.commit()
        files["mergecast.db"] = connection.serialize()
    entry = {"size": len(files["mergecast.db"]), "sha256": hashlib.sha256(files["mergecast.db"]).hexdigest()}
    manifest["files"]["mergecast.db"], manifest["schema"] = entry, "0999"


@pytest.mark.parametrize(
    "spoil",
    [
        plant("../escaped.txt"),
        plant("/tmp/mergecast-escaped.txt"),
        plant("templates/../../escaped.txt"),
        plant("templates\\..\\escaped.txt"),
        plant("secrets.toml"),
        plant(".bashrc"),
        plant("attachments/a\nb"),
        change,
        take_away,
        add_unnamed,
        of_the_future,
        another_database,
        newer_schema,
        lambda files, manifest: manifest.update(database="nothing.db"),
        lambda files, manifest: manifest.update(files=[1, 2]),
        lambda files, manifest: manifest["files"]["templates/letter.html"].update(size=1),
        lambda files, manifest: manifest["files"]["templates/letter.html"].update(size=10**15),
    ],
)
def test_what_a_strange_or_damaged_archive_says_is_not_done(
    desk: Desk, file: Path, tmp_path: Path, spoil: Spoil
) -> None:
    strange = rewritten(backup(desk, file), tmp_path / "strange.zip", spoil)
    before = names_in(tmp_path)
    with pytest.raises(MergecastError):
        restored(strange, tmp_path / "there")
    assert names_in(tmp_path) == before
    assert not Path("/tmp/mergecast-escaped.txt").exists()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_an_archive_that_was_cut_off_is_refused(desk: Desk, file: Path, tmp_path: Path, share: float) -> None:
    backup(desk, file)
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(WorkspaceError, match="no whole backup"):
        restored(file, tmp_path / "there")
    assert not (tmp_path / "there").exists()


def test_a_flipped_byte_anywhere_is_found(desk: Desk, file: Path, tmp_path: Path) -> None:
    backup(desk, file)
    data = file.read_bytes()
    for place in range(100, len(data) - 100, max(1, len(data) // 12)):
        file.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        try:
            there = restored(file, tmp_path / f"there-{place}").workspace.root
        except MergecastError:
            assert not (tmp_path / f"there-{place}").exists()
        else:  # a date, or another byte that means nothing
            assert (there / "templates/letter.html").read_bytes() == (
                desk.workspace.root / "templates/letter.html"
            ).read_bytes()


@pytest.mark.parametrize(
    ("name", "safe"),
    [("a", True), ("a/b.txt", True), ("ä/ü", True), ("", False), ("a//b", False), ("./a", False), ("C:/a", False)],
)
def test_names_that_lead_elsewhere_are_known(name: str, safe: bool) -> None:
    assert is_safe(name) is safe


def test_the_manifest_names_schema_and_hashes(desk: Desk, file: Path) -> None:
    made = backup(desk, file)
    with zipfile.ZipFile(file) as zipped:
        told = json.loads(zipped.read("manifest.json"))
        assert (told["format"], told["schema"], told["database"]) == (1, SCHEMA, "mergecast.db")
        for name, entry in told["files"].items():
            assert hashlib.sha256(zipped.read(name)).hexdigest() == entry["sha256"]
    assert len(told["files"]) == len(made.manifest.files)
