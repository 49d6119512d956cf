from pathlib import Path

import pytest

from campaigns.actions.desk import open_desk, whoever
from campaigns.actions.init import init
from campaigns.errors import StoreError
from campaigns.workspace import Workspace, open_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return init(tmp_path / "shop", zone="UTC", example=False).workspace


def test_who_asks_is_the_option_then_the_settings_then_the_login(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "login")
    named = open_workspace(workspace.root, {"MERGECAST_USER": "ada"}, tmp_path)
    with open_desk(named, "grace") as desk:
        assert desk.who == "grace"
    with open_desk(named) as desk:
        assert desk.who == "ada"
    assert whoever(workspace) == "login"


def test_a_user_without_a_name_is_nobody(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert whoever(workspace) == "nobody"


def test_a_missing_database_is_refused(workspace: Workspace) -> None:
    (workspace.root / "mergecast.db").unlink()
    with pytest.raises(StoreError), open_desk(workspace):
        pass
