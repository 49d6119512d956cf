"""The folder that everything lies in, and finding it."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from campaigns.errors import Where, WorkspaceError
from campaigns.settings import LOCAL, Settings, load_settings
from campaigns.settings_file import SETTINGS_FILE


class NoWorkspaceError(WorkspaceError):
    """Nothing was named, and no folder upwards is a workspace."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace's root, absolute, and its settings; every other path follows."""

    root: Path
    settings: Settings

    @property
    def templates(self) -> Path:
        return self.root / "templates"

    @property
    def attachments(self) -> Path:
        return self.root / "attachments"

    @property
    def sheets(self) -> Path:
        return self.root / "sheets"

    @property
    def previews(self) -> Path:
        return self.root / "previews"

    @property
    def mail(self) -> Path:
        """The mailbox of rehearsals."""
        local = self.settings.transports[LOCAL]
        assert local.kind == "maildir"
        return self.root / local.path

    @property
    def database(self) -> Path:
        """The store's file; a relative one lies in the workspace."""
        return self.root / self.settings.database.removeprefix("sqlite:///")

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.database}"


def open_workspace(option: Path | None, env: Mapping[str, str], cwd: Path, *, secrets: bool = False) -> Workspace:
    """The workspace that is meant, with its settings; WorkspaceError, SettingsError."""
    root = find_workspace(option, env, cwd)
    return Workspace(root, load_settings(root, env, secrets=secrets))


def find_workspace(option: Path | None, env: Mapping[str, str], cwd: Path) -> Path:
    """The folder that is meant, if it is the user's and nobody else may write to it; WorkspaceError."""
    root = locate_workspace(option, env, cwd)
    refuse_foreign(root)
    return root


def locate_workspace(option: Path | None, env: Mapping[str, str], cwd: Path) -> Path:
    """`--workspace`, else MERGECAST_WORKSPACE, else the nearest folder upwards with a `mergecast.toml`."""
    named = option or (Path(env["MERGECAST_WORKSPACE"]) if env.get("MERGECAST_WORKSPACE") else None)
    if named is not None:
        root = (cwd / named.expanduser()).resolve()
        if not (root / SETTINGS_FILE).is_file():
            raise WorkspaceError(
                f"There is no workspace in {root}: it has no {SETTINGS_FILE}.",
                remedy=f"Run `mergecast init {named}`, or name the right folder.",
            )
        return root
    for folder in (cwd.resolve(), *cwd.resolve().parents):
        if (folder / SETTINGS_FILE).is_file():
            return folder
    raise NoWorkspaceError("No workspace here.", where=Where(file=str(cwd)), remedy="Run `mergecast init`.")


def refuse_foreign(root: Path) -> None:
    """WorkspaceError if somebody else owns the workspace or may change its settings."""
    for path in (root, root / SETTINGS_FILE):
        status = path.stat()
        if status.st_uid != os.geteuid():
            raise WorkspaceError(
                "This workspace belongs to somebody else: their settings would send in your name.",
                where=Where(file=str(path)),
                remedy="Run `mergecast` as its owner, or make a workspace of your own with `mergecast init`.",
            )
        if stat.S_IMODE(status.st_mode) & 0o022:
            raise WorkspaceError(
                "Others on this computer may write to this workspace.",
                where=Where(file=str(path)),
                remedy=f"Run `chmod go-w {path}`.",
            )
