"""MJML to HTML: our own reading for the mistakes, then mrml.

mrml sees only mj-* tags: what authors write inside mj-text and its like is HTML, which it would misread or refuse
(a bare "<", an unquoted attribute, Outlook's comments). A word stands there meanwhile.
"""

import difflib
import html
import re

import mrml

from campaigns.compose import mjml_differs
from campaigns.compose.found import Found, at_most
from campaigns.compose.marked import Marks
from campaigns.compose.mjml_attributes import Attributes, HeadAttributes, own_attributes, written_out
from campaigns.compose.tags import CLOSE, COMMENT, OPEN, RAW, VOID, Token, attributes, tokens
from campaigns.errors import TemplateError, Where

_BODY, _COLUMN = ("mj-body", "mj-wrapper"), ("mj-column", "mj-hero")
_HEAD = ("mj-head",)
# mj tag -> the tags that it may stand in; mj-raw stands anywhere
_PARENTS: dict[str, tuple[str, ...]] = {
    "mjml": ("",),
    "mj-head": ("mjml",),
    "mj-body": ("mjml",),
    **dict.fromkeys(
        ["mj-attributes", "mj-breakpoint", "mj-font", "mj-html-attributes", "mj-preview", "mj-style", "mj-title"], _HEAD
    ),
    "mj-all": ("mj-attributes",),
    "mj-class": ("mj-attributes",),
    "mj-selector": ("mj-html-attributes",),
    "mj-html-attribute": ("mj-selector",),
    "mj-wrapper": ("mj-body",),
    "mj-section": _BODY,
    "mj-hero": _BODY,
    "mj-group": ("mj-section",),
    "mj-column": ("mj-section", "mj-group"),
    **dict.fromkeys(["mj-accordion", "mj-button", "mj-carousel", "mj-divider", "mj-image", "mj-navbar"], _COLUMN),
    **dict.fromkeys(["mj-social", "mj-table", "mj-text"], _COLUMN),
    "mj-spacer": (*_COLUMN, "mj-body"),
    "mj-accordion-element": ("mj-accordion",),
    "mj-accordion-title": ("mj-accordion-element",),
    "mj-accordion-text": ("mj-accordion-element",),
    "mj-carousel-image": ("mj-carousel",),
    "mj-navbar-link": ("mj-navbar",),
    "mj-social-element": ("mj-social",),
    "mj-raw": (),
}
# tags of MJML 3 -> what to do about them
_OLD = {
    "mj-container": "Take it out, and give its attributes to <mj-body>.",
    "mj-html": "Write <mj-raw>.",
    "mj-inline-links": "Write <mj-navbar>.",
    "mj-invoice": "Write <mj-table>.",
    "mj-link": "Write <mj-navbar-link>.",
    "mj-list": "Write <mj-text> with <ul> in it.",
    "mj-li": "Write <mj-text> with <ul> and <li> in it.",
    "mj-location": "Write <mj-text> with a link to a map.",
}
# what authors fill with HTML or text of their own
_FILLED = frozenset(
    [
        "mj-accordion-text",
        "mj-accordion-title",
        "mj-button",
        "mj-html-attribute",
        "mj-navbar-link",
        "mj-preview",
        "mj-raw",
        "mj-social-element",
        "mj-style",
        "mj-table",
        "mj-text",
        "mj-title",
    ]
)
# A layout's place for content is where MJML templates put sections; what Markdown makes is words, and needs these.
_AROUND_WORDS = {
    **dict.fromkeys(_BODY, ("mj-section", "mj-column", "mj-text")),
    **dict.fromkeys(("mj-section", "mj-group"), ("mj-column", "mj-text")),
    **dict.fromkeys(_COLUMN, ("mj-text",)),
}
_MAY_STAY_OPEN = frozenset(["p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option"])
_OPTIONS = mrml.RenderOptions(fonts={}, disable_comments=True)  # fonts={}: else it links to Google's servers
_PROLOGUE = re.compile(r"<\?xml[^<>]*\?>|<!doctype[^<>\[]*>", re.IGNORECASE)
_INLINE_STYLE = re.compile(r"\sinline\s*=\s*([\"']?)inline\1", re.IGNORECASE)
_UNIT = re.compile(r"&#(35|37|45|46|95);")  # # % - . _ in sizes and class names: mrml reads no entities
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_EMPTY_RAW = re.compile(r"<mj-raw[^<>]*(?:/>|></mj-raw>)")  # of a comment; mrml refuses it in some places
_OF_YAHOO_ALONE = ("@media screen, yahoo", "@media screen yahoo")  # mrml's comma hides a carousel's arrows from all
# On telephones, columns that share a group's width evenly get a whole number of percents.
_EVEN_WIDTH = re.compile(r"(mj-outlook-group-fix mj-column-per-[^\"]*\" style=\"[^\"]*\bwidth:\d+)\.\d{5,}%")
_FOR_OTHER_TAGS = ("mj-attributes", "mj-html-attributes")
# What mrml would spell out in attributes as programmers do: \n, \u{200d} inside of an emoji, \\
_SPELLED = re.compile(r"[^ -\[\]-~]")
_PLAIN = frozenset(("mj-title", "mj-preview"))  # mrml sets a title into an attribute, too


