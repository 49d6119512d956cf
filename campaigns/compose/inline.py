"""A whole page with its CSS inlined: mail programs that drop <style> still show what was meant."""

import re

import css_inline

from campaigns.compose.cascade import Cascade
from campaigns.compose.tags import OPEN, Token
from campaigns.model.finding import Finding
from campaigns.model.states import Severity

# What an inline style cannot say (@media, :hover, ::before) stays in the style block. The inliner opens files and
# addresses unless it is told not to; links to style sheets stay as they are and are for the mail program to load.
_INLINER = css_inline.CSSInliner(
    load_remote_stylesheets=False, keep_style_tags=True, remove_inlined_selectors=True, keep_link_tags=True
)
_MATCHES = 20_000_000  # rules times elements; beyond it the inliner takes many seconds

_NOT_INLINED = Finding(
    "not_inlined",
    Severity.WARNS,
    "The CSS could not be inlined: the mail keeps its style block, and some mail programs will not show its styles.",
    "Look for a mistake in the <style> block, or set style attributes by hand.",
)
# What Outlook shows to others ("downlevel-revealed") is no comment to it, and a wrong one to an HTML parser: this way
# of writing it is right for both.
_REVEALED = re.compile(r"(?<!--)<!\[(if [^\]>]*|endif)\]>")
_HTML = re.compile(r"<(?:html|body)[\s>]", re.IGNORECASE)
_DOCTYPE = re.compile(r"\s*(?:<!--.*?-->\s*)*<!doctype", re.IGNORECASE | re.DOTALL)
_ANY_DOCTYPE = re.compile(r"<!doctype[^<>]*+>", re.IGNORECASE)
_CHARSET = re.compile(r"(charset\s*=\s*[\"']?)([\w-]+)", re.IGNORECASE)


def page(html: str) -> str:
    """`html` as a whole page: what a fragment lacks is put around it."""
    html = _REVEALED.sub(lambda m: "<!--<![endif]-->" if m[1] == "endif" else f"<!--[{m[1]}]><!-->", html)
    if not _HTML.search(html):
        return f'<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n</head>\n<body>\n{html}\n</body>\n</html>\n'
    return html if _DOCTYPE.match(html) else f"<!DOCTYPE html>\n{html}"


def inlined(html: str) -> tuple[str, list[Finding]]:
    """The page with its rules in style attributes; unchanged, with a Finding, where the inliner fails."""
    if _takes_long(html):
        return html, [_NOT_INLINED]
    try:
        cascade = Cascade(html)
        made, findings = cascade.after_inlining(str(_INLINER.inline(cascade.before_inlining(html))))
    except BaseException as broken:  # a panic in Rust is no Exception
        if isinstance(broken, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise
        return html, [_NOT_INLINED]
    return _with_doctype_of(html, made), findings


def _with_doctype_of(html: str, inlined_page: str) -> str:
    """The inliner knows one doctype only; XHTML's older ones set no gap below a picture in a table."""
    authors = _ANY_DOCTYPE.search(html)
    return _ANY_DOCTYPE.sub(lambda _: authors[0], inlined_page, count=1) if authors else inlined_page


def _takes_long(html: str) -> bool:
    return html.count("{") * html.count("<") > _MATCHES


def in_utf8(html: str, read: list[Token]) -> list[tuple[int, int, str]]:
    """The replacements that make a page say it is in UTF-8, as every mail part of ours is."""
    said: list[tuple[int, int, str]] = []
    behind_head = None
    for token in read:
        if token.kind != OPEN or token.outlook:
            continue
        if token.name == "head":
            behind_head = token.end
        elif token.name == "meta":
            charset = _CHARSET.search(html, token.start, token.end)
            if charset:
                said.append((charset.start(2), charset.end(2), "utf-8"))
        elif token.name == "body":
            break
    if not said and behind_head is not None:
        said.append((behind_head, behind_head, '<meta charset="utf-8">'))
    return said
