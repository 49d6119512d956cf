"""A template and every layout and block that it uses, read once, kept together, named by one hash."""

import hashlib
import json
import posixpath
import re
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path, PurePosixPath

from campaigns.compose import front_matter
from campaigns.compose.front_matter import FrontMatter
from campaigns.compose.marked import TemplateKind
from campaigns.errors import TemplateError, Where

FOLDER = "templates"
LAYOUTS = f"{FOLDER}/layouts"
BLOCKS = f"{FOLDER}/blocks"
BUILT_IN = "mergecast/plain.html"  # the frame of a Markdown template that names no layout
_MOST_BYTES = 1_000_000  # of one file
_MOST_FILES = 64
_WORD_FILES = {".docx": "Word", ".doc": "Word", ".odt": "word processor", ".rtf": "word processor"}
_MAIL_FILES = {".msg": "Outlook", ".eml": "mail", ".oft": "Outlook"}

# Jinja's own tags that name another file. A name that is no constant is refused when the template is compiled.
_USES = re.compile(r"\{%[-+]?\s*(extends|include|import|from)\s+(\"[^\"]*\"|'[^']*')(\s+ignore\s+missing)?")
_SILENT = re.compile(r"\{#.*?#\}|\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\}", re.DOTALL)


@dataclass(frozen=True)
class TemplateSource:
    """One version of a template; the same words have the same `sha256`."""

    name: str  # path from the workspace, with /
    kind: TemplateKind
    files: dict[str, str] = field(repr=False)  # path -> text with \n; the template, then what it uses

    @cached_property
    def front_matter(self) -> FrontMatter:
        return front_matter.parse(self.files[self.name], said(self.name))

    @property
    def layout(self) -> str | None:
        """The file that `layout:` names; Markdown always has one."""
        entry = self.front_matter.entries.get("layout")
        if entry is not None and entry.text:
            return _place(entry.text, self.name, self.files, layout=True)
        return BUILT_IN if self.kind is TemplateKind.MARKDOWN else None

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self._document()).hexdigest()

    def pack(self) -> bytes:
        """The version as it is stored."""
        return zlib.compress(self._document(), 6)

    @staticmethod
    def unpack(stored: bytes) -> "TemplateSource":
        document = json.loads(zlib.decompress(stored))
        return TemplateSource(document["name"], TemplateKind(document["kind"]), document["files"])

    def _document(self) -> bytes:
        document = {"name": self.name, "kind": self.kind, "files": self.files}
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def load_template(workspace_root: Path, name_or_path: str) -> TemplateSource:
    """Read the template `welcome`, `welcome.md` or a path inside the workspace, with all that it uses."""
    root = workspace_root.resolve()
    path = _find(root, name_or_path)
    name = path.relative_to(root).as_posix()
    source = TemplateSource(name, TemplateKind(path.suffix[1:].lower()), {name: _read(path, name)})
    matter = source.front_matter
    if not matter.text("subject"):
        line = matter.entries["subject"].line if "subject" in matter.entries else 1
        raise TemplateError(
            f"{path.name} has no subject.",
            where=Where(file=said(name), line=line),
            remedy="Begin the file with three lines: --- and `subject: Hello {{ first_name }}` and ---",
        )
    if "layout" in matter.entries and matter.text("layout"):
        entry = matter.entries["layout"]
        _add(source, root, entry.text, name, Where(file=said(name), line=entry.line), layout=True)
    _add_used(source, root, name)
    if source.layout == BUILT_IN:
        source.files[BUILT_IN] = Path(__file__).with_name("plain.html").read_text(encoding="utf-8")
    return source


def template_name(workspace_root: Path, name_or_path: str) -> str:
    """What `load_template` would call it, whether it can be used or not; TemplateError if it is not there."""
    root = workspace_root.resolve()
    return _find(root, name_or_path).relative_to(root).as_posix()


def names_of(known: Iterable[str], wanted: str) -> list[str]:
    """Which of the templates `known` a person may mean: those of that name, else of that stem."""
    paths = {name: PurePosixPath(name) for name in known}
    exact = [name for name in paths if wanted in (name, said(name))]
    return exact or [name for name, path in paths.items() if wanted in (path.name, path.stem)]


