"""Upgrade: bring an older store up to this Mergecast's tables."""

from dataclasses import dataclass
from typing import Any

from campaigns.actions.desk import whoever
from campaigns.clock import Clock, SystemClock
from campaigns.store import migrate
from campaigns.store.migrate import Upgrade
from campaigns.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Upgraded:
    done: Upgrade

    @property
    def needed(self) -> bool:
        return self.done.before != self.done.after

    def as_json(self) -> dict[str, Any]:
        copy = str(self.done.copy) if self.done.copy else None
        return {"schema": {"before": self.done.before, "after": self.done.after}, "copy": copy}


def upgrade(workspace: Workspace, who: str = "", clock: Clock | None = None) -> Upgraded:
    """Migrate the workspace's store, after a copy; StoreError, WorkerRunningError, and then nothing changed."""
    done = migrate.upgrade_store(workspace.database_url, who=who or whoever(workspace), clock=clock or SystemClock())
    return Upgraded(done)
