"""`mergecast doctor`: looks at everything that a campaign needs, and says what to do about each fault."""

import shutil
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from campaigns.actions.desk import Desk
from campaigns.actions.filesystem import filesystem_of, is_network
from campaigns.actions.held import held
from campaigns.clock import Clock, SystemClock
from campaigns.errors import MergecastError
from campaigns.model.duration import in_words
from campaigns.settings import load_settings
from campaigns.settings_file import SECRETS_FILE
from campaigns.store import workers
from campaigns.store.engine import Store
from campaigns.store.migrate import open_store
from campaigns.workspace import Workspace, refuse_foreign

LITTLE_DISK = 2**30  # bytes: a campaign of a million people needs about half of it
NO_DISK = 100 * 2**20  # the worker leases nothing below this


class CheckState(StrEnum):
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    state: CheckState
    sentence: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class DoctorResult:
    checks: tuple[Check, ...]

    @property
    def well(self) -> bool:
        return all(check.state is not CheckState.BAD for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        return {"checks": [asdict(check) | {"state": str(check.state)} for check in self.checks]}


Probe = Callable[[], Check]


def doctor(
    root: Path,
    env: Mapping[str, str],
    probes: Callable[[Workspace], Sequence[Probe]] = lambda _workspace: (),
    clock: Clock | None = None,
) -> DoctorResult:
    """Look at the workspace in `root`; `probes` makes one probe a transport, each may take some seconds."""
    return DoctorResult(tuple(_checks(root, env, probes, clock or SystemClock())))


def _checks(
    root: Path, env: Mapping[str, str], probes: Callable[[Workspace], Sequence[Probe]], clock: Clock
) -> Iterator[Check]:
    """One after the other; what the rest depends on ends it."""
    try:
        refuse_foreign(root)
        yield _good("workspace", f"{root} is yours alone to change.")
    except MergecastError as error:
        yield _bad("workspace", error)
        return
    try:
        workspace = Workspace(root, load_settings(root, env, secrets=True))
        yield _good("settings", f"The settings can be read; send times are in {workspace.settings.zone}.")
    except MergecastError as error:
        yield _bad("settings", error)
        return
    yield _secrets(root)
    yield _sender(workspace)
    yield from _database(workspace, clock)
    yield _share(root)
    yield _disk(root)
    for probe in probes(workspace):
        yield probe()


def _good(name: str, sentence: str) -> Check:
    return Check(name, CheckState.GOOD, sentence)


def _bad(name: str, error: MergecastError) -> Check:
    place = str(error.where)
    sentence = f"{error.sentence} ({place})" if place else error.sentence
    return Check(name, CheckState.BAD, sentence, error.remedy)


def _secrets(root: Path) -> Check:
    """Reading the settings has refused bad modes; what is left to say is whether there are any."""
    if (root / SECRETS_FILE).exists():
        return _good("secrets", f"{SECRETS_FILE} can be read by you alone.")
    return _good("secrets", f"There is no {SECRETS_FILE}; secrets may come from the environment.")


def _sender(workspace: Workspace) -> Check:
    sender = workspace.settings.sender.from_
    remedy = "Set `from` under [sender] in mergecast.toml."
    if not sender:
        return Check("sender", CheckState.WARN, "No sender is set.", remedy)
    if sender.rstrip(">").endswith(("@example.com", "you@gmail.com")):
        return Check("sender", CheckState.WARN, f"The sender is still the example: {sender}.", remedy)
    return _good("sender", f"Mails are from {sender}.")


def _database(workspace: Workspace, clock: Clock) -> Iterator[Check]:
    try:
        store = open_store(workspace.database_url)
    except MergecastError as error:
        yield _bad("database", error)
        return
    try:
        yield _integrity(store)
        yield _worker(store, clock)
        yield _origin(Desk(workspace, store, "", clock))
    except MergecastError as error:
        yield _bad("database", error)
    finally:
        store.close()


def _integrity(store: Store) -> Check:
    with store.read() as conn:
        found = str(conn.exec_driver_sql("PRAGMA quick_check(1)").scalar())
    if found != "ok":
        return Check("database", CheckState.BAD, f"The database is damaged: {found}.", "Restore it from a backup.")
    if store.path and stat.S_IMODE(store.path.stat().st_mode) & 0o077:
        sentence = "Others on this computer may read the database, addresses and all."
        return Check("database", CheckState.BAD, sentence, f"Run `chmod 600 {store.path}`.")
    return _good("database", "The database is whole and of the right version.")


def _worker(store: Store, clock: Clock) -> Check:
    with store.read() as conn:
        worker = workers.alive(conn, clock.now())
    if worker is None:
        remedy = "Run `mergecast run` on a computer that stays awake."
        return Check("worker", CheckState.WARN, "No worker is running: nothing leaves.", remedy)
    ago = in_words(clock.now() - worker.beat_at)
    return _good("worker", f"A worker runs on {worker.host} (process {worker.pid}); its last sign was {ago} ago.")


def _origin(desk: Desk) -> Check:
    found = held(desk)
    if found is not None:
        return Check("origin", CheckState.BAD, found.sentence, found.remedy)
    return _good("origin", "Nothing waits in the database that another copy of it may have sent.")


def _share(root: Path) -> Check:
    kind = filesystem_of(root)
    if is_network(kind):
        sentence = f"The workspace lies on a network share ({kind}): its locks cannot be relied on."
        return Check("share", CheckState.BAD, sentence, "Move the workspace to a disk of the computer that sends.")
    return _good("share", f"The workspace lies on a disk of this computer{f' ({kind})' if kind else ''}.")


def _disk(root: Path) -> Check:
    free = shutil.disk_usage(root).free
    said = f"{free / 1e9:,.1f} GB are free."
    if free < NO_DISK:
        return Check(
            "disk", CheckState.BAD, f"The disk is nearly full: {said}", "Make room: nothing is sent until then."
        )
    if free < LITTLE_DISK:
        return Check("disk", CheckState.WARN, f"The disk fills up: {said}", "Make room before a large campaign.")
    return _good("disk", said)
