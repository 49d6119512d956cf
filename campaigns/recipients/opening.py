"""Opening a file: what it really is, whatever its name says, and a clear word for what is no sheet."""

import hashlib
import re
import zlib
from collections.abc import Callable
from difflib import get_close_matches
from enum import Enum
from io import BufferedReader
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from campaigns.errors import SpreadsheetError, Where

_CHUNK = 1 << 20
_MANIFEST = "META-INF/manifest.xml"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class FileKind(Enum):
    CSV = "csv"
    XLSX = "xlsx"  # .xlsm as well: macros are never looked at
    ODS = "ods"
    XLS = "xls"
    XLSB = "xlsb"

    def __str__(self) -> str:
        return f".{self.value}"


def open_file(path: Path) -> tuple[BufferedReader, FileKind]:
    """The file, open for reading, and its kind by content.

    Raises SpreadsheetError with a remedy for everything that is neither text nor a workbook.
    """
    if path.name.startswith(("~$", ".~lock.")):
        raise SpreadsheetError(
            f"{path.name} is only the mark of a program that has the sheet open.",
            where=Where(file=path.name),
            remedy=f"Close it in Excel, and import {_unlocked(path.name)}.",
        )
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise _not_there(path) from None
    except IsADirectoryError:
        raise SpreadsheetError(
            f"{path.name} is a folder.", where=Where(file=str(path)), remedy="Name a file in it."
        ) from None
    except PermissionError:
        raise SpreadsheetError(
            f"{path.name} cannot be opened: another program holds it, or you may not read it.",
            where=Where(file=path.name),
            remedy="Close it in Excel. If that does not help, look at the file's permissions.",
        ) from None
    except (OSError, ValueError) as error:
        raise SpreadsheetError(f"{path.name} cannot be opened: {error}.", where=Where(file=path.name)) from None
    try:
        return file, _look(file, path.name)
    except OSError as error:
        file.close()
        raise SpreadsheetError(f"{path.name} cannot be read: {error}.", where=Where(file=path.name)) from None
    except BaseException:
        file.close()
        raise


def is_open_elsewhere(path: Path) -> bool:
    """Whether Excel or LibreOffice has the sheet open: it may hold changes that are not saved yet."""
    marks = (
        path.with_name(f"~${path.name}"),
        path.with_name(f"~${path.name[2:]}"),
        path.with_name(f".~lock.{path.name}#"),
    )
    return any(mark.exists() for mark in marks)


def sha256_of(file: BufferedReader) -> str:
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    return digest


def _unlocked(name: str) -> str:
    return name[2:] if name.startswith("~$") else name.removeprefix(".~lock.").removesuffix("#")


def _not_there(path: Path) -> SpreadsheetError:
    folder = path.parent
    try:
        names = [entry.name for entry in folder.iterdir() if entry.is_file()]
    except OSError:
        names = []
    close = get_close_matches(path.name, names, n=1)
    return SpreadsheetError(
        f"There is no file {path}.",
        where=Where(file=path.name),
        remedy=f"Did you mean {folder / close[0]}?" if close else "Look at the name and the folder.",
    )


def _look(file: BufferedReader, name: str) -> FileKind:
    head = file.read(4096)
    file.seek(0)
    if not head.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n"):
        raise SpreadsheetError(f"{name} is empty.", where=Where(file=name), remedy="Choose another file.")
    if head.startswith(b"PK\x03\x04"):
        return _look_into_zip(file, name)
    if head.startswith(_OLE):
        what = _what_is_ole(file)
        if what is None:
            return FileKind.XLS
        raise _refused(what, name)
    for says, what in _MAGIC:
        if says(head):
            raise _refused(what, name)
    return FileKind.CSV


_SAVE = "Open it in Excel or LibreOffice and save it as .xlsx."
_WORD = ("a Word file", "Copy its table into an empty Excel sheet and save that as .xlsx.")
_OUTLOOK = ("an Outlook file", "Export the addresses from Outlook as CSV.")
_PDF = ("a PDF", "Ask for the sheet that it was made from, as .xlsx or CSV.")
_ENCRYPTED = ("protected by a password", "Open it in Excel, remove the password under File > Info, and save it.")
_LOCKED_ODS = ("protected by a password", "Open it in LibreOffice, and save it as a copy without a password.")
_DAMAGED = ("damaged", "Open it in Excel, let it repair the file, and save it again as .xlsx.")
_OLD_EXCEL = ("a file of Excel 4 or older", "Open it in LibreOffice and save it as .xlsx.")
_PICTURE = ("a picture", "Ask for the sheet itself, as .xlsx or CSV.")
_OTHER_ZIP = ("a zip archive", "Unpack it, and import the sheet that is in it.")


