from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.clock import SystemClock
from campaigns.store.engine import Store
from campaigns.store.migrate import create_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'mergecast.db'}"
    create_store(url, made_by="test", clock=SystemClock())
    store = Store(url)
    yield store
    store.close()
