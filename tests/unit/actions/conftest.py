from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.actions.desk import Desk
from campaigns.store.engine import Store
from tests.doubles.filled_store import new_store
from tests.doubles.rendering_warm import render_warm
from tests.doubles.standing_clock import StandingClock
from tests.doubles.workspaces import new_desk


@pytest.fixture(autouse=True)
def rendering_starts_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    render_warm(monkeypatch)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def desk(tmp_path: Path, clock: StandingClock) -> Iterator[Desk]:
    desk = new_desk(tmp_path, clock)
    yield desk
    desk.store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = new_store(tmp_path)
    yield store
    store.close()
