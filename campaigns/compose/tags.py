"""HTML as a mail program reads it: a tokenizer by the rules of the HTML standard (13.2.5), for looking, not for repairing.

It gives positions, so that what is found can be named and replaced where it stands. What it reads has passed an HTML
parser and serializer, or will pass one.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

TEXT, OPEN, CLOSE, COMMENT, RAW = range(5)  # RAW: what stands inside <style>, <script> and their like

VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
RAW_TEXT = frozenset(["style", "script", "xmp", "iframe", "noembed", "noframes", "plaintext", "mj-style"])
_ENDED_BY_NAME = RAW_TEXT | {"title", "textarea"}  # the last two hold no tags, but entities
_SELF_ENDED = frozenset(
    ["p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option"]
)  # a second one ends the first
_FORMATTING = frozenset(
    ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"]
)
_MADE = 200_000  # elements that come into being without being written

_BLANK = r"[\t\n\f\r ]"
_ATTRIBUTE = (
    rf"[\t\n\f\r /]*+(=?[^\t\n\f\r />=]++|=)"
    rf"({_BLANK}*+={_BLANK}*+(\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|[^\t\n\f\r >\"'][^\t\n\f\r >]*+)?+)?+"
)
_ATTRIBUTES = re.compile(_ATTRIBUTE)
_NO_GROUPS = _ATTRIBUTE.replace("(=?", "(?:=?").replace(f"({_BLANK}", f"(?:{_BLANK}").replace('(\\"', '(?:\\"')
_PIECE = re.compile(
    r"([^<]++)"
    rf"|<(/?)([A-Za-z][^\t\n\f\r />]*+)(?:{_NO_GROUPS})*+[\t\n\f\r /]*+(?:>|\Z)"
    r"|(<!--(?:-?>|.*?(?:--!?>|\Z)))"
    r"|(<(?:[!?]|/[^A-Za-z])[^>]*+>?)"
    r"|<",
    re.DOTALL,
)
_IS_TEXT, _IS_TAG, _IS_COMMENT, _IS_BOGUS = 1, 3, 4, 5  # the groups of _PIECE; none for a lone "<", which is text
_CONDITION = re.compile(r"<!--\[if[^\]]*+\]>(?!<!--|-->)")
_CONDITION_END = "<![endif]-->"


class Token(NamedTuple):
    kind: int
    start: int
    end: int
    name: str  # of the tag, in lower case; for RAW of the tag around it
    outlook: bool  # inside a conditional comment, which only Outlook for Windows reads


class Attribute(NamedTuple):
    name: str  # in lower case
    value: str  # as written, entities and all
    start: int  # where the value begins, behind its quote
    quoted: bool  # or without any value


def tokens(html: str) -> list[Token]:
    """All of `html`, piece by piece; what stands in Outlook's conditional comments is read as well."""
    found: list[Token] = []
    _read(html, 0, len(html), False, found)
    return found


def _read(html: str, at: int, end: int, outlook: bool, found: list[Token]) -> None:
    while at < end:
        piece = _PIECE.match(html, at, end)
        assert piece is not None
        start, at, which = at, piece.end(), piece.lastindex
        if which == _IS_TAG:
            name = piece[3].lower()
            found.append(Token(CLOSE if piece[2] else OPEN, start, at, name, outlook))
            if name in _ENDED_BY_NAME and not piece[2]:
                inside = _end_of_raw(html, name, at, end)
                if inside > at:
                    found.append(Token(RAW if name in RAW_TEXT else TEXT, at, inside, name, outlook))
                at = inside
        elif which in (_IS_COMMENT, _IS_BOGUS):
            _read_comment(html, start, at, outlook, found)
        else:
            found.append(Token(TEXT, start, at, "", outlook))


def _read_comment(html: str, start: int, end: int, outlook: bool, found: list[Token]) -> None:
    condition = None if outlook else _CONDITION.match(html, start, end)
    if condition is None or not html.endswith(_CONDITION_END, condition.end(), end):
        found.append(Token(COMMENT, start, end, "", outlook))
        return
    inside, ending = condition.end(), end - len(_CONDITION_END)
    found.append(Token(COMMENT, start, inside, "", True))
    _read(html, inside, ending, True, found)
    found.append(Token(COMMENT, ending, end, "", True))


def _end_of_raw(html: str, name: str, at: int, end: int) -> int:
    if name == "plaintext":
        return end
    closing = re.compile(rf"</{re.escape(name)}(?=[\t\n\f\r />])", re.IGNORECASE).search(html, at, end)
    return closing.start() if closing else end


def attributes(html: str, tag: Token) -> Iterator[Attribute]:
    """The attributes of an OPEN token in their order."""
    at = tag.start + 1 + len(tag.name)
    while found := _ATTRIBUTES.match(html, at, tag.end - 1):
        written = found[3] or ""
        quoted = written[:1] in ('"', "'", "")
        start = found.start(3) + (1 if quoted and written else 0) if written else found.end()
        value = written[1:].removesuffix(written[0]) if quoted and written else written
        yield Attribute(found[1].lower(), value, start, quoted)
        at = found.end()


def attribute(html: str, tag: Token, name: str) -> str | None:
    """The value of one attribute as written; None if the tag has none of that name."""
    return next((one.value for one in attributes(html, tag) if one.name == name), None)


def too_deep(read: list[Token], limit: int) -> Token | None:
    """The tag at which an HTML parser would nest more than `limit` deep, or make elements without measure.

    A formatting tag that is closed out of turn opens again in each block after it (13.2.4.3): it adds to the depth, and
    to the number of elements each time.
    """
    names: list[str] = []
    again: list[str] = []
    made = 0
    for token in read:
        name = token.name
        if token.outlook:
            continue
        if token.kind == OPEN:
            made += len(again)
            if name in VOID:
                continue
            if names and names[-1] == name and name in _SELF_ENDED:
                names.pop()
            names.append(name)
            if len(names) + len(again) > limit or made > _MADE:
                return token
        elif token.kind == CLOSE:
            if name in names:
                while (closed := names.pop()) != name:
                    if closed in _FORMATTING:
                        again.append(closed)
            elif name in again:
                again.remove(name)
    return None
