"""What a workbook must pass before any of it is parsed: no zip bomb, no XML entity."""

from typing import IO
from xml.parsers import expat
from zipfile import ZipFile, ZipInfo

from campaigns.errors import SpreadsheetError, Where

_MOST_MEMBERS = 10_000
_LARGEST = 2 << 30  # bytes unpacked, together: more than the million rows that Excel can hold
_LARGEST_PART = 256 << 20  # parts that are held in memory whole: strings, styles
# Sheets pack 10 to 40 to 1. Deflate reaches 1,000 to 1, and only with nothing in it.
_MOST_PACKED = 120
_SMALL = 16 << 20

_REMEDY = "If you made it yourself: save the sheet as CSV, and import that. If not, do not open it."


def check_archive(archive: ZipFile, name: str, *, streamed: str = "xl/worksheets/sheet") -> None:
    """Raise SpreadsheetError for an archive that would fill the memory, or whose XML declares entities.

    `streamed`: how the names of parts begin that are never held in memory whole.
    zipfile never unpacks more of a member than its directory entry says, so the declared sizes can be trusted.
    """
    members = archive.infolist()
    if len(members) > _MOST_MEMBERS or sum(member.file_size for member in members) > _LARGEST:
        raise _bomb(name)
    for member in members:
        packed = member.file_size / max(member.compress_size, 1)
        held_whole = not member.filename.startswith(streamed)
        most = _MOST_PACKED if held_whole else 2 * _MOST_PACKED
        if (member.file_size > _SMALL and packed > most) or (
            held_whole and _is_parsed(member) and member.file_size > _LARGEST_PART
        ):
            raise _bomb(name)
    for member in members:
        if _is_parsed(member):
            with archive.open(member) as part:
                if _declares_entities(part):
                    raise SpreadsheetError(
                        f"{name} holds XML entities, which no spreadsheet program writes.",
                        where=Where(file=name),
                        remedy=_REMEDY,
                    )


def _bomb(name: str) -> SpreadsheetError:
    return SpreadsheetError(
        f"{name} would unpack to far more than a sheet holds: it looks like a zip bomb.",
        where=Where(file=name),
        remedy=_REMEDY,
    )


def _is_parsed(member: ZipInfo) -> bool:
    return member.filename.endswith((".xml", ".rels"))


class _SeenError(Exception):
    """Ends the parsing: the prolog is over."""


def _declares_entities(part: IO[bytes]) -> bool:
    """Whether a document type stands before the first element: entities can be declared nowhere else."""
    declared = False

    def doctype(*_: object) -> None:
        nonlocal declared
        declared = True
        raise _SeenError

    def element(*_: object) -> None:
        raise _SeenError

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = element
    try:
        while chunk := part.read(4096):
            parser.Parse(chunk)
    except (_SeenError, expat.ExpatError):  # what is no XML at all is told by who reads it
        pass
    return declared
