"""Text as lines of ASCII that every server carries unchanged: quoted-printable and base64 (RFC 2045 6.7, 6.8).

A text is encoded in pieces, each from the start of a line, so that constants are encoded once a shape; a soft line
break stands between two pieces. No line begins with a dot (SMTP would double it) or with `From ` (mailboxes would
mark it), and none ends in a blank (gateways would cut it off).
"""

import re
from binascii import b2a_base64, b2a_qp

SOFT_BREAK = b"=\r\n"
_COLUMNS = 75  # and one for the `=` of a soft break
_BASE64_COLUMNS = 76
_ESCAPED = re.compile(rb"[^ -<>-~]")
_ESCAPES = {bytes([octet]): b"=%02X" % octet for octet in range(256)}
_EQUALS = ord("=")


def quoted(text: str) -> bytes:
    """A piece in quoted-printable that leaves a column for a soft break; line ends are \\n in, CRLF out."""
    if len(text) <= _COLUMNS and "\n" not in text and "\t" not in text:
        line = b2a_qp(text.encode(), False, False)  # not "as text": a lone \r would pass
        if len(line) <= _COLUMNS and not line.startswith((b".", b"From ")):
            return line
    return b"\r\n".join([_line(line.encode()) for line in text.split("\n")])


def in_base64(text: str) -> bytes:
    """A whole text, its line ends as CRLF, in lines of base64; none of them is ended but by the next."""
    line = b2a_base64(text.replace("\n", "\r\n").encode(), newline=False)
    return b"\r\n".join([line[start : start + _BASE64_COLUMNS] for start in range(0, len(line), _BASE64_COLUMNS)])


def _line(octets: bytes) -> bytes:
    """One line of any length, broken softly where it must be."""
    line = _ESCAPED.sub(lambda found: _ESCAPES[found[0]], octets)
    if line.endswith(b" "):
        line = line[:-1] + b"=20"
    broken = []
    start = 0
    while True:
        head = _safe_start(line, start)
        start += 1 if head else 0
        room = _COLUMNS - len(head)
        if len(line) - start <= room:
            broken.append(head + line[start:])
            return SOFT_BREAK.join(broken)
        size, fits = _fitting(line[start : start + room])
        broken.append(head + fits)
        start += size


def _safe_start(line: bytes, start: int) -> bytes:
    """The character there, escaped, if it may not begin a line."""
    if line.startswith(b".", start):
        return b"=2E"
    return b"=46" if line.startswith(b"From ", start) else b""


def _fitting(piece: bytes) -> tuple[int, bytes]:
    """How much of the piece can stand before a soft break, and as what: no escape is split, no blank comes last."""
    end = len(piece)
    if piece[-1] == _EQUALS:
        end -= 1
    elif piece[-2] == _EQUALS:
        end -= 2
    fits = piece[:end].rstrip(b" ")
    if fits:
        return len(fits), fits
    return end - 2, piece[: end - 3] + b"=20"  # nothing but blanks
