"""The text part: what the HTML says, for those who read no HTML.

Breaks are kept as control characters until the text of a block is whole: SOFT ends a line, GAP leaves a line empty,
HARD is a <br>, KEPT a blank that stays. They are no part of any template (layout refuses or drops them).
"""

import html as entities
import re
from dataclasses import dataclass, field

from campaigns.compose.contexts import url_escape
from campaigns.compose.marked import MarkedMail, Marks
from campaigns.compose.tags import CLOSE, OPEN, TEXT, VOID, Token, attribute, attributes
from campaigns.message.shape import Escape, Hole, Pieces

_SOFT, _GAP, _HARD, _KEPT, _LINK = "\x01", "\x02", "\x03", "\x04", "\x05"
_BREAKS = re.compile(r"[\x01-\x03][\x01-\x03 ]*")
_BLANKS = re.compile(r"\s+")
_INVISIBLE = str.maketrans("", "", "\u034f\u00ad\u200b\u2060\ufeff\x01\x02\x03\x04\x05")
_URL_MARK = r"\x05(\d):(\d+)\x05"
_HIDING = re.compile(r"display: ?none|visibility\s*:\s*hidden|max-height\s*:\s*0(?![.\d])")
_HIDING_WORDS = ("display: none", "display:none", "hid", "max-height")  # a tag without them hides nothing

_UNREAD = frozenset(
    [
        "head",
        "style",
        "script",
        "title",
        "noscript",
        "template",
        "object",
        "svg",
        "select",
        "audio",
        "video",
        "iframe",
        "map",
    ]
)
_PARAGRAPHS = frozenset(
    [
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "pre",
        "blockquote",
        "table",
        "ul",
        "ol",
        "dl",
        "figure",
        "address",
        "form",
        "fieldset",
    ]
)
_BLOCKS = frozenset(
    [
        "div",
        "section",
        "article",
        "header",
        "footer",
        "main",
        "nav",
        "aside",
        "center",
        "tr",
        "td",
        "th",
        "caption",
        "dt",
        "dd",
        "figcaption",
        "body",
        "legend",
    ]
)
_FRAMES = frozenset(["a", "li", "blockquote", "td", "th", "tr", "table", "ul", "ol", "pre"])


@dataclass(slots=True)
class _Frame:
    """An element whose text is made when it ends."""

    name: str
    said: list[str] = field(default_factory=list)
    url: str = ""  # of a link
    number: int = 0  # of the next item in an ordered list; 0 in others
    cells: list[str] = field(default_factory=list)  # of a row
    rows: list[list[str]] = field(default_factory=list)  # of a table
    layout: bool = False  # a table that only places things
    headed: bool = False  # a table with <th>


def text_pieces(html: str, read: list[Token], marks: Marks, mail: MarkedMail) -> Pieces:
    """The text part of a page, with the marks of the page as holes."""
    text = _Writer(html, marks, mail).write(read)
    pieces: list[str | Hole] = []
    at = 0
    for mark in re.finditer(rf"{marks.pattern.pattern}|{_URL_MARK}", text):
        if mark.start() > at:
            pieces.append(text[at : mark.start()])
        at = mark.end()
        escape = Escape(int(mark[2])) if mark[2] else Escape.PLAIN
        pieces.append(Hole(mail.slots[int(mark[1] or mark[3])], escape))
    return (*pieces, text[at:]) if at < len(text) else tuple(pieces)


