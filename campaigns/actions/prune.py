"""`mergecast prune`: what mails and sheets said goes after a while; what became of them stays."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from campaigns.actions.desk import Desk
from campaigns.actions.import_list import kept_file
from campaigns.actions.old_rehearsals import old_rehearsals, remove
from campaigns.actions.progress import Progress, silent
from campaigns.clock import to_micros
from campaigns.errors import UsageError
from campaigns.model.duration import text_of
from campaigns.model.states import Wave
from campaigns.store import files, history, pruning
from campaigns.store.engine import Connection
from campaigns.store.kept_files import KeptFiles
from campaigns.store.pruning import Amount, OldSheet
from campaigns.store.space import Compacted, compact

SHORTEST = timedelta(days=1)
_AT_ONCE = 2_000  # rows of one transaction: 20 ms


@dataclass(slots=True)
class Prunable:
    """What there is to drop, or what was dropped."""

    messages: Amount = field(default_factory=Amount)  # their values
    shapes: Amount = field(default_factory=Amount)
    constants: Amount = field(default_factory=Amount)
    attachments: Amount = field(default_factory=Amount)  # the copies that were kept
    rows: Amount = field(default_factory=Amount)  # of old sheets: their cells
    sheets: Amount = field(default_factory=Amount)  # their files
    rehearsals: Amount = field(default_factory=Amount)

    @property
    def nothing(self) -> bool:
        return not any(getattr(self, one.name).count for one in fields(self))

    def as_json(self) -> dict[str, Any]:
        amounts = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: {"count": amount.count, "bytes": amount.size} for name, amount in amounts.items()}


@dataclass(frozen=True, slots=True)
class Pruned:
    older: timedelta
    before: datetime
    dropped: Prunable
    database: Compacted

    def as_json(self) -> dict[str, Any]:
        database = {"bytes_before": self.database.before, "bytes_after": self.database.after}
        return {
            "older": text_of(self.older),
            "before": self.before.isoformat(),
            "dropped": self.dropped.as_json(),
            "database": {**database, "why_not_smaller": self.database.why_not},
        }


def prune(desk: Desk, older: timedelta, confirm: Callable[[Prunable], bool], progress: Progress = silent) -> Pruned:
    """Drop what was settled longer ago than `older`, batch by batch, then give the room back; UsageError.

    `confirm` sees what there is before anything goes. `progress` is told messages. Stopped anywhere, it is gone on with
    by the next call.
    """
    if older < SHORTEST:
        raise UsageError(f"{text_of(older)} is too short a time.", remedy="Take a day or more, like `--older 180d`.")
    now = desk.clock.now()
    cut = _Cut(desk, now - older, to_micros(now - older), to_micros(now))
    found = _look(cut)
    dropped = Prunable()
    if not found.nothing:
        if not confirm(found):
            raise UsageError("Nothing was pruned: nobody said yes.")
        _drop_content(cut, dropped, found.messages.count, progress)
        _drop_constants(cut, dropped)
        _drop_sheets(cut, dropped)
        _drop_rehearsals(cut, dropped)
    return Pruned(older, cut.instant, dropped, compact(desk.store))


@dataclass(frozen=True, slots=True)
class _Cut:
    desk: Desk
    instant: datetime
    before: int  # the same in microseconds
    now: int

    def remember(self, conn: Connection, thing: str, thing_id: int | None, **detail: Any) -> None:
        history.record(
            conn,
            at=self.desk.clock.now(),
            who=self.desk.who,
            verb="prune",
            thing=thing,
            thing_id=thing_id,
            detail={"before": self.instant.isoformat(), **detail},
        )


def _look(cut: _Cut) -> Prunable:
    """What would go; constants are not counted beforehand, since they are shared between shapes."""
    found, emptied = Prunable(), []
    with cut.desk.store.read() as conn:
        for campaign_id, _ in pruning.over(conn, before=cut.before):
            needed = pruning.needed_shapes(conn, campaign_id, before=cut.before)
            found.messages += pruning.content(conn, campaign_id, before=cut.before)
            found.shapes += pruning.unneeded_shapes(conn, campaign_id, needed)
            emptied += [campaign_id] if not needed else []
        found.attachments = pruning.unneeded_files(conn, emptied)
        old = pruning.old_sheets(conn, before=cut.before, emptied=emptied)
        for sheet in old:
            found.rows += pruning.cells(conn, sheet.id)
        last_of = {sheet.sha256: sheet for sheet in old}  # sheets of one file count it once
        for sheet in last_of.values():
            alone = pruning.has_file_alone(conn, sheet, besides=[one.id for one in old])
            found.sheets += _file_of(cut, sheet) if alone else Amount()
    for mails in old_rehearsals(cut.desk, cut.instant.timestamp()):
        found.rehearsals += Amount(len(mails), sum(size for _, size in mails))
    return found


def _drop_content(cut: _Cut, dropped: Prunable, total: int, progress: Progress) -> None:
    with cut.desk.store.read() as conn:
        campaigns = pruning.over(conn, before=cut.before)
    for campaign_id, name in campaigns:
        for ids in _settled(cut, campaign_id):
            with cut.desk.store.write() as conn:
                if _begun(cut, conn, campaign_id, name):
                    dropped.messages += pruning.drop_slots(conn, ids, before=cut.before)
            progress(dropped.messages.count, total)
        _drop_shapes(cut, dropped, campaign_id, name)
        _drop_attachments(cut, dropped, campaign_id, name)


def _settled(cut: _Cut, campaign_id: int) -> Iterator[Sequence[int]]:
    """Ids of messages whose values go, read batch by batch, each before it is asked for."""
    for state, wave in product(pruning.PRUNABLE, Wave):
        after = 0
        while True:
            with cut.desk.store.read() as conn:
                ids = pruning.settled_page(
                    conn, campaign_id, state, wave, before=cut.before, after=after, limit=_AT_ONCE
                )
            if not ids:
                break
            yield ids
            after = ids[-1]


def _begun(cut: _Cut, conn: Connection, campaign_id: int, name: str) -> bool:
    """Whether the campaign is still over; from its first transaction on it says that it was pruned."""
    first = pruning.begin(conn, campaign_id, at=cut.now)
    if first:
        cut.remember(conn, "campaign", campaign_id, name=name)
    return first is not None


def _drop_shapes(cut: _Cut, dropped: Prunable, campaign_id: int, name: str) -> None:
    with cut.desk.store.read() as conn:  # a look at every message, so outside of any writer's time
        since = pruning.last_message(conn)
        needed = pruning.needed_shapes(conn, campaign_id, before=0)
        ids = [number for number in pruning.shape_ids(conn, campaign_id) if number not in needed]
    for start in range(0, len(ids), _AT_ONCE):
        with cut.desk.store.write() as conn:
            if _begun(cut, conn, campaign_id, name):
                some = ids[start : start + _AT_ONCE]
                dropped.shapes += pruning.drop_shapes(conn, campaign_id, some, since=since)


def _drop_attachments(cut: _Cut, dropped: Prunable, campaign_id: int, name: str) -> None:
    """Those of a campaign none of whose mails can be made any more, where no other one carries them."""
    kept, taken = KeptFiles(cut.desk.workspace.root), _AT_ONCE
    while taken == _AT_ONCE:
        with cut.desk.store.write() as conn:
            if pruning.has_shapes(conn, campaign_id) or not _begun(cut, conn, campaign_id, name):
                return
            mine = pruning.unneeded_files(conn, [campaign_id])
            taken = files.forget_some(conn, campaign_id, limit=_AT_ONCE, kept=kept)
            dropped.attachments += mine - pruning.unneeded_files(conn, [campaign_id])


def _drop_constants(cut: _Cut, dropped: Prunable) -> None:
    with cut.desk.store.read() as conn:
        unused = pruning.versions_without_shapes(conn)
    for version_id in unused:
        gone = Amount(_AT_ONCE)
        while gone.count == _AT_ONCE:
            with cut.desk.store.write() as conn:
                gone = pruning.drop_constants(conn, version_id, limit=_AT_ONCE)
            dropped.constants += gone


def _drop_sheets(cut: _Cut, dropped: Prunable) -> None:
    with cut.desk.store.read() as conn:
        old = pruning.old_sheets(conn, before=cut.before)
    for sheet in old:
        after: int | None = 0
        while after is not None:
            with cut.desk.store.write() as conn:
                if not pruning.is_old(conn, sheet, before=cut.before):
                    break
                emptied, after = pruning.empty_rows(conn, sheet.id, after=after, limit=_AT_ONCE)
                dropped.rows += emptied
                if after is None:
                    dropped.sheets += _finished(cut, conn, sheet)


def _finished(cut: _Cut, conn: Connection, sheet: OldSheet) -> Amount:
    """Within the transaction, so that no import counts on the file: it looks at the same rows."""
    cut.remember(conn, "list", sheet.list_id, sheet=sheet.n)
    pruning.finish_sheet(conn, sheet, at=cut.now)
    if not pruning.has_file_alone(conn, sheet):
        return Amount()
    file = _file_of(cut, sheet)
    kept_file(cut.desk.workspace.sheets, sheet.sha256, sheet.file_name).unlink(missing_ok=True)
    return file


def _file_of(cut: _Cut, sheet: OldSheet) -> Amount:
    path = kept_file(cut.desk.workspace.sheets, sheet.sha256, sheet.file_name)
    return Amount(1, path.stat().st_size) if path.exists() else Amount()


def _drop_rehearsals(cut: _Cut, dropped: Prunable) -> None:
    for mails in old_rehearsals(cut.desk, cut.instant.timestamp()):
        dropped.rehearsals += remove(mails)
    if dropped.rehearsals.count:
        with cut.desk.store.write() as conn:
            cut.remember(conn, "workspace", None, rehearsals=dropped.rehearsals.count)
