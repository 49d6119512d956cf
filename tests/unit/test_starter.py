from pathlib import Path

import pytest

from campaigns.actions.init import SAMPLE, TEMPLATE
from campaigns.starter import starter


def test_a_checkout_s_originals_are_found() -> None:
    assert (starter() / "templates" / TEMPLATE).is_file()
    assert (starter() / SAMPLE).is_file()


def test_a_wheel_s_originals_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "campaigns/starter").mkdir(parents=True)
    monkeypatch.setattr("campaigns.__file__", str(tmp_path / "campaigns/__init__.py"))
    assert starter() == tmp_path / "campaigns/starter"
