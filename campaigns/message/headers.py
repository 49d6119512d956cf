"""Header lines: encoded words (RFC 2047), display names, folding at 76 columns.

Lines come without the CRLF at their end. A single word that cannot be broken (an address, a link) may make a line
longer than 76, never longer than the 998 of RFC 5322 2.1.1. Addresses stand as they are: one with letters outside
ASCII makes the header UTF-8 (RFC 6532), which only a server with SMTPUTF8 takes.
"""

import re
from binascii import b2a_base64
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

_COLUMNS = 76
_FOLD = "\r\n "
_WHITE = re.compile(r"\s+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_ESCAPED_IN_WORD = re.compile(rb"[^A-Za-z0-9!*+/-]")  # what RFC 2047 5 (3) allows in a display name, safe everywhere
_ESCAPES_IN_WORD = {bytes([octet]): b"=%02X" % octet for octet in range(256)} | {b" ": b"_"}
_WORD = len("=?utf-8?q?" + "?=")


@lru_cache(maxsize=1024)  # subjects differ by a first name, or not at all
def unstructured(name: str, value: str) -> str:
    """A header of free text; `value` is one line whose blanks stand alone, as `fill.subject` makes it."""
    if value.isascii() and value.isprintable() and "=?" not in value:
        line = f"{name}: {value}"
        folded = line if len(line) <= _COLUMNS else _folded_at_blanks(line, len(name) + 2)
        if folded:
            return folded
    return f"{name}: {encoded_words(value, len(name) + 2)}"


def mailbox(name: str, display_name: str, address: str) -> str:
    """A header with one address, and the name that mail programs show for it, or ""."""
    address = address if address.isprintable() else "".join(filter(str.isprintable, address))
    if display_name:
        display_name = _WHITE.sub(" ", display_name).strip()
    if not display_name:
        line = f"{name}: {address}"
        return line if len(line) <= _COLUMNS or len(address) >= _COLUMNS else f"{name}:{_FOLD}{address}"
    phrase = _phrase(display_name)
    line = f"{name}: {phrase}"
    if phrase is None or len(line) > _COLUMNS:
        line = f"{name}: {encoded_words(display_name, len(name) + 2)}"
    column = len(line) - (line.rfind("\n") + 1)
    return f"{line}{' ' if column + len(address) + 3 <= _COLUMNS else _FOLD}<{address}>"


def listed(name: str, value: str) -> str:
    """A header of items between commas, like List-Unsubscribe."""
    line = f"{name}: {value}"
    return line if len(line) <= _COLUMNS else line.replace(", ", "," + _FOLD)


def split_mailbox(text: str) -> tuple[str, str]:
    """`Ada Lovelace <ada@example.com>` as display name and address; the name may be quoted or missing."""
    if not text.endswith(">"):
        return "", text.strip()
    name, _, address = text[:-1].rpartition("<")
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return name, address.strip()


@lru_cache(maxsize=64)  # one lease is the instant of many messages
def date(instant: datetime) -> str:
    """The Date header of an aware instant, in UTC."""
    return f"Date: {format_datetime(instant.astimezone(UTC))}"


def encoded_words(text: str, column: int) -> str:
    """The text as encoded words of UTF-8, in Q or B, whichever is shorter; the first one starts at `column`."""
    data = text.encode()
    in_q = _q(data)
    use_q = len(in_q) <= len(data) * 4 // 3
    if len(in_q if use_q else data) * (1 if use_q else 4 / 3) + _WORD + 3 <= _COLUMNS - column:
        return _word(data, use_q)
    room = _COLUMNS - column - _WORD
    words = []
    start = 0
    while start < len(text):
        end = _fitting(text, start, room, use_q)
        words.append(_word(text[start:end].encode(), use_q))
        start, room = end, _COLUMNS - 1 - _WORD
    return _FOLD.join(words)


def _fitting(text: str, start: int, room: int, use_q: bool) -> int:
    """Where the word that begins at `start` ends: words break between characters (RFC 2047 5)."""
    octets = used = 0
    for place in range(start, len(text)):
        data = text[place].encode()
        octets += len(data)
        used = used + len(_q(data)) if use_q else (octets + 2) // 3 * 4
        if used > room:
            return max(place, start + 1)
    return len(text)


def _word(data: bytes, use_q: bool) -> str:
    if use_q:
        return f"=?utf-8?q?{_q(data).decode()}?="
    return f"=?utf-8?b?{b2a_base64(data, newline=False).decode()}?="


def _q(data: bytes) -> bytes:
    return _ESCAPED_IN_WORD.sub(lambda found: _ESCAPES_IN_WORD[found[0]], data)


def _phrase(display_name: str) -> str | None:
    """A display name of plain ASCII, in quotes where it must be; None for all others."""
    if not (display_name.isascii() and display_name.isprintable()) or "=?" in display_name:
        return None
    if _ATOMS.fullmatch(display_name):
        return display_name
    return '"' + re.sub(r'(["\\])', r"\\\1", display_name) + '"'


def _folded_at_blanks(line: str, first: int) -> str | None:
    """The line folded before blanks; None when a word is too long for that. Column `first` is where the value begins."""
    lines = []
    while len(line) > _COLUMNS:
        cut = line.rfind(" ", first, _COLUMNS + 1)
        if cut < first:
            return None
        lines.append(line[:cut])
        line, first = line[cut:], 1
    return "\r\n".join([*lines, line])
