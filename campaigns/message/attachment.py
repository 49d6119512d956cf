"""A file that travels with a mail: its name and type for every mail program, its bytes in base64, made once.

Encoded files are remembered up to so many bytes: a file that goes to a thousand people is encoded once, and a thousand
files that go to one person each push each other out.
"""

import re
import threading
from base64 import b64encode
from binascii import b2a_base64
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import quote

_HELD_BYTES = 64_000_000  # encoded files kept for the next message
_BASE64_COLUMNS = 76
_COLUMNS = 76
_PLAIN_NAME = re.compile(r"[A-Za-z0-9!#$&+^_`{}~@.,;()\[\]-]+(?: [A-Za-z0-9!#$&+^_`{}~@.,;()\[\]-]+)*")
_ATTR = "!#$&+-.^_`|~"  # RFC 2231 7: what an extended value may hold as it is, besides letters and digits


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file of a mail; its bytes are read when the mail is handed over."""

    name: str  # as the recipient sees it
    sha256: str  # hexadecimal, of the bytes
    size: int
    data: bytes = field(default=b"", compare=False, repr=False)


def kind_of(name: str) -> str:
    """The MIME type by the name's ending; from a list of our own, so that it is the same on every machine."""
    return _KINDS.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")


def encoded_size(size: int) -> int:
    """How many bytes a file of `size` bytes takes in a mail, with its header lines."""
    in_base64 = (size + 2) // 3 * 4
    return in_base64 + in_base64 // _BASE64_COLUMNS * 2 + 400


def header_lines(attachment: Attachment) -> bytes:
    """The header of the file's part, with the empty line behind it."""
    return (
        f"Content-Type: {kind_of(attachment.name)}\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment;\r\n{_file_name(attachment.name)}\r\n\r\n"
    ).encode()


def in_lines(attachment: Attachment) -> bytes:
    """The bytes in base64 as mails have it (RFC 2045 6.8)."""
    return _HELD.get((attachment.sha256, "lines"), lambda: _lines(attachment.data))


def in_one_line(attachment: Attachment) -> bytes:
    """The bytes in base64 as JSON has it."""
    return _HELD.get((attachment.sha256, "line"), lambda: b64encode(attachment.data))


def _lines(data: bytes) -> bytes:
    line = b2a_base64(data, newline=False)
    return b"\r\n".join([line[start : start + _BASE64_COLUMNS] for start in range(0, len(line), _BASE64_COLUMNS)])


def _file_name(name: str) -> str:
    """The parameter `filename`: quoted where every program reads that alike, else as RFC 2231 has it, in pieces."""
    if len(name) <= 60 and _PLAIN_NAME.fullmatch(name):
        return f' filename="{name}"'
    value = quote(name, safe=_ATTR)
    if len(value) + len(" filename*=utf-8''") <= _COLUMNS:
        return f" filename*=utf-8''{value}"
    pieces: list[str] = []
    rest = f"utf-8''{value}"
    while rest:
        begins = f" filename*{len(pieces)}*="
        cut = _whole(rest, _COLUMNS - len(begins) - 1)
        pieces.append(begins + rest[:cut])
        rest = rest[cut:]
    return ";\r\n".join(pieces)


def _whole(text: str, most: int) -> int:
    """How much of a percent-encoded text fits without cutting an escape in two."""
    if len(text) <= most:
        return len(text)
    percent = text.rfind("%", most - 2, most)
    return most if percent < 0 else percent


class _Held:
    """The bytes made last, bounded by their number; the newest is kept whatever its size."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = 0
        self._made: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, str], make: Callable[[], bytes]) -> bytes:
        with self._lock:
            found = self._made.get(key)
            if found is not None:
                self._made.move_to_end(key)
                return found
            made = self._made[key] = make()
            self._bytes += len(made)
            while self._bytes > self._most and len(self._made) > 1:
                self._bytes -= len(self._made.popitem(last=False)[1])
            return made


_HELD = _Held(_HELD_BYTES)

_KINDS = {
    ".7z": "application/x-7z-compressed",
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".csv": "text/csv",
    ".doc": "application/msword",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".epub": "application/epub+zip",
    ".gif": "image/gif",
    ".gz": "application/gzip",
    ".heic": "image/heic",
    ".htm": "text/html",
    ".html": "text/html",
    ".ics": "text/calendar",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".m4a": "audio/mp4",
    ".md": "text/markdown",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ogg": "audio/ogg",
    ".p7s": "application/pkcs7-signature",
    ".pdf": "application/pdf",
    ".pkpass": "application/vnd.apple.pkpass",
    ".png": "image/png",
    ".ppt": "application/vnd.ms-powerpoint",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".rtf": "application/rtf",
    ".svg": "image/svg+xml",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".txt": "text/plain",
    ".vcf": "text/vcard",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".xls": "application/vnd.ms-excel",
    ".xlsm": "application/vnd.ms-excel.sheet.macroenabled.12",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xml": "application/xml",
    ".zip": "application/zip",
}
