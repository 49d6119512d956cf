"""Suppress: people and whole domains that are never mailed again, one by one or from a file.

A person is named by an address, a domain as `@example.com`. What is queued for them is settled at once, so that status
tells; the lease looks again anyway.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaigns.actions.desk import Desk
from campaigns.actions.suppression_file import lines_of
from campaigns.errors import UsageError
from campaigns.model.finding import Finding, FindingTally
from campaigns.model.states import Severity, SuppressionReason
from campaigns.recipients.addresses import AddressReader
from campaigns.store import history, suppressions
from campaigns.store.suppressions import Suppression

HEADER = ("address", "reason", "source", "campaign", "at", "who")
_AT_ONCE = 2_000  # people of one transaction


@dataclass(frozen=True, slots=True)
class Suppressed:
    """What an `add` or `import` did."""

    added: int
    known: int  # suppressed already
    stopped: int  # queued messages that will not leave
    findings: tuple[Finding, ...] = ()  # lines of a file that hold no address

    @property
    def needs_a_person(self) -> bool:
        return bool(self.findings)

    def as_json(self) -> dict[str, Any]:
        findings = [finding.as_json() for finding in self.findings]
        return {"added": self.added, "known": self.known, "stopped": self.stopped, "findings": findings}


@dataclass(frozen=True, slots=True)
class Removed:
    removed: int

    def as_json(self) -> dict[str, Any]:
        return {"removed": self.removed}


@dataclass(frozen=True, slots=True)
class Exported:
    file: str
    written: int

    def as_json(self) -> dict[str, Any]:
        return {"file": self.file, "written": self.written}


@dataclass(frozen=True, slots=True)
class SuppressionList:
    suppressions: list[Suppression]

    def as_json(self) -> dict[str, Any]:
        return {"suppressions": [dict(zip(HEADER, _line(one), strict=True)) for one in self.suppressions]}


@dataclass(slots=True)
class _Sum:
    added: int = 0
    known: int = 0
    stopped: int = 0


def add(
    desk: Desk, what: Sequence[str], *, reason: SuppressionReason = SuppressionReason.MANUAL, source: str = ""
) -> Suppressed:
    """Suppress addresses and domains; UsageError for one that is neither, and then none is."""
    reader = AddressReader()
    named = [_read(reader, one) for one in what]
    total = _Sum()
    _suppress(desk, named, reason, source, verb="suppress add", total=total)
    return Suppressed(total.added, total.known, total.stopped)


def import_file(
    desk: Desk, path: Path, *, reason: SuppressionReason = SuppressionReason.MANUAL, source: str = ""
) -> Suppressed:
    """Suppress everybody in a .csv or .txt file, for the reason that stands in their line, else for `reason`."""
    reader, tally, total = AddressReader(), FindingTally(), _Sum()
    batch: dict[SuppressionReason, list[tuple[str, str]]] = {}
    for line in lines_of(path):
        try:
            named = _read(reader, line.what)
        except UsageError as error:
            tally.add(_no_address(error.sentence), line.row)
            continue
        waiting = batch.setdefault(line.reason or reason, [])
        waiting.append(named)
        if len(waiting) == _AT_ONCE:
            _suppress(desk, waiting, line.reason or reason, source or path.name, verb="suppress import", total=total)
            waiting.clear()
    for why, waiting in batch.items():
        _suppress(desk, waiting, why, source or path.name, verb="suppress import", total=total)
    return Suppressed(total.added, total.known, total.stopped, tuple(tally.findings()))


def remove(desk: Desk, what: Sequence[str]) -> Removed:
    """Lift suppressions; UsageError if one of them is none, and then all stay."""
    reader = AddressReader()
    with desk.store.write() as conn:
        for one in what:
            local, domain = _read(reader, one)
            named = f"{local}@{domain}"
            if not suppressions.remove(conn, named):
                raise UsageError(f"{one} is not suppressed.", remedy="See who is: `mergecast suppress list`.")
            history.record(
                conn,
                at=desk.clock.now(),
                who=desk.who,
                verb="suppress remove",
                thing="suppression",
                detail={"what": named},
            )
    return Removed(len(what))


def listed(desk: Desk) -> SuppressionList:
    """Everybody who is suppressed, in the order in which they were added."""
    return SuppressionList(list(_all(desk)))


def export_file(desk: Desk, path: Path) -> Exported:
    """All of them as a CSV file that `import_file` reads back."""
    written = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # Excel takes UTF-8 only with a BOM
        lines = csv.writer(file)
        lines.writerow(HEADER)
        for one in _all(desk):
            lines.writerow(_line(one))
            written += 1
    return Exported(str(path), written)


def _suppress(
    desk: Desk, named: Sequence[tuple[str, str]], reason: SuppressionReason, source: str, *, verb: str, total: _Sum
) -> None:
    """One transaction; then, for whole domains, as many as their queued messages need."""
    if not named:
        return
    people = {f"{local}@{domain}": domain for local, domain in named if local}
    domains = {domain for local, domain in named if not local}
    now = desk.clock.now()
    with desk.store.write() as conn:
        done = suppressions.add(conn, people, domains, reason=reason, source=source, at=now, who=desk.who)
        total.added += done.new
        total.known += len(named) - done.new
        total.stopped += suppressions.stop_queued(conn, done.address_ids, now)
        detail = {"reason": str(reason), "source": source, "added": done.new}
        if len(named) == 1:
            detail["what"] = "@".join(named[0])
        history.record(conn, at=now, who=desk.who, verb=verb, thing="suppression", detail=detail)
    for domain in domains:
        total.stopped += _stop_domain(desk, domain)


def _stop_domain(desk: Desk, domain: str) -> int:
    with desk.store.read() as conn:
        ids = suppressions.people_of(conn, domain)
    stopped = 0
    for start in range(0, len(ids), _AT_ONCE):
        with desk.store.write() as conn:
            stopped += suppressions.stop_queued(conn, ids[start : start + _AT_ONCE], desk.clock.now())
    return stopped


def _read(reader: AddressReader, what: str) -> tuple[str, str]:
    """(local part, domain), folded; the local part of a whole domain is empty."""
    text = what.strip()
    whole = text.startswith("@")
    found = reader.read(f"everybody{text}" if whole else text)
    if isinstance(found, str):
        sentence = f"{text} is no domain." if whole else found
        raise UsageError(sentence, remedy="Name a person as ada@example.org, everybody of a domain as @example.org.")
    return ("" if whole else found.folded.rpartition("@")[0], found.domain)


def _all(desk: Desk) -> Iterator[Suppression]:
    after = 0
    while True:
        with desk.store.read() as conn:
            page = suppressions.page(conn, after=after, limit=_AT_ONCE)
        if not page:
            return
        yield from page
        after = page[-1].id


def _line(one: Suppression) -> tuple[str, ...]:
    return (one.what, str(one.reason), one.source, one.campaign, one.at.isoformat(), one.who)


def _no_address(sentence: str) -> Finding:
    return Finding(
        code="no_address",
        severity=Severity.LEAVES_OUT,
        sentence=sentence,
        remedy="Mend these lines and import the file again; those who are suppressed already stay so.",
    )
