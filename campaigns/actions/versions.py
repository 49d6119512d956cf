"""`mergecast versions`: what was kept of a template, who used it, and what has changed since."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from campaigns.actions.desk import Desk
from campaigns.actions.naming import did_you_mean
from campaigns.clock import from_micros
from campaigns.compose.source import TemplateSource, load_template, names_of, said, template_name
from campaigns.errors import TemplateError, UsageError
from campaigns.store import versions
from campaigns.store.engine import Connection
from campaigns.store.versions import Use, Version


@dataclass(frozen=True, slots=True)
class VersionList:
    template: str
    versions: Sequence[Version]
    uses: Sequence[Use]
    now: int | None  # the version that the files are now; None if they are none, or cannot be used

    def as_json(self) -> dict[str, Any]:
        return {
            "template": self.template,
            "versions": [
                {
                    "version": one.number,
                    "at": from_micros(one.at).isoformat(),
                    "who": one.who,
                    "now": one.number == self.now,
                    "campaigns": [
                        {
                            "campaign": use.campaign,
                            "state": str(use.state),
                            "messages": use.messages,
                            "proofs": use.proofs,
                        }
                        for use in self.uses
                        if use.version_id == one.id
                    ],
                }
                for one in self.versions
            ],
        }


@dataclass(frozen=True, slots=True)
class FileDiff:
    file: str
    lines: Sequence[str]  # of a unified diff

    def as_json(self) -> dict[str, Any]:
        return {"file": self.file, "diff": "".join(self.lines)}


@dataclass(frozen=True, slots=True)
class Diff:
    """From one version to another; None stands for the files as they are now."""

    template: str
    before: int
    after: int | None
    files: Sequence[FileDiff]  # those that differ

    def as_json(self) -> dict[str, Any]:
        return {
            "template": self.template,
            "from": self.before,
            "to": self.after,
            "files": [file.as_json() for file in self.files],
        }


def listed(desk: Desk, template: str) -> VersionList:
    """All versions of a template, and the campaigns that used them; UsageError if none is kept."""
    with desk.store.read() as conn:
        name, kept = kept_of(desk, conn, template)
        hashes = {versions.sha256_of(conn, one.id): one.number for one in kept}
        return VersionList(name, kept, versions.uses(conn, name), hashes.get(_hash_now(desk, name)))


def diff(desk: Desk, template: str, before: int | None = None, after: int | None = None) -> Diff:
    """What changed from version `before`, the newest unless given, to `after`, the files as they are unless given."""
    with desk.store.read() as conn:
        name, kept = kept_of(desk, conn, template)
        old = numbered(name, kept, before) if before is not None else kept[-1]
        new = numbered(name, kept, after) if after is not None else None
        then = source_of(conn, old).files
        now = load_template(desk.workspace.root, name).files if new is None else source_of(conn, new).files
    return Diff(name, old.number, after, list(_differing(name, then, now, _label(old.number), _label(after))))


def kept_of(desk: Desk, conn: Connection, template: str) -> tuple[str, list[Version]]:
    """A template's name and its versions, whether its file is still there or not; UsageError if none is kept."""
    name = _name(desk, conn, template)
    kept = versions.of_template(conn, name)
    if not kept:
        raise UsageError(
            f"No version of {said(name)} is kept yet.",
            remedy="A version is kept when a campaign is checked, or a proof is sent.",
        )
    return name, kept


def numbered(name: str, kept: Sequence[Version], number: int) -> Version:
    """The version of that number; UsageError, with how many there are."""
    if not 1 <= number <= len(kept):
        there = "version 1 alone" if len(kept) == 1 else f"versions 1 to {len(kept)}"
        raise UsageError(f"{said(name)} has no version {number}.", remedy=f"It has {there}.")
    return kept[number - 1]


def source_of(conn: Connection, version: Version) -> TemplateSource:
    return TemplateSource.unpack(versions.source_of(conn, version.id))


def _name(desk: Desk, conn: Connection, template: str) -> str:
    known = versions.templates(conn)
    try:
        return template_name(desk.workspace.root, template)
    except TemplateError:
        found = names_of(known, template)
    if len(found) != 1:
        raise UsageError(
            f"There are several templates {template!r}." if found else f"There is no template {template!r}.",
            remedy=did_you_mean(template, [said(name) for name in (found or known)], "template"),
        )
    return found[0]


def _hash_now(desk: Desk, name: str) -> str:
    try:
        return load_template(desk.workspace.root, name).sha256
    except TemplateError:
        return ""


def _label(number: int | None) -> str:
    return "now" if number is None else f"version {number}"


def _differing(
    template: str, then: Mapping[str, str], now: Mapping[str, str], before: str, after: str
) -> Iterator[FileDiff]:
    """Files that are not the same, the template first."""
    for name in dict.fromkeys((template, *then, *now)):
        if then.get(name) == now.get(name):
            continue
        old = f"{said(name)} ({before})" if name in then else "/dev/null"
        new = f"{said(name)} ({after})" if name in now else "/dev/null"
        lines = unified_diff(_lines(then.get(name, "")), _lines(now.get(name, "")), old, new)
        yield FileDiff(said(name), [_ended(line) for line in lines])


def _lines(text: str) -> list[str]:
    """Lines with their ends; only \\n ends a line here."""
    *lines, rest = text.split("\n")
    return [f"{line}\n" for line in lines] + ([rest] if rest else [])


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