def place_in(workspace_root: Path, name: str) -> Path:
    """Where a file of a version stands; TemplateError if a link leads elsewhere, or a folder stands there."""
    root = workspace_root.resolve()
    path = root / name
    inside = path.parent.resolve().is_relative_to(root) and not path.is_symlink()
    if path.suffix.lower() not in _kinds() or not inside or path.is_dir():
        raise TemplateError(
            f"{said(name)} cannot be written over: it is a link or a folder, or leads out of the workspace.",
            where=Where(file=said(name)),
            remedy="Move it away, then restore again.",
        )
    return path


def users_of(workspace_root: Path, files: Collection[str]) -> list[str]:
    """The templates in templates/ that use one of `files`; those that cannot be used are passed over."""
    found = []
    for path in sorted((workspace_root / FOLDER).glob("*")):
        if path.suffix.lower() in _kinds():
            with suppress(TemplateError):
                source = load_template(workspace_root, f"{FOLDER}/{path.name}")
                found += [source.name] if source.files.keys() & set(files) else []
    return found


def read_text(path: Path, name: str) -> str:
    """A template's file as it is kept in a version; TemplateError if it is no text."""
    return _read(path, name)


def candidates(name: str, user: str, *, layout: bool = False) -> Iterator[str]:
    """The paths that `name`, written in the file `user`, may stand for; the first that exists counts."""
    here = PurePosixPath(user).parent
    folders = (LAYOUTS, str(here)) if layout else (str(here), FOLDER, LAYOUTS, BLOCKS, "")
    suffixes = ("", ".mjml", ".html", ".md", ".txt") if layout else ("",)
    for folder in folders:
        for suffix in suffixes:
            path = posixpath.normpath(PurePosixPath(folder) / (name + suffix))
            if not path.startswith(("/", "..")):
                yield path


def said(file: str) -> str:
    """A file as people call it."""
    return file.removeprefix(f"{FOLDER}/")


def _place(name: str, user: str, files: dict[str, str], *, layout: bool = False) -> str | None:
    return next((path for path in candidates(name, user, layout=layout) if path in files), None)


def resolved(name: str, user: str, files: dict[str, str]) -> str | None:
    """Which of the packed `files` the file `user` means by `name`."""
    return name if name in files else _place(name, user, files)


def _find(root: Path, wanted: str) -> Path:
    _refuse_documents(wanted)
    given = Path(wanted)
    tries = [root / FOLDER / given, root / given, Path.cwd() / given]
    found = next((path for path in tries if _is_file(path)), None)
    if found is None and given.suffix.lower() not in _kinds():
        found = _by_stem(root, wanted)
    if found is None:
        raise _unknown(root, wanted)
    path = found.resolve()
    if not path.is_relative_to(root):
        raise TemplateError(
            f"{wanted} does not lie in the workspace.",
            where=Where(file=wanted),
            remedy=f"Put it into {root / FOLDER}.",
        )
    if path.suffix.lower() not in _kinds():
        raise TemplateError(
            f"{path.name} is no template.",
            where=Where(file=wanted),
            remedy="A template ends in .md, .mjml, .html or .txt.",
        )
    return path


def _by_stem(root: Path, wanted: str) -> Path | None:
    """In the templates' folder, else in the workspace's own: `merge` makes that around a template that lies there."""
    for place in (root / FOLDER, root):
        there = [path for path in (place / f"{wanted}{kind}" for kind in _kinds()) if _is_file(path)]
        if len(there) > 1:
            raise TemplateError(
                f"There are several templates “{wanted}”: {', '.join(path.name for path in there)}.",
                remedy="Name one with its ending.",
            )
        if there:
            return there[0]
    return None


def _refuse_documents(wanted: str) -> None:
    suffix = Path(wanted).suffix.lower()
    program = _WORD_FILES.get(suffix) or _MAIL_FILES.get(suffix)
    if program is not None:
        article = "an" if program == "Outlook" else "a"
        raise TemplateError(
            f"This is {article} {program} file.",
            where=Where(file=wanted),
            remedy="Save it as Web Page, Filtered (.html), or paste the words into a .md.",
        )


