"""`mergecast init`: a workspace with settings, a template and a sheet that work at once."""

import json
import os
import shutil
import stat
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaigns import __version__
from campaigns.actions.relays import RELAYS, Relay, add_relay, secrets, sender_line
from campaigns.clock import Clock, SystemClock
from campaigns.errors import Where, WorkspaceError
from campaigns.settings import load_settings
from campaigns.settings_file import SECRETS_FILE, SETTINGS_FILE
from campaigns.starter import starter
from campaigns.store.migrate import create_store
from campaigns.workspace import Workspace

FOLDERS = ("templates", "templates/layouts", "templates/blocks", "attachments", "sheets", "mail", "previews")
TEMPLATE = "invitation.md"
SHEET = "people.csv"
SAMPLE = "sample_data/guests.csv"


@dataclass(frozen=True, slots=True)
class InitResult:
    workspace: Workspace
    relay: Relay | None
    files: tuple[str, ...]  # what was made, relative to the workspace
    closed: bool = False  # others could write to the folder; now they cannot
    new: bool = True  # False where a transport was added to a workspace that was there

    def as_json(self) -> dict[str, Any]:
        return {
            "workspace": str(self.workspace.root),
            "zone": self.workspace.settings.zone,
            "relay": self.relay and str(self.relay),
            "files": list(self.files),
            "closed": self.closed,
            "new": self.new,
        }


def init(
    folder: Path, relay: Relay | None = None, *, zone: str, clock: Clock | None = None, example: bool = True
) -> InitResult:
    """Make `folder` a workspace, wholly or not at all; if it is one, add the relay to it, else WorkspaceError.

    Files that stand there stay as they are. Without `example` no template and no sheet is put there.
    """
    root = folder.expanduser().resolve()
    if relay and is_workspace(root):
        workspace, files = add_relay(root, relay)
        return InitResult(workspace, relay, files, new=False)
    _refuse(root)
    made = _Made(root)
    try:
        made.folders((".", *FOLDERS))
        closed = _close_to_others(root)
        if example:
            _copy_starter(made)
        made.file(".gitignore", _GITIGNORE)
        if relay:
            made.file(SECRETS_FILE, secrets(relay), mode=0o600)
        made.file(SETTINGS_FILE, _settings(zone, relay))
        workspace = Workspace(root, load_settings(root, {}))
        create_store(workspace.database_url, made_by=f"mergecast {__version__}", clock=clock or SystemClock())
    except BaseException:
        made.undo()
        raise
    return InitResult(workspace, relay, tuple(made.names), closed)


def is_workspace(folder: Path) -> bool:
    return (folder.expanduser() / SETTINGS_FILE).exists()


def machine_zone() -> str:
    """The machine's IANA zone; UTC where it has no name for it."""
    import tzlocal

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tzlocal warns of odd machines in words that are not for people
            name = tzlocal.get_localzone_name() or "UTC"
    except (LookupError, ValueError, OSError):
        return "UTC"
    return "UTC" if name in ("Etc/UTC", "Etc/UCT", "Zulu", "local") else name


class _Made:
    """What has been put into the folder so far, so that a failure can take it back."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.names: list[str] = []
        self._folders: list[Path] = []

    def folders(self, names: tuple[str, ...]) -> None:
        for name in names:
            missing = [folder for folder in _upwards(self.root / name) if not folder.exists()]
            for folder in reversed(missing):
                folder.mkdir(mode=0o700)
                self._folders.append(folder)

    def file(self, name: str, text: str, mode: int = 0o644) -> None:
        self.with_(name, mode, lambda path: path.write_text(text, encoding="utf-8"))

    def copy(self, source: Path, name: str) -> None:
        self.with_(name, 0o644, lambda path: shutil.copyfile(source, path))

    def with_(self, name: str, mode: int, fill: Callable[[Path], object]) -> None:
        """A new file with exactly this mode, whatever the umask; one that stands there is left alone."""
        path = self.root / name
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return
        self.names.append(name)
        os.fchmod(descriptor, mode)
        os.close(descriptor)
        fill(path)

    def undo(self) -> None:
        for name in self.names:
            (self.root / name).unlink(missing_ok=True)
        for folder in reversed(self._folders):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _upwards(folder: Path) -> tuple[Path, ...]:
    return (folder, *folder.parents)


def _refuse(root: Path) -> None:
    where = Where(file=str(root))
    if is_workspace(root):
        raise WorkspaceError(
            "This folder is a workspace already.",
            where=where,
            remedy="Work in it; `mergecast init --relay` adds a transport to it.",
        )
    if root == starter().resolve():
        raise WorkspaceError(
            "This folder holds Mergecast's own originals.", where=where, remedy="Name another: `mergecast init DIR`."
        )
    if root.exists() and not root.is_dir():
        raise WorkspaceError("There is a file of that name.", where=where, remedy="Name another folder.")
    if root.exists() and root.stat().st_uid != os.geteuid():
        raise WorkspaceError("This folder belongs to somebody else.", where=where, remedy="Name a folder of your own.")


def _close_to_others(root: Path) -> bool:
    """Take write permission from group and others, without which no command would work here."""
    mode = stat.S_IMODE(root.stat().st_mode)
    if mode & 0o022:
        root.chmod(mode & ~0o022)
    return bool(mode & 0o022)


def _copy_starter(made: _Made) -> None:
    """The invitation, all layouts and blocks to build on, and a sheet that fits."""
    originals = starter()
    templates = originals / "templates"
    made.copy(templates / TEMPLATE, f"templates/{TEMPLATE}")
    for folder in ("layouts", "blocks"):
        for source in sorted((templates / folder).glob("*")):
            if source.is_file():
                made.copy(source, f"templates/{folder}/{source.name}")
    made.copy(originals / SAMPLE, SHEET)


def _settings(zone: str, relay: Relay | None) -> str:
    return _SETTINGS.format(zone=json.dumps(zone, ensure_ascii=False), sender=sender_line(relay), relay=RELAYS[relay])


_SETTINGS = """\
# Mergecast's settings. `mergecast doctor` looks whether they work. Passwords and keys stand in secrets.toml.

zone = {zone}  # send times are in this zone unless they say otherwise
# locale = "en_US"         # how numbers and dates are written, unless a column says otherwise
# public_url = "https://mail.example.org"  # where unsubscribe pages are served
# late_after = "60min"     # a campaign that could not start within this is paused
# give_up_after = "24h"    # how long a deferred mail is tried again
# keep_sheets = true       # keep imported files in sheets/

[sender]
{sender}
# reply_to = "office@example.com"
# also = ["Events <events@example.com>"]  # further senders that a campaign may choose

# Until a transport is set up, mails are written to mail/ on this computer: nobody receives anything.
{relay}"""

_GITIGNORE = """\
secrets.toml
mergecast.db*
mail/
sheets/
previews/
inbox/
"""