def as_html(mjml: str, marks: Marks) -> tuple[str, list[Found]]:
    """The page that this MJML says, and where it looks otherwise than the MJML compiler's.

    A TemplateError names the line of the first mistake.
    """
    reader = _Reader(_CDATA.sub(r"\1", mjml), marks)
    bones, filling = reader.read()
    try:
        page = str(mrml.to_html(bones, None, _OPTIONS).content)
    except BaseException as broken:  # a panic in Rust is no Exception
        if isinstance(broken, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise
        raise TemplateError(
            f"The MJML cannot be laid out: {broken}.", remedy="Compare the last change with the MJML documentation."
        ) from None
    page = _EVEN_WIDTH.sub(r"\1%", page.replace(*_OF_YAHOO_ALONE))
    page = re.sub(rf"{marks.nonce}f(\d+)z", lambda word: filling[int(word[1])], page)
    page = re.sub(rf"{marks.nonce}c(\d+)z", lambda word: chr(int(word[1])), page)
    return page, list(at_most(reader.found))


class _Reader:
    """Walks through MJML once: checks it, and parts it into mj-* tags and what fills them."""

    def __init__(self, mjml: str, marks: Marks) -> None:
        self.mjml = mjml
        self.marks = marks
        self.tokens = tokens(mjml)
        self.head = HeadAttributes(mjml, self.tokens)
        self.fonts = mjml_differs.Fonts()
        self.found: list[Found] = []
        self.open: list[tuple[str, Token]] = []  # mj-* tags; names as written
        self.classes = [""]  # of each of them: the mj-class that holds inside
        self.around: list[Attributes] = [{}]  # of each of them: its attributes
        self.bones: list[str] = []
        self.filling: list[str] = []

    def read(self) -> tuple[str, list[str]]:
        at = 0
        while at < len(self.tokens):
            token = self.tokens[at]
            at += 1
            if token.kind == OPEN:
                name = self._opened(token)
                if name in _FILLED and not self._closes_itself(token):
                    at = self._filled(name, at)
            elif token.kind == CLOSE:
                self._closed(token)
            elif token.kind == COMMENT:
                self._comment(token)
            else:
                self._text(token)
        if self.open:
            name, token = self.open[-1]
            self._mistake(f"<{name}> is not closed.", token, f"Write </{name}> where it ends.")
        if not self.bones:
            self._mistake("There is no <mjml> in this template.", None, "MJML begins with <mjml><mj-body>.")
        self.found += self.fonts.not_loaded(self.mjml)
        return _EMPTY_RAW.sub("", "".join(self.bones)), self.filling

    def _opened(self, token: Token) -> str:
        name = self.mjml[token.start + 1 : token.start + 1 + len(token.name)]
        self._known(name, token)
        self._placed(name, token)
        for one in attributes(self.mjml, token):
            if not one.quoted:
                what = f"The value of {one.name} in <{name}> has no quotes around it."
                self._mistake(what, token, f'Write {one.name}="{one.value}".')
        tag = self.mjml[token.start : token.end]
        if not tag.endswith(">"):
            self._mistake(f"<{name} is not finished.", token, "Look for a missing quote or a missing >.")
        own = effective = own_attributes(self.mjml, token)
        if name == "mj-all":
            tag = written_out(self.mjml, token, own, str)
        elif not self._for_other_tags(name):
            effective = self.head.effective(name, own, self.classes[-1], self.around[-1])
            self._look(name, token, effective)
            tag = written_out(self.mjml, token, effective, lambda text: _SPELLED.sub(self._as_word, text))
        # The CSS inliner does what inline="inline" asks for; mrml would drop the style.
        tag = _INLINE_STYLE.sub("", tag) if name == "mj-style" else _UNIT.sub(lambda n: chr(int(n[1])), tag)
        self._emit(name, tag)
        if not self._closes_itself(token):
            self.open.append((name, token))
            self.classes.append(own.get("mj-class", self.classes[-1]))
            self.around.append(effective)
        return name

    def _as_word(self, character: re.Match[str]) -> str:
        if character[0] in "\t\n\r":
            return " "
        return f"{self.marks.nonce}c{ord(character[0])}z"

    def _for_other_tags(self, name: str) -> bool:
        return any(one in _FOR_OTHER_TAGS for one, _ in self.open) or name in _FOR_OTHER_TAGS

    def _look(self, name: str, token: Token, effective: dict[str, str]) -> None:
        self.fonts.look(token, name, effective)
        self.found += mjml_differs.in_tag(self.mjml, token, name, effective)

    def _emit(self, name: str, tag: str) -> None:
        """Hands a tag on to mrml, but for what its own tags have been given already."""
        if not self._for_other_tags(name) or name in ("mj-attributes", "mj-all"):
            self.bones.append(tag)

    def _placed(self, name: str, token: Token) -> None:
        parents = _PARENTS[name]
        parent = self.open[-1][0] if self.open else ""
        if name == "mj-html-attributes":
            self.found.append(mjml_differs.without_html_attributes(self.mjml, token))
        if name == "mjml" and self.bones:
            self._mistake("There is a second <mjml>.", token, "One <mjml> holds all the rest.")
        if parent in ("mj-attributes", "mj-class") or (parent in parents if parents else parent):
            return
        inside = f"directly in <{parent}>" if parent else "at the top"
        belongs = " or ".join(f"<{one}>" for one in parents or ("mj-body",))
        remedy = f"It belongs in {belongs}." if name != "mjml" else "One <mjml> holds all the rest."
        self._mistake(f"<{name}> cannot stand {inside}.", token, remedy)

    def _known(self, name: str, token: Token) -> None:
        if name in _PARENTS:
            return
        if name == "mj-include":
            self._mistake("mj-include is not read here.", token, 'Write {% include "blocks/name.mjml" %} in its place.')
        if name in _OLD:
            self._mistake(f"<{name}> is a tag of MJML 3.", token, _OLD[name])
        if name.lower().startswith("mj"):
            near = difflib.get_close_matches(name.lower(), _PARENTS, 1)
            remedy = f"Did you mean <{near[0]}>?" if near else "Its documentation lists the tags of MJML."
            self._mistake(f"There is no tag <{name}> in MJML.", token, remedy)
        parent = self.open[-1][0] if self.open else ""
        inside = f"directly in <{parent}>" if parent else "before <mjml>"
        self._mistake(f"<{name}> stands {inside}.", token, "HTML belongs in <mj-text> or <mj-raw>.")

    def _closes_itself(self, token: Token) -> bool:
        return self.mjml.endswith("/>", token.start, token.end)

    def _closed(self, token: Token) -> None:
        name = self.mjml[token.start + 2 : token.start + 2 + len(token.name)]
        if not self.open:
            self._mistake(f"</{name}> closes nothing.", token, "Remove it, or open it before.")
        expected, opened = self.open[-1]
        if name != expected:
            self._mistake(
                f"</{name}> stands where <{expected}> of line {_line(self.mjml, opened.start)} is still open.",
                token,
                f"Write </{expected}> before it, or remove it.",
            )
        self.open.pop()
        self.classes.pop()
        self.around.pop()
        self._emit(name, f"</{name}>")

    def _filled(self, name: str, at: int) -> int:
        """Takes out what stands in a filled tag; the index of the token that closes it."""
        opened = self.open[-1][1]
        inner: list[Token] = []
        for index in range(at, len(self.tokens)):
            token = self.tokens[index]
            if token.outlook:
                continue
            if token.kind == CLOSE and token.name == name:
                for left in reversed(inner):
                    if left.name not in _MAY_STAY_OPEN and name != "mj-raw":
                        self._mistake(f"<{left.name}> is not closed.", left, f"Write </{left.name}> where it ends.")
                self._fill(name, self.mjml[opened.end : token.start])
                return index
            if token.kind in (OPEN, CLOSE) and token.name.startswith("mj-"):
                what = self.mjml[token.start : token.end][:40]
                self._mistake(
                    f"{what} stands where <{name}> of line {_line(self.mjml, opened.start)} is still open.",
                    token,
                    f"Write </{name}> before it.",
                )
            self._inner(name, inner, token)
        self._mistake(f"<{name}> is not closed.", opened, f"Write </{name}> where it ends.")
        raise AssertionError

    def _inner(self, name: str, inner: list[Token], token: Token) -> None:
        if token.kind == OPEN and token.name not in VOID and not self._closes_itself(token):
            inner.append(token)
        elif token.kind == CLOSE:
            while inner and inner[-1].name != token.name and inner[-1].name in _MAY_STAY_OPEN:
                inner.pop()
            if inner and inner[-1].name == token.name:
                inner.pop()
            elif name != "mj-raw" and token.name not in ("p", "br"):  # </p> and </br> make an element of their own
                self._mistake(
                    f"</{token.name}> closes nothing that is open here.", token, "Remove it, or open it before."
                )

    def _fill(self, name: str, inside: str) -> None:
        if name in _PLAIN:
            inside = html.escape(html.unescape(inside))
        if inside.strip() and not self._for_other_tags(name):
            self.bones.append(f"{self.marks.nonce}f{len(self.filling)}z")
            self.filling.append(inside)

    def _comment(self, token: Token) -> None:
        """Outlook's comments belong in mj-raw; others are for the author alone."""
        written = self.mjml[token.start : token.end]
        if written.startswith("<!--") and not written.startswith("<!--[if") and "[endif]" not in written:
            return
        if not self.bones and _PROLOGUE.fullmatch(written):
            return
        self._mistake(f"{written[:30]} cannot stand between MJML tags.", token, "Remove it, or put it into <mj-raw>.")

    def _text(self, token: Token) -> None:
        written = self.mjml[token.start : token.end]
        if token.kind == RAW or not written.strip(" \t\r\n\ufeff"):
            return
        parent = self.open[-1][0] if self.open else ""
        if written.strip() == self.marks.content and (around := _AROUND_WORDS.get(parent)):
            self.bones += [f"<{name}>" for name in around]
            self._fill("mj-text", self.marks.content)
            self.bones += [f"</{name}>" for name in reversed(around)]
            return
        inside = f"directly in <{parent}>" if parent else "outside of <mjml>"
        first = token._replace(start=token.start + len(written) - len(written.lstrip()))
        self._mistake(f"Text stands {inside}.", first, "Text belongs in <mj-text>.")

    def _mistake(self, sentence: str, token: Token | None, remedy: str) -> None:
        raise mistake(self.mjml, token.start if token else 0, sentence, remedy)


def mistake(text: str, at: int, sentence: str, remedy: str) -> TemplateError:
    """A TemplateError that names the line and column of `at`."""
    begin = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    source_line = text[begin : end if end >= 0 else len(text)]
    where = Where(line=_line(text, at), column=str(at - begin + 1))
    return TemplateError(sentence, where=where, remedy=remedy, source_line=source_line)


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
