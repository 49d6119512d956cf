from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.ground import Ground, Taken


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path / "workspace")


@pytest.fixture
def taken(tmp_path: Path) -> Iterator[Taken]:
    taken = Taken(tmp_path / "journal")
    yield taken
    taken.close()
