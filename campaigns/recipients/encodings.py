"""How a text file's bytes become letters: BOM, UTF-8 and UTF-16 are certain; anything else is the person's to say."""

import codecs
import hashlib
import re
from dataclasses import dataclass
from typing import BinaryIO

from campaigns.errors import SpreadsheetError, UsageError, Where

_CHUNK = 1 << 18
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_SHOWN_CELLS = 3
_LONGEST_LINE = 16 << 20  # characters; lines are held whole


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file whose every byte was found to fit its encoding."""

    encoding: str
    sha256: str
    size: int


def find_encoding(file: BinaryIO, name: str, chosen: str | None) -> Decoded:
    """The encoding of a text file, proved on all of it; reads the file once, in flat memory."""
    head = file.read(4096)
    file.seek(0)
    if chosen is not None:
        encoding = _known(chosen, head)
    else:
        encoding = next((known for bom, known in _BOMS if head.startswith(bom)), None) or _by_nulls(head) or "utf-8"
    try:
        return _prove(file, encoding, name)
    except UnicodeDecodeError:
        if chosen is None and b"\0" in head:
            raise _no_text(name) from None
        if chosen is None:
            raise _ask(file, name) from None
        raise SpreadsheetError(
            f"{name} is not written in {chosen}.", where=Where(file=name), remedy=_advice(file, but_not=chosen)
        ) from None
    finally:
        file.seek(0)


def _known(chosen: str, head: bytes) -> str:
    try:
        codec = codecs.lookup(chosen)
        "a".encode(codec.name)
    except (LookupError, ValueError, UnicodeError):
        raise UsageError(
            f"“{chosen}” is no encoding.", remedy="Common ones are utf-8, utf-16, cp1252, cp1250, cp1251, mac_roman."
        ) from None
    with_bom = codec.name == "utf-8" and head.startswith(codecs.BOM_UTF8)
    return "utf-8-sig" if with_bom else codec.name


def _by_nulls(head: bytes) -> str | None:
    """UTF-16 without a BOM: in Western text every other byte is NUL, and never two neighbours."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if odd > half * 0.4 and even < half * 0.05:
        return "utf-16-le"
    if even > half * 0.4 and odd < half * 0.05:
        return "utf-16-be"
    return None


def _prove(file: BinaryIO, encoding: str, name: str) -> Decoded:
    decoder = codecs.getincrementaldecoder(encoding)()
    sha256 = hashlib.sha256()
    lines = size = since = 0
    while chunk := file.read(_CHUNK):
        sha256.update(chunk)
        text = decoder.decode(chunk)
        if "\0" in text:
            raise _no_text(name, lines + text[: text.index("\0")].count("\n") + 1)
        try:
            text.encode()
        except UnicodeEncodeError as error:  # a lone surrogate, which some codecs let through
            raise UnicodeDecodeError(encoding, chunk, 0, 1, str(error)) from None
        lines += text.count("\n")
        since = since + len(text) if "\n" not in text and "\r" not in text else 0
        if since > _LONGEST_LINE:
            raise _refuse_line(name, lines + 1)
        size += len(chunk)
    decoder.decode(b"", final=True)
    return Decoded(encoding, sha256.hexdigest(), size)


def _no_text(name: str, line: int | None = None) -> SpreadsheetError:
    return SpreadsheetError(
        f"{name} holds NUL characters: it is no text file, or it is damaged.",
        where=Where(file=name, line=line),
        remedy="Open it in Excel or LibreOffice and save it as .xlsx, or as CSV UTF-8.",
    )


def _refuse_line(name: str, line: int) -> SpreadsheetError:
    return SpreadsheetError(
        "A line is longer than any row of a sheet.",
        where=Where(file=name, line=line),
        remedy="Look whether the file has line ends, and save it again as CSV.",
    )


def _ask(file: BinaryIO, name: str) -> SpreadsheetError:
    return SpreadsheetError(
        f"{name} is neither UTF-8 nor UTF-16, so its letters cannot be told for sure.",
        where=Where(file=name),
        remedy=_advice(file),
    )


