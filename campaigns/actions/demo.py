"""The workspace of `mergecast demo`: made anew each time, in a folder that only a demo may empty."""

import shutil
from pathlib import Path

from campaigns.actions.init import init
from campaigns.clock import Clock
from campaigns.errors import Where, WorkspaceError
from campaigns.starter import starter
from campaigns.workspace import Workspace

FOLDER = "mergecast-demo"
MARKER = ".mergecast-demo"  # says that `demo` made this folder and may empty it


def demo_workspace(here: Path, zone: str, clock: Clock | None = None) -> Workspace:
    """A fresh workspace with the sample templates and sheets; WorkspaceError where the folder is somebody's own."""
    root = here / FOLDER
    if root.exists():
        _empty(root)
    workspace = init(root, zone=zone, clock=clock, example=False).workspace
    (root / MARKER).touch()
    for folder in ("templates", "sample_data"):
        shutil.copytree(
            starter() / folder, root / folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py", "__pycache__")
        )
    return workspace


def _empty(root: Path) -> None:
    if root.is_symlink() or not (root / MARKER).is_file():
        raise WorkspaceError(
            "This folder was not made by `mergecast demo`, so the demo does not empty it.",
            where=Where(file=str(root)),
            remedy="Run the demo in another folder, or move this one away.",
        )
    shutil.rmtree(root)
