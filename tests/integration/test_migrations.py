import re
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from campaigns import __version__
from campaigns.errors import StoreError, WorkerRunningError
from campaigns.model.column import Column
from campaigns.model.states import Repeated
from campaigns.store import campaigns, migrate, sheets
from campaigns.store.engine import APPLICATION_ID, create_file
from campaigns.store.lock import worker_lock
from campaigns.store.tables import metadata
from tests.doubles.standing_clock import StandingClock

CLOCK = StandingClock()
NEWEST = migrate.SCHEMA
NEXT = f"{int(NEWEST) + 1:04}"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "mergecast.db"
    migrate.create_store(url(path), made_by="mergecast 0.1.0", clock=CLOCK)
    return path


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def sql(path: Path, *statements: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        with connection:
            found = [connection.execute(statement).fetchall() for statement in statements]
        return found[-1]
    finally:
        connection.close()


def test_the_migrations_make_exactly_the_tables(database: Path) -> None:
    engine = create_engine(url(database))
    with engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_every_table_and_index_stands_in_the_words_that_the_tables_would_be_made_with(database: Path) -> None:
    """What Alembic's comparison passes over: partial indexes, WITHOUT ROWID, AUTOINCREMENT, primary keys."""
    direct = create_engine("sqlite://")
    with direct.connect() as conn:
        metadata.create_all(conn)
        wanted = schema(conn)
    engine = create_engine(url(database))
    with engine.connect() as conn:
        made = schema(conn)
    for opened in (direct, engine):
        opened.dispose()
    assert {name: words for name, words in made.items() if name != "alembic_version"} == wanted


def schema(conn: Connection) -> dict[str, list[str]]:
    """Each table's and index's statement, as the sorted words between commas and blanks."""
    rows = conn.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"))
    return {
        name: sorted(re.sub(r"[,()]", r" \g<0> ", said).replace(",", " ").replace('"', "").split())
        for name, said in rows
    }


def test_all_tables_compile_for_postgresql() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    for table in metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            made = str(CreateIndex(index).compile(dialect=dialect))
            assert ("WHERE" in made) == (index.dialect_options["sqlite"]["where"] is not None)


def test_the_migrations_compile_for_postgresql(capsys: pytest.CaptureFixture[str]) -> None:
    """As `alembic upgrade --sql` prints them."""
    from alembic.operations import Operations

    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True})
    with Operations.context(context):
        for revision in reversed(list(scripts().walk_revisions())):
            revision.module.upgrade()
    said = capsys.readouterr().out
    assert said.count("CREATE TABLE") == len(metadata.tables)
    assert "id BIGSERIAL" in said
    assert "ALTER TABLE campaigns ADD COLUMN audience TEXT DEFAULT '' NOT NULL" in said
    assert "ALTER TABLE columns ADD COLUMN role TEXT DEFAULT '' NOT NULL" in said


def test_the_schema_that_is_asked_for_is_the_newest_migration(database: Path) -> None:
    assert scripts().get_current_head() == migrate.SCHEMA
    assert sql(database, "SELECT version_num FROM alembic_version") == [(migrate.SCHEMA,)]


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", "campaigns.store:migrations")
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def test_a_new_store_knows_itself(database: Path) -> None:
    ((uuid, machine_id, made_by, made_at),) = sql(database, "SELECT uuid, machine_id, made_by, made_at FROM workspace")
    assert len(str(uuid)) == 36
    assert machine_id
    assert made_by == "mergecast 0.1.0"
    assert made_at == int(CLOCK.now().timestamp() * 1_000_000)


def test_a_new_file_has_its_marks_and_only_its_owner_may_read_it(database: Path) -> None:
    assert sql(database, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert sql(database, "PRAGMA auto_vacuum") == [(2,)]
    assert sql(database, "PRAGMA journal_mode") == [("wal",)]
    assert database.stat().st_mode & 0o777 == 0o600


def test_a_store_is_not_made_over_another(database: Path) -> None:
    before = database.read_bytes()
    with pytest.raises(StoreError, match="There is a database already"):
        migrate.create_store(url(database), made_by="", clock=CLOCK)
    assert database.read_bytes() == before


def test_a_store_that_cannot_be_finished_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "machine_id", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        migrate.create_store(url(tmp_path / "m.db"), made_by="", clock=CLOCK)
    assert list(tmp_path.iterdir()) == []


def test_a_good_store_opens_without_alembic(database: Path) -> None:
    import subprocess
    import sys

    script = "import sys; from campaigns.store.migrate import open_store; open_store(sys.argv[1]); print('alembic' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", script, url(database)], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"


