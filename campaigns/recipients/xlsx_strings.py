"""A workbook's shared strings: cells name them by number, so all of them are held, as tightly as their number demands.

Texts spelled as spreadsheet programs spell them are read without an XML parser, as the rows are (`xlsx_plain.py`).
"""

import re
from array import array
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import IO, overload
from xml.etree.ElementTree import Element, fromstring, iterparse
from zipfile import ZipFile

from openpyxl.packaging.manifest import Manifest
from openpyxl.xml.constants import SHARED_STRINGS

from campaigns.recipients.xlsx_cells import MAIN, MAIN_NS, joined, part_name, unescaped
from campaigns.recipients.xlsx_plain import TEXT, NotPlainError

_MANY = 200_000  # strings, from which on they are packed: a string of its own takes 50 bytes besides its letters
_CHUNK = 1 << 18
_LONGEST = 1 << 22  # bytes of XML that one string may take here; above, the parser reads them all
_STRING = f"{MAIN}si"
_PLAIN = re.compile(rf'(<si><t(?: xml:space="preserve")?>({TEXT})</t></si>)')
_HEAD = re.compile(rb'(?:\xef\xbb\xbf)?(?:<\?xml version="1.0" encoding="(?i:utf-8)"[^<>]*\?>\s*)?(<sst(?: [^<>&]*)?>)')
_END, _OVER = b"</si>", b"</sst>"


def strings_of(archive: ZipFile, package: Manifest) -> Sequence[str]:
    """The strings by number; whatever expat raises for a damaged part."""
    name = part_name(archive, package, SHARED_STRINGS)
    if name is None:
        return []
    try:
        with archive.open(name) as part:
            return _held(_plain(part))
    except NotPlainError:
        with archive.open(name) as part:
            return _held(_parsed(part))


def _held(strings: Iterator[str]) -> Sequence[str]:
    few = list(islice(strings, _MANY))
    return few if len(few) < _MANY else Packed(chain(few, strings))


class Packed(Sequence[str]):
    """Strings in one run of bytes: a million addresses take 30 MB, and not 80."""

    def __init__(self, strings: Iterator[str]) -> None:
        self._bytes = bytearray()
        self._ends = array("Q", (0,))
        for text in strings:
            self._bytes += text.encode("utf-8", "surrogatepass")
            self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...

    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        if place < 0:
            raise IndexError(place)
        return self._bytes[self._ends[place] : self._ends[place + 1]].decode("utf-8", "surrogatepass")


def _plain(part: IO[bytes]) -> Iterator[str]:
    """NotPlainError where a parser is needed."""
    rest = part.read(_CHUNK)
    head = _HEAD.match(rest)
    if head is None or f'xmlns="{MAIN_NS}"'.encode() not in head[1] or rest.count(b"<?") > 1:
        raise NotPlainError
    rest = rest[head.end() :]
    seam = rest
    while True:
        if b"<!" in seam or b"<?" in seam:
            raise NotPlainError  # what may hold anything at all
        over = rest.find(_OVER)
        cut = (rest.rfind(_END) if over < 0 else rest.rfind(_END, 0, over)) + len(_END)
        if cut >= len(_END):
            yield from _texts(rest[:cut], head[1])
            rest = rest[cut:]
        if over >= 0:
            while part.read(_CHUNK):  # zipfile proves the checksum only at the end
                pass
            return
        chunk = part.read(_CHUNK)
        if not chunk or len(rest) > _LONGEST:
            raise NotPlainError
        seam = rest[-1:] + chunk
        rest += chunk


def _texts(xml: bytes, root: bytes) -> list[str]:
    """Some whole strings; the parser reads them if one of them has runs of formatting, entities or blanks around it."""
    text = xml.decode()
    found = _PLAIN.findall(text)
    if sum([len(whole) for whole, _ in found]) == len(text):
        return [unescaped(one) for _, one in found]
    return [unescaped(joined(one)) for one in fromstring(root + xml + _OVER)]  # noqa: S314  no entities here


def _parsed(part: IO[bytes]) -> Iterator[str]:
    root: Element | None = None
    for event, element in iterparse(part, ("start", "end")):  # noqa: S314  guards.py has refused entities
        if event == "start":
            root = element if root is None else root
        elif element.tag == _STRING:
            yield unescaped(joined(element))
            if root is not None:
                root.clear()
