from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.store.engine import Store
from tests.doubles.filled_store import new_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = new_store(tmp_path)
    yield store
    store.close()
