"""`mergecast versions restore`: a version's files stand in the workspace again, and nothing that stood there is lost."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaigns.actions.desk import Desk
from campaigns.actions.versions import kept_of, numbered, source_of
from campaigns.compose.source import BUILT_IN, TemplateSource, load_template, place_in, read_text, said, users_of
from campaigns.errors import TemplateError, Where
from campaigns.store import history, versions


@dataclass(frozen=True, slots=True)
class Restored:
    template: str
    version: int
    files: tuple[str, ...]  # those that were written; none if all stood there already
    kept: int | None  # the version that holds what was written over
    differs: tuple[str, ...]  # files that the template uses now, and that are not this version's: see `_differing`
    others: tuple[str, ...] = ()  # other templates that use what was written

    def as_json(self) -> dict[str, Any]:
        return {
            "template": self.template,
            "version": self.version,
            "files": list(self.files),
            "kept": self.kept,
            "differs": list(self.differs),
            "others": list(self.others),
        }


def restore(desk: Desk, template: str, number: int) -> Restored:
    """Write a version's files, layouts and blocks included, over those in the workspace: all of them, or none.

    What they held is kept as a version first. UsageError, TemplateError.
    """
    root = desk.workspace.root
    with desk.store.read() as conn:
        name, kept = kept_of(desk, conn, template)
        version = numbered(name, kept, number)
        source = source_of(conn, version)
    wanted = {file: text for file, text in source.files.items() if file != BUILT_IN}
    there = _there(root, wanted)
    new = {file: text for file, text in wanted.items() if there.get(file) != text}
    if not new:
        return Restored(name, number, (), None, _differing(root, name, source))
    saved = _keep(desk, name, source, there) if any(file in there for file in new) else None
    with desk.store.write() as conn:  # rolled back if a file cannot be written
        detail = {"template": name, "version": number, "kept": saved, "files": list(new)}
        now = desk.clock.now()
        history.record(
            conn, at=now, who=desk.who, verb="versions restore", thing="template", thing_id=version.id, detail=detail
        )
        if _there(root, wanted) != there:
            raise TemplateError(f"{said(name)} was changed meanwhile.", remedy="Save it, then restore again.")
        _write_together({place_in(root, file): text for file, text in new.items()})
    others = tuple(said(other) for other in users_of(root, new) if other != name)
    return Restored(name, number, tuple(map(said, new)), saved, _differing(root, name, source), others)


def _there(root: Path, wanted: Mapping[str, str]) -> dict[str, str]:
    """What the files that may be written over hold; TemplateError for one that no version could hold."""
    return {file: read_text(place, file) for file in wanted if (place := place_in(root, file)).exists()}


def _keep(desk: Desk, name: str, source: TemplateSource, there: Mapping[str, str]) -> int:
    """A version of the template as it is now, with all that is to be written over; its number."""
    try:
        files = dict(load_template(desk.workspace.root, name).files)
    except TemplateError:  # it cannot be used as it is, and is somebody's work all the same
        files = {}
    now = TemplateSource(name, source.kind, files | dict(there))
    with desk.store.write() as conn:
        version_id = versions.keep(
            conn,
            template=name,
            kind=str(now.kind),
            sha256=now.sha256,
            source=now.pack(),
            at=desk.clock.micros(),
            who=desk.who,
        )
        return versions.number_of(conn, version_id)


def _differing(root: Path, name: str, source: TemplateSource) -> tuple[str, ...]:
    """Where the template is still not that version: another file of the same name goes before one of its own, or the
    frame that comes with Mergecast is another by now."""
    try:
        files = load_template(root, name).files
    except TemplateError:
        return (said(name),)
    return tuple(
        said(file) for file in dict.fromkeys((*files, *source.files)) if files.get(file) != source.files.get(file)
    )


def _write_together(texts: Mapping[Path, str]) -> None:
    """Write all files, each whole; if one cannot be, those before it are put back. TemplateError."""
    halves = {path: path.with_name(f".{path.name}.half") for path in texts}
    before = {path: path.read_bytes() if path.exists() else None for path in texts}
    done: list[Path] = []
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(halves[path], text.encode(), like=path)
        for path, half in halves.items():
            half.replace(path)
            done.append(path)
    except OSError as error:
        for path in done:
            _put_back(path, before[path])
        raise TemplateError(
            f"The version was not restored: {error.strerror}. Nothing was changed.",
            where=Where(file=error.filename),
            remedy="Look at the disk, and at the permissions of templates/.",
        ) from error
    finally:
        for half in halves.values():
            with suppress(OSError):
                half.unlink(missing_ok=True)


def _write(path: Path, data: bytes, *, like: Path) -> None:
    """A whole file on the disk, as readable as the one whose place it takes."""
    mode = like.stat().st_mode & 0o777 if like.exists() else 0o666
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _put_back(path: Path, data: bytes | None) -> None:
    with suppress(OSError):
        if data is None:
            path.unlink()
        else:
            path.write_bytes(data)
