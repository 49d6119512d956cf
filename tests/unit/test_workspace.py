import os
from pathlib import Path

import pytest

from campaigns.errors import WorkspaceError
from campaigns.workspace import NoWorkspaceError, find_workspace, open_workspace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path.resolve() / "shop"
    root.mkdir(mode=0o700)
    (root / "mergecast.toml").write_text("", encoding="utf-8")
    (root / "mergecast.toml").chmod(0o644)
    return root


def test_the_option_goes_before_the_environment(root: Path, tmp_path: Path) -> None:
    assert find_workspace(root, {"MERGECAST_WORKSPACE": "/nowhere"}, tmp_path) == root


def test_the_environment_goes_before_the_folder(root: Path, tmp_path: Path) -> None:
    assert find_workspace(None, {"MERGECAST_WORKSPACE": str(root)}, tmp_path) == root


def test_the_nearest_folder_upwards_is_taken(root: Path) -> None:
    deep = root / "a" / "b"
    deep.mkdir(parents=True)
    assert find_workspace(None, {}, deep) == root


def test_a_relative_option_is_read_from_where_one_stands(root: Path) -> None:
    assert find_workspace(Path("shop"), {}, root.parent) == root


def test_no_workspace_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(NoWorkspaceError) as caught:
        find_workspace(None, {}, tmp_path)
    assert caught.value.sentence == "No workspace here."
    assert "mergecast init" in caught.value.remedy


def test_a_named_folder_that_is_none_is_not_searched_upwards(root: Path) -> None:
    (root / "a").mkdir()
    with pytest.raises(WorkspaceError, match="no workspace in"):
        find_workspace(Path("a"), {}, root)


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_may_write_to_is_refused(root: Path, mode: int) -> None:
    root.chmod(mode)
    with pytest.raises(WorkspaceError) as caught:
        find_workspace(None, {}, root)
    assert "chmod go-w" in caught.value.remedy


def test_settings_that_others_may_write_to_are_refused(root: Path) -> None:
    (root / "mergecast.toml").chmod(0o666)
    with pytest.raises(WorkspaceError, match="may write"):
        find_workspace(root, {}, root)


def test_another_owner_s_workspace_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(WorkspaceError, match="somebody else"):
        find_workspace(None, {}, root)


def test_every_path_lies_in_the_workspace(root: Path) -> None:
    workspace = open_workspace(root, {}, root)
    assert workspace.templates == root / "templates"
    assert workspace.mail == root / "mail"
    assert workspace.database_url == f"sqlite:///{root}/mergecast.db"


def test_a_database_elsewhere_stays_there(root: Path) -> None:
    workspace = open_workspace(root, {"MERGECAST_DATABASE": "sqlite:////srv/mail.db"}, root)
    assert workspace.database_url == "sqlite:////srv/mail.db"