class _Writer:
    def __init__(self, html: str, marks: Marks, mail: MarkedMail) -> None:
        self.html = html
        self.marks = marks
        self.mail = mail
        self.open: list[str] = []
        self.hidden = 0  # from which depth on nothing is read
        self.frames = [_Frame("")]

    def write(self, read: list[Token]) -> str:
        for token in read:
            if token.outlook:
                continue
            if token.kind == TEXT:
                if not self.hidden:
                    self._text(token)
            elif token.kind == OPEN:
                self._open(token)
            elif token.kind == CLOSE:
                self._close(token.name)
        while self.open:
            self._end(self.open.pop())
        whole = _whole(self.frames[0].said).replace(_KEPT, " ")
        return f"{whole}\n" if whole else ""

    def _text(self, token: Token) -> None:
        text = entities.unescape(self.html[token.start : token.end]).translate(_INVISIBLE)
        if any(frame.name == "pre" for frame in self.frames):
            self._say(text.replace("\n", _HARD).replace(" ", _KEPT))
        else:
            self._say(_BLANKS.sub(" ", text))

    def _say(self, text: str) -> None:
        self.frames[-1].said.append(text)

    def _open(self, token: Token) -> None:
        name = token.name
        if name not in VOID:
            self.open.append(name)
            if not self.hidden and (name in _UNREAD or self._hides(token)):
                self.hidden = len(self.open)
        if self.hidden:
            return
        if name == "br":
            self._say(_HARD)
        elif name == "hr":
            self._say(f"{_GAP}{'-' * 40}{_GAP}")
        elif name == "img":
            self._say(_BLANKS.sub(" ", self._value(token, "alt")))
        elif name in _FRAMES:
            self.frames.append(self._frame(token))
        elif name in _PARAGRAPHS:
            self._say(_GAP)
        elif name in _BLOCKS:
            self._say(_SOFT)

    def _frame(self, token: Token) -> _Frame:
        frame = _Frame(token.name)
        if token.name == "a":
            frame.url = _BLANKS.sub("", self._value(token, "href"))
        elif token.name == "table":
            frame.layout = attribute(self.html, token, "role") in ("presentation", "none")
        elif token.name == "ol":
            start = attribute(self.html, token, "start") or "1"
            frame.number = int(start) if start.isdecimal() and len(start) < 7 else 1
        return frame

    def _value(self, token: Token, name: str) -> str:
        return entities.unescape(attribute(self.html, token, name) or "").translate(_INVISIBLE)

    def _hides(self, token: Token) -> bool:
        written = self.html[token.start : token.end].lower()
        if not any(word in written for word in _HIDING_WORDS):
            return False
        return any(
            one.name == "hidden" or (one.name == "style" and _HIDING.search(one.value.lower()))
            for one in attributes(self.html, token)
        )

    def _close(self, name: str) -> None:
        if name not in self.open:
            return
        while (closed := self.open.pop()) != name:
            self._end(closed)
        self._end(name)

    def _end(self, name: str) -> None:
        if self.hidden:
            if len(self.open) < self.hidden:
                self.hidden = 0
            return
        if name in _FRAMES:
            frame = self.frames.pop()
            _ENDS[name](self, frame)
        elif name in _PARAGRAPHS:
            self._say(_GAP)
        elif name in _BLOCKS:
            self._say(_SOFT)

    def end_link(self, frame: _Frame) -> None:
        said = "".join(frame.said)
        text = _whole(frame.said)
        shown = frame.url.removeprefix("mailto:") if "?" not in frame.url else frame.url
        if not frame.url or frame.url.startswith("#") or _same(text, frame.url):
            link = text
        else:
            link = f"{text} ({self._url(shown)})" if text else self._url(shown)
        block = _SOFT if _BREAKS.search(said) else ""
        before = " " if said[:1] == " " else ""
        after = " " if said[-1:] == " " and text else ""
        self._say(f"{block}{before}{link}{after}{block}")

    def _url(self, url: str) -> str:
        """The URL with its marks changed into such as know how they are escaped."""

        def as_link(mark: re.Match[str]) -> str:
            number = int(mark[1])
            escape, _ = url_escape(url[: mark.start()], number, self.mail)
            return f"{_LINK}{int(_PLAIN[escape])}:{number}{_LINK}"

        return self.marks.pattern.sub(as_link, url)

    def end_item(self, frame: _Frame) -> None:
        above = self.frames[-1]
        mark = "-"
        if above.number:
            mark = f"{above.number}."
            above.number += 1
        self._say(f"{_SOFT}{_hang(f'{mark} ', _whole(frame.said))}{_SOFT}")

    def end_list(self, frame: _Frame) -> None:
        nested = any(above.name == "li" for above in self.frames)
        gap = _SOFT if nested else _GAP
        self._say(f"{gap}{_whole(frame.said)}{gap}")

    def end_quote(self, frame: _Frame) -> None:
        quoted = "\n".join(f"> {line}".rstrip() for line in _whole(frame.said).split("\n"))
        self._say(f"{_GAP}{quoted}{_GAP}")

    def end_pre(self, frame: _Frame) -> None:
        self._say(f"{_GAP}{_whole(frame.said)}{_GAP}")

    def end_cell(self, frame: _Frame) -> None:
        above = self.frames[-1]
        if above.name == "tr":
            above.cells.append(_whole(frame.said))
            above.headed = above.headed or frame.name == "th"
        else:
            self._say(f"{_SOFT}{_whole(frame.said)}{_SOFT}")

    def end_row(self, frame: _Frame) -> None:
        above = self.frames[-1]
        if above.name == "table":
            above.rows.append(frame.cells)
            above.headed = above.headed or frame.headed
        else:
            self._say(_SOFT + _SOFT.join(frame.cells) + _SOFT)

    def end_table(self, frame: _Frame) -> None:
        rows = frame.rows if frame.headed else [[cell for cell in row if cell] for row in frame.rows]
        cells = [cell for row in rows for cell in row]
        places = frame.layout or any("\n" in cell for cell in cells) or all(len(row) < 2 for row in rows)
        if places and not frame.headed:
            table = _GAP.join(cells)
        else:
            table = _SOFT.join(" | ".join(row) for row in rows if any(row))
        around = _whole(frame.said)  # a caption, or what does not belong in a table
        self._say(f"{_GAP}{around}{_SOFT}{table}{_GAP}")


_ENDS = {
    "a": _Writer.end_link,
    "li": _Writer.end_item,
    "ul": _Writer.end_list,
    "ol": _Writer.end_list,
    "blockquote": _Writer.end_quote,
    "pre": _Writer.end_pre,
    "td": _Writer.end_cell,
    "th": _Writer.end_cell,
    "tr": _Writer.end_row,
    "table": _Writer.end_table,
}
_PLAIN = {
    Escape.HTML: Escape.PLAIN,
    Escape.HTML_URL: Escape.PLAIN_URL,
    Escape.HTML_URL_PART: Escape.PLAIN_URL_PART,
}


def _whole(said: list[str]) -> str:
    """The text of a block: its breaks become line ends, at most one empty line at a time."""
    text = "".join(said)
    if "  " in text:
        text = re.sub(" {2,}", " ", text)
    text = _BREAKS.sub(_line_ends, text).replace(" \n", "\n")
    return text.strip(" \n")


def _line_ends(breaks: re.Match[str]) -> str:
    return "\n\n" if _GAP in breaks[0] or breaks[0].count(_HARD) > 1 else "\n"


def _hang(mark: str, text: str) -> str:
    """`text` behind its list mark, all lines after the first as far in."""
    return mark + re.sub(r"\n(?=[^\n])", "\n" + _KEPT * len(mark), text)


def _same(text: str, url: str) -> bool:
    def bare(link: str) -> str:
        return re.sub(r"^(?:https?://(?:www\.)?|mailto:|tel:)", "", link.strip().lower()).rstrip("/")

    return bare(text) == bare(url)
