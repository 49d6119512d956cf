"""Where a mark stands in HTML, and so how its value is escaped there; and which links a mail may hold."""

import html as entities
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from campaigns.compose.marked import MarkedMail, Marks
from campaigns.compose.tags import CLOSE, COMMENT, OPEN, RAW, TEXT, Attribute, Token, attributes
from campaigns.message.shape import Escape

URL_ATTRIBUTES = frozenset(
    [
        "href",
        "src",
        "srcset",
        "action",
        "formaction",
        "background",
        "poster",
        "cite",
        "data",
        "longdesc",
        "ping",
        "xlink:href",
        "usemap",
        "codebase",
    ]
)
_FIT = re.compile(r"https?://[^\s/?#]|mailto:[^\s?]|tel:[^\s]", re.IGNORECASE)
_IN_CSS_URL = re.compile(r"url\(\s*[\"']?(https?://[^\s\"'()\\]*)$", re.IGNORECASE)
_IGNORED_IN_URL = re.compile(r"[\x00-\x20]+")  # browsers skip them: "java\tscript:" runs


class Stand(NamedTuple):
    """One mark in its place."""

    number: int
    start: int
    end: int
    escape: Escape | None  # None: in code, where no escaping is safe
    place: str = ""  # for a person: "a style attribute"; "alt=" for an attribute that is neither code nor a link
    starts_url: bool = False  # the value decides where the link leads


def stands(html: str, read: list[Token], marks: Marks, mail: MarkedMail) -> Iterator[Stand]:
    """Every mark in `html`, in order."""
    starts = [token.start for token in read]
    last: Token | None = None
    inside: list[Attribute] = []
    for mark in marks.pattern.finditer(html):
        token = read[bisect_right(starts, mark.start()) - 1]
        number, start, end = int(mark[1]), mark.start(), mark.end()
        if token.kind != OPEN:
            place = _PLACES.get(token.kind, "")
            escape = Escape.HTML if token.kind == TEXT else None
            yield Stand(number, start, end, escape, place or f"<{token.name}>")
            continue
        if token is not last:
            last, inside = token, list(attributes(html, token))
        yield _in_tag(html, Stand(number, start, end, None), inside, mail)


_PLACES = {COMMENT: "a comment", CLOSE: "a tag's name", TEXT: "text", RAW: ""}


def _in_tag(html: str, stand: Stand, inside: list[Attribute], mail: MarkedMail) -> Stand:
    one = next((a for a in inside if a.start <= stand.start and stand.end <= a.start + len(a.value)), None)
    if one is None:
        return stand._replace(place="the name of a tag or attribute")
    if not one.quoted:
        return stand._replace(place=f"{one.name}= without quotes around it")
    if one.name == "style":
        behind = _IN_CSS_URL.search(entities.unescape(html[one.start : stand.start]))
        if behind is None:
            return stand._replace(place="a style attribute")
        # Percent-encoded, a value holds no character that could end url(...).
        escape, _ = url_escape(behind[1], stand.number, mail)
        return stand._replace(escape=escape, place="a link")
    if one.name.startswith("on") or one.name == "srcdoc":
        return stand._replace(place=f"the script attribute {one.name}")
    if one.name == "content" and any(a.name == "http-equiv" for a in inside):
        return stand._replace(place="<meta http-equiv>")
    if one.name not in URL_ATTRIBUTES:
        return stand._replace(escape=Escape.HTML, place=f"{one.name}=")
    before = entities.unescape(html[one.start : stand.start])
    if one.name == "srcset":  # candidates are parted by commas
        before = before.rpartition(",")[2]
    escape, starts_url = url_escape(_IGNORED_IN_URL.sub("", before), stand.number, mail)
    return stand._replace(escape=escape, place="a link", starts_url=starts_url)


def url_escape(before: str, number: int, mail: MarkedMail) -> tuple[Escape, bool]:
    """How a value is written behind `before` in a URL, and whether it decides where the link leads."""
    if not before:
        ours = mail.slots[number] < 0  # a link that we make: whole, legal, to be trusted
        return (Escape.HTML, False) if ours else (Escape.HTML_URL, True)
    if before.lower() == "tel:":  # RFC 3966: a plus sign must stay one
        return Escape.HTML_URL, False
    return (Escape.HTML if number in mail.encoded else Escape.HTML_URL_PART), False


def link_is_fit(value: str) -> bool:
    """Whether a mail may link to `value`: http, https, mailto or tel, and something behind it."""
    return _FIT.match(value.strip()) is not None


def scheme(url: str) -> str:
    """The scheme of a URL as written in HTML, in lower case, seen as a browser sees it; "" for a relative one."""
    seen = _IGNORED_IN_URL.sub("", entities.unescape(url))
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", seen)
    return found[1].lower() if found else ""