def test_a_missing_store_names_init(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No workspace database") as refused:
        migrate.open_store(url(tmp_path / "mergecast.db"))
    assert "mergecast init" in refused.value.remedy
    assert not (tmp_path / "mergecast.db").exists()


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7\n", b"SQLite format 3\0" + b"\0" * 84])
def test_a_file_that_is_none_of_ours_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mergecast.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="is not a Mergecast database"):
        migrate.open_store(url(path))
    assert path.read_bytes() == content


def test_a_store_that_was_stopped_half_way_says_so(tmp_path: Path) -> None:
    create_file(tmp_path / "mergecast.db")
    with pytest.raises(StoreError, match="never finished"):
        migrate.open_store(url(tmp_path / "mergecast.db"))


@pytest.mark.parametrize("use", [migrate.open_store, lambda it: migrate.upgrade_store(it, who="ada", clock=CLOCK)])
def test_a_newer_store_is_refused_with_both_versions(database: Path, use: object) -> None:
    sql(database, "UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(StoreError) as refused:
        use(url(database))  # type: ignore[operator]
    for part in ("0999", migrate.SCHEMA, __version__):
        assert part in refused.value.sentence


@pytest.fixture
def older(database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The store is one migration behind: a Mergecast to come knows the next."""
    monkeypatch.setattr(migrate, "SCHEMA", NEXT)

    def next_migration(conn: Connection) -> None:
        conn.execute(text("ALTER TABLE lists ADD COLUMN colour TEXT"))
        conn.execute(text(f"UPDATE alembic_version SET version_num = '{NEXT}'"))

    monkeypatch.setattr(migrate, "_migrate", next_migration)
    sql(database, "INSERT INTO lists (name, folded) VALUES ('Club', 'club')")
    return database


def test_an_older_store_names_upgrade(older: Path) -> None:
    with pytest.raises(StoreError, match=f"has schema {NEWEST}") as refused:
        migrate.open_store(url(older))
    assert "mergecast upgrade" in refused.value.remedy


@pytest.fixture
def first_release(tmp_path: Path) -> Path:
    """A database as the first migration alone makes it, with a sheet of one list."""
    path = tmp_path / "mergecast.db"
    create_file(path)
    store = migrate.Store(url(path))
    with store.write() as conn:
        config = Config(attributes={"connection": conn})
        config.set_main_option("script_location", "campaigns.store:migrations")
        config.set_main_option("path_separator", "os")
        command.upgrade(config, "0001")
    store.close()
    sql(path, "INSERT INTO lists (id, name, folded) VALUES (1, 'Club', 'club')")
    sql(
        path,
        "INSERT INTO sheets (id, list_id, n, sha256, file_name, kept, worksheet, encoding, delimiter,"
        " header_row, rows, at, who) VALUES (1, 1, 1, 'a', 'c.csv', 1, '', 'utf-8', ',', 1, 0, 0, 'ada')",
    )
    return path


def test_a_store_of_the_first_release_is_upgraded_with_its_campaigns(first_release: Path) -> None:
    sql(
        first_release,
        "INSERT INTO campaigns (name, kind, state, reason, list_id, template, sender_given, sender, reply_to,"
        " public_url, transport, leaves, zone, starts_wall, late_after, give_up_after, throttles, tag_salt,"
        " prints_today, checking, prepared, fingerprint, rows, made_at, who) VALUES ('spring', 'bulk', 'draft',"
        " '', 1, 't.md', '', '', '', '', 'local', 0, 'UTC', '', 1, 1, '', x'00', 0, '', '', '', 0, 0, 'ada')",
    )
    done = migrate.upgrade_store(url(first_release), who="ada", clock=CLOCK)
    assert (done.before, done.after) == ("0001", NEWEST)
    store = migrate.open_store(url(first_release))
    with store.read() as conn:
        spring = campaigns.find(conn, "spring")
        assert compare_metadata(MigrationContext.configure(conn), metadata) == []
        club = sheets.latest(conn, 1)
    store.close()
    assert spring is not None
    assert spring.audience == ""
    assert club is not None
    assert club.repeated is Repeated.FIRST


def test_an_upgrade_copies_first_and_keeps_everything(older: Path) -> None:
    done = migrate.upgrade_store(url(older), who="ada", clock=CLOCK)
    assert (done.before, done.after) == (NEWEST, NEXT)
    assert done.copy is not None
    assert done.copy.stat().st_mode & 0o777 == 0o600
    assert sql(done.copy, "SELECT version_num FROM alembic_version") == [(NEWEST,)]
    assert sql(done.copy, "SELECT name FROM lists") == [("Club",)]
    assert sql(done.copy, "SELECT copied_since IS NOT NULL FROM workspace") == [(1,)]
    assert sql(older, "SELECT copied_since IS NOT NULL FROM workspace") == [(0,)]
    assert migrate.old_copies(older) == [done.copy]
    assert sql(done.copy, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert sql(older, "SELECT name, colour FROM lists") == [("Club", None)]
    assert sql(older, "SELECT who, verb FROM history") == [("ada", "upgrade")]
    migrate.open_store(url(older)).close()


def test_an_upgrade_without_room_for_its_copy_changes_nothing(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: SimpleNamespace(free=1_000))
    with pytest.raises(StoreError, match="no room for the copy that comes before an upgrade"):
        migrate.upgrade_store(url(older), who="ada", clock=CLOCK)
    assert sql(older, "SELECT version_num FROM alembic_version") == [(NEWEST,)]
    assert migrate.old_copies(older) == []


def test_an_upgrade_that_fails_changes_nothing(older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(conn: Connection) -> None:
        conn.execute(text("ALTER TABLE lists ADD COLUMN colour TEXT"))
        conn.execute(text("SELECT * FROM no_such_table"))

    monkeypatch.setattr(migrate, "_migrate", half)
    with pytest.raises(StoreError):
        migrate.upgrade_store(url(older), who="ada", clock=CLOCK)
    engine = create_engine(url(older))
    with engine.connect() as conn:
        assert "colour" not in {column["name"] for column in inspect(conn).get_columns("lists")}
    engine.dispose()
    assert sql(older, "SELECT version_num FROM alembic_version") == [(NEWEST,)]


def test_nothing_is_upgraded_under_a_running_worker(older: Path) -> None:
    with worker_lock(older), pytest.raises(WorkerRunningError):
        migrate.upgrade_store(url(older), who="ada", clock=CLOCK)
    assert sql(older, "SELECT version_num FROM alembic_version") == [(NEWEST,)]


def test_an_upgrade_with_nothing_to_do_makes_no_copy(database: Path) -> None:
    done = migrate.upgrade_store(url(database), who="ada", clock=CLOCK)
    assert done == migrate.Upgrade(migrate.SCHEMA, migrate.SCHEMA, None)
    assert sorted(path.name for path in database.parent.iterdir() if ".db." in path.name) == []


def test_a_migration_runs_through_alembic_from_where_the_store_stands(database: Path) -> None:
    """A store whose tables were undone to nothing gets all of them again."""
    engine = create_engine(url(database))
    metadata.drop_all(engine)
    engine.dispose()
    sql(database, "DELETE FROM alembic_version")
    store = migrate.Store(url(database))
    with store.write() as conn:
        migrate._migrate(conn)
    store.close()
    assert sql(database, "SELECT version_num FROM alembic_version") == [(migrate.SCHEMA,)]
    assert sql(database, "SELECT count(*) FROM messages") == [(0,)]


def test_columns_of_the_first_release_hold_nothing_for_the_next_sheet(first_release: Path) -> None:
    sql(first_release, "INSERT INTO columns VALUES (1, 0, 'E-Mail', 'email', 'text', '', '', 3)")
    migrate.upgrade_store(url(first_release), who="ada", clock=CLOCK)
    store = migrate.open_store(url(first_release))
    with store.read() as conn:
        assert sheets.columns_of(conn, 1) == (Column(0, "E-Mail", "email", empty=3),)
    store.close()
