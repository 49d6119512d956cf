"""The files of a campaign's mails: found, checked, and kept as they are now, row after row."""

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from campaigns.checks.attachments import (
    PLACE,
    Guard,
    check_file,
    check_weight,
    largest_file,
    refusal,
    too_large,
)
from campaigns.compose.attachments import AttachmentFolder, Found, Named, NoFileError, opened, split
from campaigns.compose.source import TemplateSource
from campaigns.errors import CampaignError, WorkspaceError
from campaigns.message.attachment import Attachment
from campaigns.message.shape import Shape
from campaigns.model.column import CellKind, Column
from campaigns.model.finding import Finding
from campaigns.model.states import RowVerdict, Severity
from campaigns.store import files
from campaigns.store.engine import Connection
from campaigns.store.kept_files import KeptFiles
from campaigns.store.recipients import Recipient

_REMEMBERED = 1_000  # files for several people that are not read again for each row
_FIRST_BYTES = 16  # that tell a program from a document
_FILE_LIKE = re.compile(r"[^@]*\.\w{1,5}\s*$")  # a cell that names a file tells nobody apart

_Taken = tuple[Attachment | None, tuple[Finding, ...]]


class Attached:
    """What one template attaches, fit for `kinds` of transports. `keep` copies each file to where the worker finds it; a preview only reads."""

    def __init__(self, root: Path, source: TemplateSource, *, kinds: Collection[str], keep: bool) -> None:
        fixed, patterns = split(source.front_matter.text("attachments"))
        self.own = bool(patterns)  # whether rows have files of their own
        self.findings: list[Finding] = []  # about the files that all get
        self.guard = Guard()
        self._kept = KeptFiles(root) if keep else None
        self._folder = AttachmentFolder(root)
        self._kinds = kinds
        self._taken: dict[str, _Taken] = {}
        self.shared = tuple({(one.sha256, one.name): one for one in self._fixed(fixed)}.values())

    def __bool__(self) -> bool:
        return self.own or bool(self.shared)

    def on(self, shape: Shape) -> Shape:
        """The shape with the files that all get, and whether there will be others."""
        if self.shared and not self.own:
            weighed = check_weight(self.shared, _pictures(shape), personal=False, kinds=self._kinds)
            self.findings += [finding for finding in weighed if finding not in self.findings]
        bare = tuple(replace(one, data=b"") for one in self.shared)
        return replace(shape, files=bare, own_files=self.own) if self else shape

    def of_row(
        self, row: int, named: Sequence[Named], shape: Shape, *, person: int | None
    ) -> tuple[tuple[Attachment, ...], list[Finding]]:
        """A row's own files and what is wrong with them; with a Finding that leaves the row out they are not to be sent."""
        got: dict[tuple[str, str], Attachment] = {}
        found: list[Finding] = []
        personal = []
        for one in named:
            attachment, about = self._take(one.path, personal=True, several=not one.personal)
            found += about
            if attachment is not None:
                if attachment not in self.shared:
                    got.setdefault((attachment.sha256, attachment.name), attachment)
                if one.personal:
                    personal.append(attachment)
        own = tuple(got.values())
        found += check_weight((*self.shared, *own), _pictures(shape), personal=True, kinds=self._kinds)
        if all(finding.severity is Severity.WARNS for finding in found):
            self.guard.add(row, personal, person=person or -row, any_own=bool(own))
        return own, found

    def link(self, conn: Connection, campaign_id: int, own: files.OwnFiles, *, at: int) -> None:
        """Give a campaign's messages their own files, in the caller's transaction."""
        files.of_recipients(conn, campaign_id, own, self.ids(conn, campaign_id, chain(*own.values()), at=at))

    def ids(
        self, conn: Connection, campaign_id: int, attachments: Iterator[Attachment], *, at: int
    ) -> Mapping[str, int]:
        """The files as the store knows them, the campaign's from now on."""
        wanted = list(attachments)
        ids = files.keep(conn, campaign_id, wanted, at=at)
        for one in wanted:
            if self._kept and not self._kept.has(one.sha256, one.size):  # another check has just removed it
                raise CampaignError(f"The copy of “{one.name}” was removed meanwhile.", remedy="Check once more.")
        return ids

    def sync(self) -> None:
        """Before anything counts on the copies."""
        if self and self._kept:
            self._kept.sync()

    def _fixed(self, paths: Sequence[str]) -> Iterator[Attachment]:
        for path in paths:
            attachment, found = self._take(path, personal=False, several=True)
            self.findings += found
            if attachment is not None:
                yield attachment

    def _take(self, path: str, *, personal: bool, several: bool) -> _Taken:
        if path in self._taken:
            return self._taken[path]
        try:
            taken = self._read(self._folder.find(path), personal)
        except NoFileError as wrong:
            taken = None, (self._no_file(path, wrong, personal),)
        if several and len(self._taken) < _REMEMBERED:
            self._taken[path] = taken
        return taken

    def _read(self, found: Found, personal: bool) -> _Taken:
        most = largest_file(self._kinds)
        heavy = too_large(found.name, personal=personal, kinds=self._kinds)
        if found.size > most:
            return None, (heavy,)
        with opened(found) as file:
            first = file.read(_FIRST_BYTES)
            file.seek(0)
            try:
                if self._kept is None:
                    data = file.read(most + 1)
                    one = Attachment(found.name, hashlib.sha256(data).hexdigest(), len(data), data)
                else:
                    one = Attachment(found.name, *self._kept.keep(file, most))
            except ValueError:  # it grew meanwhile
                return None, (heavy,)
            except OSError as error:
                raise WorkspaceError(
                    f"“{found.name}” cannot be copied: {error.strerror}.",
                    remedy="Look whether the disk is full, and who may write to attachments/.kept.",
                ) from error
        about = tuple(check_file(one, first, personal=personal, kinds=self._kinds))
        return one, about

    @staticmethod
    def _no_file(path: str, wrong: NoFileError, personal: bool) -> Finding:
        shown = "".join(one if one.isprintable() else "�" for one in path[:80])
        return Finding(wrong.code, refusal(personal), f"“{shown}” {wrong.words}.", wrong.remedy, PLACE)


def _pictures(shape: Shape) -> int:
    return sum(len(image.data) for image in shape.images)


def tell_apart(guard: Guard, columns: Sequence[Column], people: Iterator[Recipient]) -> None:
    """Show the guard what tells each row's person from others: the address, texts and numbers."""
    places = [column.place for column in columns if column.kind in (CellKind.TEXT, CellKind.NUMBER)]
    for one in people:
        if one.verdict in (RowVerdict.DUPLICATE, RowVerdict.JOINED):  # the same person once more
            continue
        cells = json.loads(one.cells)
        shown = [cell[0] if isinstance(cell, list) else cell for cell in (cells[place] for place in places)]
        values = [text for text in shown if isinstance(text, str) and not _FILE_LIKE.match(text)]
        if one.folded:
            values += [one.folded, one.folded.rpartition("@")[0]]
        guard.look(one.row, values)
