"""Editing XML without rewriting it: expat says where things stand, and every other byte stays as it is.

What a workbook holds beyond what this program knows of workbooks (charts, slicers, a vendor's own extensions) comes
through unchanged, and a worksheet of any length passes in flat memory.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import IO
from xml.parsers import expat
from xml.sax.saxutils import escape

_CHUNK = 256 << 10
# Characters that XML cannot hold, carriage returns, and what reads like their escape (ECMA-376 part 1, 22.9.2.19).
_ESCAPED = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_TAG_END = re.compile(rb"""(?:[^"'>]|"[^"]*"|'[^']*')*>""")


class UnfitError(Exception):
    """The part is written in a way that cannot be edited in place."""


class Scissors:
    """Copies `source` to `sink`; a subclass decides, at `at`, what is put in and what is left out."""

    def __init__(self, source: IO[bytes], sink: IO[bytes]) -> None:
        self._source, self._sink = source, sink
        self._kept, self._from = b"", 0  # bytes that were read and not yet copied, and where the first of them stands
        self._settled = 0  # nothing before this place will be changed any more
        self.parser = expat.ParserCreate()

    @property
    def at(self) -> int:
        """Where the tag stands that expat speaks of; behind it for the end of an empty element."""
        return int(self.parser.CurrentByteIndex)

    def cut(self) -> None:
        """Parse and copy everything; UnfitError, expat.ExpatError."""
        while chunk := self._source.read(_CHUNK):
            if not self._from and not self._kept and chunk.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise UnfitError("UTF-16")
            self._kept += chunk
            self.parser.Parse(chunk)
            self.copy(self._settled)
        self.parser.Parse(b"", True)
        self.copy(self._from + len(self._kept))

    def settle(self, to: int) -> None:
        self._settled = to

    def copy(self, to: int) -> None:
        """Let the bytes up to `to` through."""
        if to > self._from:
            self._sink.write(self._kept[: to - self._from])
            self.skip(to)

    def skip(self, to: int) -> None:
        """Leave the bytes up to `to` out."""
        if to > self._from:
            self._kept = self._kept[to - self._from :]
            self._from = to

    def put(self, text: str) -> None:
        self._sink.write(ascii_bytes(text))

    def put_raw(self, raw: bytes) -> None:
        self._sink.write(raw)

    def raw(self, start: int, end: int) -> bytes:
        return self._kept[start - self._from : end - self._from]

    def start_tag(self) -> bytes:
        """The start tag at `at`, as it is written."""
        return _start_tag(self._kept, self.at - self._from)


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a small part, by its places in the part's bytes."""

    depth: int  # 0 for the root
    tag: str  # without its prefix
    attributes: Mapping[str, str]
    start: int
    inside: int  # behind the start tag
    inside_end: int = 0
    end: int = 0


def elements(part: bytes) -> list[Element]:
    """All elements of a part in their order; UnfitError for what is no XML in an encoding that extends ASCII."""
    if part.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnfitError("UTF-16")
    found: list[Element] = []
    opened: list[int] = []
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        at = parser.CurrentByteIndex
        inside = at + len(_start_tag(part, at))
        opened.append(len(found))
        found.append(Element(len(opened) - 1, tag.rpartition(":")[2], attributes, at, inside))

    def end(_tag: str) -> None:
        at, index = parser.CurrentByteIndex, opened.pop()
        inside = found[index].inside
        is_empty = part[inside - 2 : inside] == b"/>"
        last = inside if is_empty else part.index(b">", at) + 1
        found[index] = replace(found[index], inside_end=inside if is_empty else at, end=last)

    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(part, True)
    except expat.ExpatError as error:
        raise UnfitError(str(error)) from None
    return found


def prefix_of(part: bytes, element: Element) -> str:
    """`x:` where the part's own names are written so."""
    name = re.match(rb"<([^\s/>]+)", part[element.start : element.inside])
    return name[1].decode().rpartition(":")[0] + ":" if name and b":" in name[1] else ""


def spliced(part: bytes, changes: Iterable[tuple[int, int, str | bytes]]) -> bytes:
    """The part with (start, end, new) in place of what stood there; later changes at one place come later."""
    pieces, last = [], 0
    for start, end, new in sorted(changes, key=lambda change: change[0]):
        pieces += [part[last:start], ascii_bytes(new) if isinstance(new, str) else new]
        last = end
    return b"".join((*pieces, part[last:]))


def appended(part: bytes, into: Element, new: str) -> tuple[int, int, str | bytes]:
    """The change that puts `new` at the end of an element, which may be an empty one."""
    tag = part[into.start : into.inside]
    if not tag.endswith(b"/>"):
        return into.inside_end, into.inside_end, new
    name = re.match(rb"<([^\s/>]+)", tag)
    assert name is not None
    return into.start, into.end, b"%b>%b</%b>" % (tag[:-2], ascii_bytes(new), name[1])


def with_attribute(tag: bytes, name: str, value: str) -> bytes:
    """A start tag with one of its attributes set; one that is not there is added."""
    pattern = re.compile(rb"(\s" + name.encode() + rb"\s*=\s*)(\"[^\"]*\"|'[^']*')")
    written = b'"' + ascii_bytes(quoted(value)) + b'"'
    if pattern.search(tag):
        return pattern.sub(lambda found: found[1] + written, tag, count=1)
    end = -2 if tag.endswith(b"/>") else -1
    return tag[:end] + b" " + name.encode() + b"=" + written + tag[end:]


def without_attribute(tag: bytes, name: str) -> bytes:
    return re.sub(rb"\s" + name.encode() + rb"\s*=\s*(\"[^\"]*\"|'[^']*')", b"", tag)


@lru_cache(maxsize=4_096)
def text_of(text: str) -> str:
    """Any text as the content of a cell: no markup, no character that XML forbids."""
    return escape(_ESCAPED.sub(lambda found: f"_x{ord(found[0]):04X}_", text))


def quoted(text: str) -> str:
    return escape(text, {'"': "&quot;"})


def ascii_bytes(text: str) -> bytes:
    """Bytes that mean the same in every encoding that extends ASCII."""
    return text.encode("ascii", "xmlcharrefreplace")


def _start_tag(raw: bytes, at: int) -> bytes:
    found = _TAG_END.match(raw, at)
    if found is None:
        raise UnfitError("a tag that does not end")
    return found[0]