def _begins(*starts: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(starts)


_MAGIC: tuple[tuple[Callable[[bytes], bool], tuple[str, str]], ...] = (
    (lambda head: b"%PDF-" in head[:1024], _PDF),
    (_begins(b"{\\rtf"), _WORD),
    (_begins(b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*"), _PICTURE),
    (
        _begins(b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"BZh91AY&SY", b"\xfd7zXZ"),
        ("a packed archive", _OTHER_ZIP[1]),
    ),
    (_begins(b"SQLite format 3\x00"), ("a database", "Export its table as CSV.")),
    (_begins(b"!BDN"), _OUTLOOK),
    (_begins(b"\x09\x08", b"\x09\x00\x04\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00"), _OLD_EXCEL),
    (
        lambda head: re.match(rb"(?is)\W*<(!doctype html|html|head|body|table|meta|style)\b", head) is not None,
        ("a web page", _SAVE),
    ),
    (lambda head: re.match(rb"(?is)\W*<\?xml\b", head) is not None, ("an XML file", _SAVE)),
)


def _refused(what: tuple[str, str], name: str) -> SpreadsheetError:
    return SpreadsheetError(f"{name} is {what[0]}.", where=Where(file=name), remedy=what[1])


def damaged(name: str) -> SpreadsheetError:
    """The word for a workbook that its own format forbids."""
    return _refused(_DAMAGED, name)


def locked(name: str) -> SpreadsheetError:
    """The word for a workbook that needs a password."""
    return _refused(_ENCRYPTED, name)


def _look_into_zip(file: BufferedReader, name: str) -> FileKind:
    try:
        with ZipFile(file) as archive:
            names = set(archive.namelist())
            mime = (
                archive.read("mimetype")[:100]
                if "mimetype" in names and archive.getinfo("mimetype").file_size < 200
                else b""
            )
            is_locked = b"encrypt" in _beginning(archive, _MANIFEST) or "encrypted-package" in names
    except (BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, RuntimeError, EOFError, OverflowError):
        raise damaged(name) from None
    finally:
        file.seek(0)
    for part, what in _ZIP_PARTS:
        if any(entry.startswith(part) for entry in names):
            raise _refused(what, name)
    if b"opendocument" in mime:
        if b"spreadsheet" not in mime:
            raise _refused(("an OpenDocument text", "Copy its table into an empty sheet and save that as .ods."), name)
        if is_locked:
            raise _refused(_LOCKED_ODS, name)
        return FileKind.ODS
    if "xl/workbook.bin" in names:
        return FileKind.XLSB
    if "[Content_Types].xml" not in names:
        raise _refused(_OTHER_ZIP, name)
    return FileKind.XLSX


def _beginning(archive: ZipFile, part: str, size: int = 1 << 20) -> bytes:
    if part not in archive.namelist():
        return b""
    with archive.open(part) as stream:
        return stream.read(size)


_ZIP_PARTS = (
    ("word/", _WORD),
    ("ppt/", ("a presentation", "Copy its table into an empty Excel sheet and save that as .xlsx.")),
    ("visio/", ("a Visio drawing", "Ask for the sheet itself, as .xlsx or CSV.")),
    ("Index/", ("a Numbers, Pages or Keynote file", "Open it in Numbers and export it as Excel or CSV.")),
)

# Names of streams in a compound file [MS-CFB], UTF-16LE.
_OLE_STREAMS: tuple[tuple[str, tuple[str, str] | None], ...] = (
    ("EncryptedPackage", _ENCRYPTED),
    ("WordDocument", _WORD),
    ("__substg1.0_", _OUTLOOK),
    ("__properties_version1.0", _OUTLOOK),
    ("PowerPoint Document", ("a presentation", "Copy its table into an empty Excel sheet and save that as .xlsx.")),
    ("Workbook", None),
    ("Book", None),
)


def _what_is_ole(file: BufferedReader) -> tuple[str, str] | None:
    """What this compound file is, by the names of its streams, which may stand anywhere in it; None for an .xls."""
    found: set[str] = set()
    tail = b""
    file.seek(0)
    while chunk := file.read(_CHUNK):
        window = tail + chunk
        found |= {stream for stream, _ in _OLE_STREAMS if stream.encode("utf-16-le") in window}
        tail = window[-64:]
    file.seek(0)
    return next(
        (what for stream, what in _OLE_STREAMS if stream in found),
        ("damaged, or an Office file without a sheet", _SAVE),
    )


def printable(name: str) -> str:
    """A file's name as it may be shown and kept: bytes that are no UTF-8, and control characters, are replaced."""
    return "".join(c if c.isprintable() else "�" for c in name)
