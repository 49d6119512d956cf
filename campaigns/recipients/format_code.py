"""Excel's number format codes, taken apart: sections, and the tokens in them.

ECMA-376 part 1, 18.8.31, describes the codes; what Excel shows for them is known from its output only.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from locale import windows_locale
from typing import NamedTuple


class Is(Enum):
    """What a token of a format code stands for."""

    LITERAL = auto()
    DIGIT = auto()  # 0 # ?
    POINT = auto()
    COMMA = auto()
    PERCENT = auto()
    SLASH = auto()  # of a fraction; in a date, what its language puts between day and month
    EXPONENT = auto()  # E+ E-
    TEXT = auto()  # @
    GENERAL = auto()
    DATE = auto()  # y m d e
    TIME = auto()  # h s, and m where it means minutes
    ELAPSED = auto()  # [h] [m] [s]
    FRACTION = auto()  # .00 of seconds
    HALF = auto()  # AM/PM A/P


class Token(NamedTuple):
    kind: Is
    text: str


@dataclass(frozen=True, slots=True, eq=False)  # one object per section of a code, so that it can be a cheap key
class Section:
    tokens: tuple[Token, ...]
    kinds: frozenset[Is]
    condition: tuple[str, float] | None = None
    locale: str = "en_US"  # of month and day names


_TOKEN = re.compile(
    r"""(?P<quoted>"[^"]*"?) | \\(?P<escaped>.?) | (?P<width>_.?) | (?P<fill>\*.?) | \[(?P<bracket>[^\]]*)\]?
      | (?P<general>General) | (?P<half>AM/PM|A/P) | (?P<exponent>E[+-]) | (?P<seconds>s+)(?P<fraction>[.,]0+)?
      | (?P<date>y+|m+|d+|h+|e+) | (?P<digit>[0#?]) | (?P<point>\.) | (?P<comma>,) | (?P<percent>%) | (?P<slash>/)
      | (?P<text>@) | (?P<next>;) | (?P<other>.)""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?[\d.]+)\Z")
_MOST_SECTIONS = 4

# `[$-F800]` and `[$-F400]` mean the system's long date and time, whatever else the section says.
_SYSTEM = {0xF800: "dddd, mmmm d, yyyy", 0xF400: "h:mm:ss AM/PM"}


@lru_cache(maxsize=1_000)
def sections_of(code: str) -> tuple[Section, ...]:
    """The sections of a format code, at most four."""
    sections: list[Section] = []
    tokens: list[Token] = []
    condition: tuple[str, float] | None = None
    locale = "en_US"
    for found in _TOKEN.finditer(code):
        if found["next"]:
            sections.append(_section(tokens, condition, locale))
            tokens, condition, locale = [], None, "en_US"
        elif found["bracket"] is not None:
            inside = found["bracket"]
            if (compared := _CONDITION.match(inside)) is not None:
                condition = (compared[1], _number(compared[2]))
            elif (system := _system_code(inside)) is not None:
                return sections_of(system)
            else:
                tokens.extend(_bracket(inside))
                locale = _locale_of(inside) or locale
        else:
            tokens.extend(_tokens(found))
    sections.append(_section(tokens, condition, locale))
    return tuple(sections[:_MOST_SECTIONS])


def _section(tokens: Sequence[Token], condition: tuple[str, float] | None, locale: str) -> Section:
    kinds = {token.kind for token in tokens}
    if kinds & {Is.DATE, Is.TIME, Is.ELAPSED, Is.HALF}:
        tokens = _dated(tokens)
        kinds = {token.kind for token in tokens}
    return Section(tuple(tokens), frozenset(kinds), condition, locale)


_SIMPLE = {
    "general": Is.GENERAL,
    "half": Is.HALF,
    "exponent": Is.EXPONENT,
    "digit": Is.DIGIT,
    "point": Is.POINT,
    "comma": Is.COMMA,
    "percent": Is.PERCENT,
    "slash": Is.SLASH,
    "text": Is.TEXT,
    "other": Is.LITERAL,
    "escaped": Is.LITERAL,
}


def _tokens(found: re.Match[str]) -> list[Token]:
    name = found.lastgroup or ""
    if found["seconds"]:
        seconds = [Token(Is.TIME, found["seconds"].lower())]
        return [*seconds, Token(Is.FRACTION, "." + found["fraction"][1:])] if found["fraction"] else seconds
    if name == "date":
        text = found["date"].lower()
        return [Token(Is.TIME if text[0] == "h" else Is.DATE, text)]
    if name == "quoted":
        return [Token(Is.LITERAL, found["quoted"].strip('"'))]
    if name == "width":
        return [Token(Is.LITERAL, " ")]  # as wide as a character: what a person sees is a blank
    if name == "fill":
        return []  # fills the cell's width, which a mail does not have
    return [Token(_SIMPLE[name], found[name])]


def _bracket(inside: str) -> list[Token]:
    lower = inside.lower()
    if lower and lower.strip(lower[0]) == "" and lower[0] in "hms":
        return [Token(Is.ELAPSED, lower)]
    if inside.startswith("$"):  # [$€-407]: a currency's sign and whose habits it follows
        sign = inside[1:].split("-", 1)[0]
        return [Token(Is.LITERAL, sign)] if sign else []
    return []  # a colour


def _dated(tokens: Sequence[Token]) -> list[Token]:
    """Tokens of a date or time: m after an hour or before a second means minutes, all else is literal."""
    clock = [i for i, token in enumerate(tokens) if token.kind in (Is.DATE, Is.TIME, Is.ELAPSED)]
    minutes = set()
    for n, i in enumerate(clock):
        if tokens[i].text in ("m", "mm"):
            before = tokens[clock[n - 1]].text[0] if n else ""
            after = tokens[clock[n + 1]].text[0] if n + 1 < len(clock) else ""
            if before == "h" or after == "s":
                minutes.add(i)
    dated = []
    for i, token in enumerate(tokens):
        if i in minutes:
            dated.append(Token(Is.TIME, token.text))
        elif token.kind in (Is.DATE, Is.TIME, Is.ELAPSED, Is.HALF, Is.FRACTION, Is.SLASH):
            dated.append(token)
        elif token.kind not in (Is.TEXT, Is.GENERAL):
            dated.append(Token(Is.LITERAL, token.text))
    return dated


def _lcid(inside: str) -> int | None:
    if not inside.startswith("$") or "-" not in inside:
        return None
    try:
        return int(inside.rsplit("-", 1)[1], 16) & 0xFFFF
    except ValueError:
        return None


def _system_code(inside: str) -> str | None:
    lcid = _lcid(inside)
    return _SYSTEM.get(lcid) if lcid is not None else None


def _locale_of(inside: str) -> str | None:
    lcid = _lcid(inside)
    return windows_locale.get(lcid) if lcid is not None else None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
