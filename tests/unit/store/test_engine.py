"""Opening the store: odd folder names, rights, and what is said of a store that refuses."""

import stat
from pathlib import Path

import pytest
from sqlalchemy import text

from campaigns.clock import SystemClock
from campaigns.errors import StoreError
from campaigns.store.engine import Store
from campaigns.store.migrate import create_store


@pytest.mark.parametrize("folder", ["what?", "50% off", "a#b", "Müller & Söhne", "blank at the end "])
def test_a_store_lies_where_its_folder_is_whatever_that_is_called(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    url = f"sqlite:///{tmp_path / folder / 'mergecast.db'}"
    create_store(url, made_by="test", clock=SystemClock())
    store = Store(url)
    with store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM workspace")).scalar() == 1
    store.close()
    assert (tmp_path / folder / "mergecast.db").exists()


def test_only_the_owner_may_read_a_store(tmp_path: Path) -> None:
    create_store(f"sqlite:///{tmp_path / 'mergecast.db'}", made_by="test", clock=SystemClock())
    assert stat.S_IMODE((tmp_path / "mergecast.db").stat().st_mode) == 0o600


def test_what_is_written_is_on_disk_when_its_block_ends(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'mergecast.db'}"
    create_store(url, made_by="test", clock=SystemClock())
    store = Store(url)
    with store.write() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL
        assert connection.execute(text("PRAGMA fullfsync")).scalar() == 1
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    with store.write_page() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 1  # NORMAL
    store.close()


def test_a_full_database_is_a_sentence_and_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'mergecast.db'}"
    create_store(url, made_by="test", clock=SystemClock())
    store = Store(url)
    with pytest.raises(StoreError, match="disk is full"):
        _fill(store)
    with store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM sqlite_master WHERE name = 'heap'")).scalar() == 0
    store.close()


def _fill(store: Store) -> None:
    with store.write() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        connection.execute(text("CREATE TABLE heap (x)"))
        connection.execute(text("INSERT INTO heap VALUES (zeroblob(1000000))"))
