"""Sheets made on the spot, and read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from reading_sheets import Read, read_sheet


@pytest.fixture
def read_csv(tmp_path: Path) -> Callable[..., Read]:
    def read(content: str | bytes, name: str = "people.csv", **options: Any) -> Read:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_sheet(path, **options)

    return read
