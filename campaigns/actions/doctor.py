"""`mergecast doctor`: looks at everything that a campaign needs, and says what to do about each fault."""

import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from campaigns.actions import doctor_disk as disk
from campaigns.actions.backup_files import secret_files
from campaigns.actions.desk import Desk
from campaigns.actions.doctor_check import Check, CheckState, bad, good
from campaigns.actions.doctor_clock import kept_in_time
from campaigns.actions.doctor_disk import Sizes
from campaigns.actions.doctor_routes import led
from campaigns.actions.held import held
from campaigns.clock import Clock, SystemClock
from campaigns.errors import MergecastError
from campaigns.model.duration import in_words
from campaigns.settings import load_settings
from campaigns.settings_file import SECRETS_FILE
from campaigns.store import history, workers
from campaigns.store.engine import Store
from campaigns.store.migrate import open_store
from campaigns.workspace import Workspace, refuse_foreign

_OLD_BACKUP = timedelta(days=7)

Probe = Callable[[], Sequence[Check]]
Probes = Callable[[Workspace], Sequence[Probe]]


@dataclass(frozen=True, slots=True)
class DoctorResult:
    checks: tuple[Check, ...]
    sizes: Sizes  # empty where workspace or settings cannot be read

    @property
    def well(self) -> bool:
        return all(check.state is not CheckState.BAD for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        checks = [asdict(check) | {"state": str(check.state)} for check in self.checks]
        return {"checks": checks, "sizes": self.sizes.as_json()}


def doctor(
    root: Path, env: Mapping[str, str], probes: Probes = lambda _workspace: (), clock: Clock | None = None
) -> DoctorResult:
    """Look at the workspace in `root`; `probes` makes one probe a transport, each may take some seconds."""
    sizes = Sizes()
    return DoctorResult(tuple(_checks(root, env, probes, clock or SystemClock(), sizes)), sizes)


def _checks(root: Path, env: Mapping[str, str], probes: Probes, clock: Clock, sizes: Sizes) -> Iterator[Check]:
    """One after the other; what the rest depends on ends it."""
    try:
        refuse_foreign(root)
        yield good("workspace", f"{root} is yours alone to change.")
    except MergecastError as error:
        yield bad("workspace", error)
        return
    try:
        workspace = Workspace(root, load_settings(root, env, secrets=True))
        yield good("settings", f"The settings can be read; send times are in {workspace.settings.zone}.")
    except MergecastError as error:
        yield bad("settings", error)
        return
    yield _secrets(workspace)
    yield _sender(workspace)
    yield from led(workspace.settings)
    yield from _database(workspace, clock, sizes)
    yield from disk.look(workspace, sizes)
    yield from kept_in_time()
    for probe in probes(workspace):
        yield from probe()


def _secrets(workspace: Workspace) -> Check:
    """Reading the settings has refused bad modes; what is left to say is whether there are any."""
    names = sorted(path.name for path in secret_files(workspace) if path.exists())
    if names:
        return good("secrets", f"{', '.join(names)} can be read by you alone.")
    return good("secrets", f"There is no {SECRETS_FILE}; secrets may come from the environment.")


def _sender(workspace: Workspace) -> Check:
    sender = workspace.settings.sender.from_
    remedy = "Set `from` under [sender] in mergecast.toml."
    if not sender:
        return Check("sender", CheckState.WARN, "No sender is set.", remedy)
    if sender.rstrip(">").endswith(("@example.com", "you@gmail.com")):
        return Check("sender", CheckState.WARN, f"The sender is still the example: {sender}.", remedy)
    return good("sender", f"Mails are from {sender}.")


def _database(workspace: Workspace, clock: Clock, sizes: Sizes) -> Iterator[Check]:
    try:
        store = open_store(workspace.database_url)
    except MergecastError as error:
        yield bad("database", error)
        return
    try:
        yield _integrity(store)
        yield _worker(store, clock)
        yield _backup(store, clock)
        yield disk.tables(store, sizes)
        yield _origin(Desk(workspace, store, "", clock))
    except MergecastError as error:
        yield bad("database", error)
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
    return good("database", "The database is whole and of the right version.")


def _worker(store: Store, clock: Clock) -> Check:
    with store.read() as conn:
        worker = workers.alive(conn, clock.now())
    if worker is None:
        remedy = "Run `mergecast run` on a computer that stays awake."
        return Check("worker", CheckState.WARN, "No worker is running: nothing leaves.", remedy)
    ago = in_words(clock.now() - worker.beat_at)
    return good("worker", f"A worker runs on {worker.host} (process {worker.pid}); its last sign was {ago} ago.")


def _backup(store: Store, clock: Clock) -> Check:
    """One is asked for as soon as there is something that cannot be imported again."""
    remedy = "Run `mergecast backup FILE` every day, and keep the files on another computer."
    with store.read() as conn:
        last, sent = history.last_at(conn, "backup"), history.last_at(conn, "send")
    if last is None:
        state = CheckState.GOOD if sent is None else CheckState.WARN
        return Check("backup", state, "No backup was made yet.", remedy)
    age = clock.now() - last
    state = CheckState.WARN if age > _OLD_BACKUP else CheckState.GOOD
    return Check("backup", state, f"The last backup was made {in_words(age)} ago.", remedy if age > _OLD_BACKUP else "")


def _origin(desk: Desk) -> Check:
    found = held(desk)
    if found is not None:
        return Check("origin", CheckState.BAD, found.sentence, found.remedy)
    return good("origin", "Nothing waits in the database that another copy of it may have sent.")
