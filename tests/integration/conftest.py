import pytest

from tests.doubles.rendering_warm import render_warm


@pytest.fixture(autouse=True)
def rendering_starts_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    render_warm(monkeypatch)
