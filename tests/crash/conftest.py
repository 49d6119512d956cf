from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.store.engine import Store
from scheduler import blame
from tests.crash.ground import Ground, Taken
from tests.doubles.filled_store import new_store


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path / "workspace")


@pytest.fixture
def taken(tmp_path: Path) -> Iterator[Taken]:
    taken = Taken(tmp_path / "journal")
    yield taken
    taken.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = new_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def short_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """A transport that fails is tried again at once."""
    monkeypatch.setattr(blame, "_REST", (0.01,))