def _advice(file: BinaryIO, but_not: str = "") -> str:
    """The guess, and three cells as they would read with it."""
    cells = _cells_beyond_ascii(file)
    guess = _guess(cells)
    if guess == but_not or not cells:
        return "Save it in Excel as CSV UTF-8, or name another: --encoding NAME"
    shown = ", ".join(f"“{cell.decode(guess, 'replace')}”" for cell in cells[:_SHOWN_CELLS])
    return (
        f"If these cells read right, say `--encoding {guess}`: {shown}. "
        "If not, name another encoding, or save the file in Excel as CSV UTF-8."
    )


def _cells_beyond_ascii(file: BinaryIO, most: int = 200) -> list[bytes]:
    """Some cells that have bytes beyond ASCII, all different."""
    found: dict[bytes, None] = {}
    file.seek(0)
    while len(found) < most and (chunk := file.read(_CHUNK)):
        for cell in re.finditer(rb"[^,;\t|\r\n\"]*[\x80-\xff][^,;\t|\r\n\"]*", chunk):
            if len(cell[0]) <= 60:
                found[cell[0].strip()] = None
            if len(found) >= most:
                break
    return list(found)


# What people write with each encoding. A detector may suggest, never decide: the person sees three cells and says.
_GUESSES: tuple[tuple[str, str], ...] = (
    ("cp1252", "äöüßÄÖÜéèêëàâçîïôûùœæñóáíúãõåøÅØÆÉÈÀÇÑÓÁÍÚÊÎÔìò’‘“”–—…€´«»°"),
    ("cp1250", "ąćęłńóśźżĄĆĘŁŃÓŚŹŻčďěňřšťůýžáéíúČĎŇŘŠŤŽőűăâîşţöüäß’–„”€"),
    ("mac_roman", "äöüßÄÖÜéèêëàâçîïôûùœæñóáíúãõåøÅØÆÉÈÀÇ’“”–€"),
    ("cp850", "äöüßÄÖÜéèêëàâçîïôûùæñóáíúãõåøÅØÆÉÇ"),
)
_SCRIPTS = (("cp1251", r"[А-Яа-яЁёІіЇїЄєҐґ]"), ("koi8_r", r"[А-Яа-яЁё]"), ("cp1253", r"[Α-Ωα-ωάέήίόύώϊϋς]"))
_EAST_ASIAN = (("shift_jis", r"[\u3040-\u30ff]"), ("euc_kr", r"[\uac00-\ud7a3]"), ("gb18030", r"[\u4e00-\u9fff]"))


def _guess(cells: list[bytes]) -> str:
    # In a script of its own, letters beyond ASCII stand side by side; in a Latin one they stand among ASCII letters.
    runs = sum(len(run) for cell in cells for run in re.findall(rb"[\x80-\xff]{3,}", cell))
    beyond = sum(byte >= 0x80 for cell in cells for byte in cell)
    if beyond and runs / beyond > 0.7:
        for encoding, letters in _EAST_ASIAN:
            if _share(cells, encoding, letters) > 0.6:
                return encoding
        scripts = {encoding: _share(cells, encoding, letters) for encoding, letters in _SCRIPTS}
        best = max(scripts, key=lambda encoding: scripts[encoding])
        if scripts[best] > 0.7:
            return best
    shares = {encoding: _share(cells, encoding, f"[{letters}]") for encoding, letters in _GUESSES}
    return max(shares, key=lambda encoding: shares[encoding])


def _share(cells: list[bytes], encoding: str, letters: str) -> float:
    """The share of what is beyond ASCII that reads as letters people would write; 0 if the bytes do not fit."""
    try:
        text = "\n".join(cell.decode(encoding) for cell in cells)
    except UnicodeDecodeError:
        return 0.0
    beyond = [c for c in text if not c.isascii()]
    # MÅller and иВАН: a capital inside a word of small letters, where no name has one.
    odd = sum(
        here.isupper() and not here.isascii() and before.isalpha() and (before.islower() or after.islower())
        for before, here, after in zip(text, text[1:], text[2:], strict=False)
    )
    return (len(re.findall(letters, "".join(beyond))) - odd) / len(beyond) if beyond else 0.0