def _unknown(root: Path, wanted: str) -> TemplateError:
    folder = root / FOLDER
    names = sorted({p.name for place in (folder, root) for p in place.glob("*") if p.suffix.lower() in _kinds()})
    close = get_close_matches(wanted, [*names, *(Path(n).stem for n in names)], n=1, cutoff=0.6)
    if close:
        remedy = f"Did you mean {close[0]}?"
    elif names:
        remedy = f"There is {', '.join(names[:20])}."
    else:
        remedy = f"There is no template in {folder} yet."
    return TemplateError(f"There is no template “{wanted}”.", remedy=remedy)


def _add_used(source: TemplateSource, root: Path, user: str) -> None:
    text = _SILENT.sub(lambda silent: "\n" * silent.group().count("\n"), source.files[user])
    for used in _USES.finditer(text):
        line = text.count("\n", 0, used.start()) + 1
        try:
            _add(source, root, used.group(2)[1:-1], user, Where(file=said(user), line=line))
        except _Missing:
            if not used.group(3):
                raise


class _Missing(TemplateError):  # noqa: N818 - it is a TemplateError to everybody else
    """A file that is not there, which `ignore missing` forgives."""


def _add(source: TemplateSource, root: Path, name: str, user: str, where: Where, *, layout: bool = False) -> None:
    path = _used_file(root, name, user, where, layout=layout, template=source.name)
    key = path.relative_to(root).as_posix()
    if key in source.files:
        return
    if len(source.files) >= _MOST_FILES:
        raise TemplateError(
            f"The template uses more than {_MOST_FILES} files.", where=where, remedy="Join some of them."
        )
    source.files[key] = _read(root / key, key)
    _add_used(source, root, key)


def _used_file(root: Path, name: str, user: str, where: Where, *, layout: bool, template: str) -> Path:
    for candidate in candidates(name, user, layout=layout):
        path = root / candidate
        if _is_file(path):
            if _allowed(path.resolve(), root, template):
                return path
            raise TemplateError(
                f"“{name}” cannot be used in a template.",
                where=where,
                remedy=f"Put it into {LAYOUTS} or {BLOCKS}, or next to the template, as .md, .mjml, .html or .txt.",
            )
    raise _no_such_part(root, name, where)


def _allowed(path: Path, root: Path, template: str) -> bool:
    """Layouts, blocks and the template's own neighbours: never a key, a sheet or anything outside."""
    if path.suffix.lower() not in _kinds():
        return False
    folders = (root / LAYOUTS, root / BLOCKS)
    return any(path.is_relative_to(folder) for folder in folders) or path.parent == (root / template).parent


def _no_such_part(root: Path, name: str, where: Where) -> TemplateError:
    there = sorted(
        path.relative_to(root / FOLDER).as_posix()
        for folder in (LAYOUTS, BLOCKS)
        for path in (root / folder).glob("*")
        if path.suffix.lower() in _kinds()
    )
    short = {PurePosixPath(path).name: path for path in there} | {path: path for path in there}
    close = get_close_matches(name, list(short), n=1, cutoff=0.6)
    if close:
        remedy = f"Did you mean {close[0]}?"
    else:
        remedy = f"There is {', '.join(there)}." if there else f"Put it into {LAYOUTS} or {BLOCKS}."
    return _Missing(f"There is no layout or block “{name}”.", where=where, remedy=remedy)


def _read(path: Path, name: str) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise TemplateError(
                f"{path.name} is larger than 1 MB.",
                where=Where(file=said(name)),
                remedy="Pictures do not belong into the text: link to them, or show a file with <img src>.",
            )
        data = path.read_bytes()
    except OSError as error:
        raise TemplateError(
            f"{path.name} cannot be read: {error.strerror}.",
            where=Where(file=said(name)),
            remedy="Check who may read it.",
        ) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TemplateError(
            f"{path.name} is not saved as UTF-8.",
            where=Where(file=said(name), line=line),
            remedy="Open it in your editor and save it with the encoding UTF-8.",
        ) from None
    if "\0" in text:
        raise TemplateError(
            f"{path.name} is no text file.", where=Where(file=said(name)), remedy="Save it as plain text."
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or holds a NUL
        return False


def _kinds() -> tuple[str, ...]:
    return tuple(f".{kind}" for kind in TemplateKind)
