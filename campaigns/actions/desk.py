"""What every verb works on: the workspace, its store, who asks, and the clock."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from campaigns.clock import Clock, SystemClock
from campaigns.store.engine import Store
from campaigns.store.migrate import open_store
from campaigns.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Desk:
    workspace: Workspace
    store: Store
    who: str  # for the history
    clock: Clock


@contextmanager
def open_desk(workspace: Workspace, who: str = "", clock: Clock | None = None) -> Iterator[Desk]:
    """The desk of a workspace, its store open until the block ends; StoreError. `who` defaults to the settings' user."""
    store = open_store(workspace.database_url)
    try:
        yield Desk(workspace, store, who or whoever(workspace), clock or SystemClock())
    finally:
        store.close()


def whoever(workspace: Workspace) -> str:
    """The settings' `user` (also MERGECAST_USER), else the login."""
    if workspace.settings.user:
        return workspace.settings.user
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user number has no name
        return "nobody"
