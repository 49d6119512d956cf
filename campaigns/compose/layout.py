"""From a marked mail to a shape: laid out once, for all recipients who share its path through the template."""

import html as entities
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from campaigns.compose.balance import unbalanced
from campaigns.compose.contexts import Stand, stands
from campaigns.compose.found import Found, at_most
from campaigns.compose.images import ImageFolder
from campaigns.compose.inbox import check_direction, check_preheader
from campaigns.compose.inline import in_utf8, inlined, page
from campaigns.compose.links import Links, listed
from campaigns.compose.marked import MarkedMail, Marks, TemplateKind
from campaigns.compose.support import unsupported
from campaigns.compose.tags import COMMENT, OPEN, Token, tokens, too_deep
from campaigns.compose.textpart import text_pieces
from campaigns.errors import TemplateError
from campaigns.message.shape import Escape, Hole, Pieces, Shape
from campaigns.model.finding import Finding
from campaigns.model.states import Severity

DEEPEST = 256  # nested tags; the CSS inliner dies at some 10,000
LARGEST = 1_000_000  # bytes of one mail before layout

_DECIDING = frozenset(("class=", "id=", "mj-class=", "css-class="))  # which rules apply depends on the value
_PREHEADER = (
    '<div style="display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;mso-hide:all;font-size:1px;'
    'line-height:1px;color:transparent">'
)
_FILLER = "&#847;&zwnj;&nbsp;" * 60  # else inboxes show the first words of the body behind the preheader


@dataclass(frozen=True)
class LaidOut:
    shape: Shape
    findings: tuple[Finding, ...]
    url_slots: frozenset[int] = frozenset()  # values that begin a link: `contexts.link_is_fit` must hold for them


@dataclass(frozen=True)
class NeedsLiterals:
    """Layout drops these marks, or does not lay out alike whatever the value: the values must stand there themselves."""

    numbers: frozenset[int]


def lay_out(mail: MarkedMail, marks: Marks, images: ImageFolder) -> LaidOut | NeedsLiterals:
    """The shape of a mail, or which of its marks cannot pass; a TemplateError where there is no way to lay it out."""
    body = _readable(mail.body)
    frame = _readable(mail.frame or "")
    subject, no_subject = _subject(mail, marks)
    if mail.kind is TemplateKind.TEXT:
        return LaidOut(Shape(subject, _plain(body, marks, mail)), tuple(no_subject))

    markdown = mail.kind is TemplateKind.MARKDOWN
    outer = _without_remarks((frame or marks.content) if markdown else body)
    inner = _without_remarks(_from_markdown(body)) if markdown else ""
    written = [(markup, _looked_at(markup)) for markup in (outer, inner)]
    before = [stand for markup, read in written for stand in stands(markup, read, marks, mail)]
    whole, differs = _page(mail.frame_kind if markdown else mail.kind, outer, marks)
    whole = whole.replace(marks.content, inner)
    whole, not_inlined = inlined(whole)
    read = tokens(whole)
    after = list(stands(whole, read, marks, mail))

    in_code = _in_code([*before, *after], marks)
    literal = _lost(outer + (body if markdown else ""), marks, mail, after) | _deciding(mail, before)
    if literal and not in_code:
        return NeedsLiterals(literal)

    links = Links(whole, marks, images)
    links.read(read)
    edits: list[tuple[int, int, Pieces]] = [(start, end, (new,)) for start, end, new in links.edits]
    edits += [(start, end, (new,)) for start, end, new in in_utf8(whole, read)]
    edits += _preheader(mail, marks, read)
    shape = Shape(
        subject=subject,
        text=text_pieces(whole, read, marks, mail),
        html=_pieces(whole, edits, after, mail),
        images=tuple(links.images.values()),
    )
    urls = {mail.slots[stand.number] for stand in after if stand.starts_url}
    findings = (
        *(*no_subject, *in_code, *not_inlined, *differs),
        *links.findings(),
        *_written(mail, written),
        *check_preheader(mail, marks, whole, read),
        *check_direction(mail, whole, shape.text),
    )
    return LaidOut(shape, findings, frozenset(slot for slot in urls if slot >= 0))


def _written(mail: MarkedMail, written: list[tuple[str, list[Token]]]) -> Iterator[Found]:
    """What is to be said of markup as its author wrote it; MJML's reader has refused what is not balanced."""
    for markup, read in written:
        kind = mail.frame_kind if mail.kind is TemplateKind.MARKDOWN else mail.kind
        is_mjml = kind is TemplateKind.MJML and markup is written[0][0]
        if not is_mjml:
            yield from at_most(unbalanced(markup, read))
        yield from at_most(unsupported(markup, read))


def _readable(text: str) -> str:
    """The text with \\n as its line ends; refused if a tool of layout could not take it."""
    if "\0" in text:
        raise TemplateError("The template holds a NUL character.", remedy="Save it again as plain UTF-8 text.")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise TemplateError(
            "The template holds half a character (a lone surrogate).", remedy="Save it again as plain UTF-8 text."
        ) from None
    if size > LARGEST:
        raise TemplateError(
            f"The mail is larger than {LARGEST // 1_000_000} MB before its pictures.",
            remedy="Shorten it: mail programs cut mails off at a tenth of that.",
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _subject(mail: MarkedMail, marks: Marks) -> tuple[Pieces, list[Finding]]:
    pieces = _plain(" ".join(_readable(mail.subject).split()), marks, mail)
    if pieces:
        return pieces, []
    remedy = "Write `subject: ...` between the two --- lines at the top of the template."
    return pieces, [Finding("empty_subject", Severity.STOPS, "The mail has no subject.", remedy)]


def _plain(text: str, marks: Marks, mail: MarkedMail) -> Pieces:
    return _cut(text, marks, mail, Escape.PLAIN)


def _cut(text: str, marks: Marks, mail: MarkedMail, escape: Escape) -> Pieces:
    """`text` with all its marks as holes of one kind."""
    pieces: list[str | Hole] = []
    for index, part in enumerate(marks.pattern.split(text)):
        if index % 2:
            pieces.append(Hole(mail.slots[int(part)], escape))
        elif part:
            pieces.append(part)
    return tuple(pieces)


def _from_markdown(body: str) -> str:
    from campaigns.compose import markdown

    return markdown.as_html(body)


def _without_remarks(markup: str) -> str:
    """`markup` without its authors' comments: no recipient is to read them. Those for Outlook stay; lines keep theirs."""
    if not _REMARK.search(markup):
        return markup
    kept: list[str] = []
    at = 0
    for token in tokens(markup):
        if token.kind == COMMENT and not token.outlook and _REMARK.match(markup, token.start, token.end):
            kept += [markup[at : token.start], "\n" * markup.count("\n", token.start, token.end)]
            at = token.end
    return "".join((*kept, markup[at:]))


_REMARK = re.compile(r"<!--(?!\[if|<!\[endif|\[endif|>)", re.IGNORECASE)


def _looked_at(markup: str) -> list[Token]:
    """The markup as the author wrote it, read; refused if a tool of layout could not take it."""
    read = tokens(markup)
    tag = too_deep(read, DEEPEST)
    if tag is not None:
        raise TemplateError(
            f"Tags are nested more than {DEEPEST} deep at {markup[tag.start : tag.end][:40]}.",
            remedy="Look for tags that are opened in a loop and never closed.",
        )
    return read


def _page(kind: TemplateKind, markup: str, marks: Marks) -> tuple[str, list[Found]]:
    """The whole HTML page, styles not yet inlined, and where it looks otherwise than its author may expect."""
    if kind is not TemplateKind.MJML:
        return page(markup), []
    from campaigns.compose import mjml

    markup, differs = mjml.as_html(markup, marks)
    return page(markup), differs


def _in_code(found: Iterable[Stand], marks: Marks) -> list[Found]:
    """What no escaping makes safe: a value that would be read as code."""
    stand_there = [stand for stand in found if stand.escape is None]
    places = [stand.place for stand in stand_there]
    if not places:
        return []
    return [
        Found(
            "hole_in_code",
            Severity.STOPS,
            f"A merge field stands where its value would be read as code, not as words: in {listed(_once(places))}.",
            "Print it as text or inside a quoted attribute; to change looks, use {% if %} with words of your own.",
            words=marks.mark(stand_there[0].number),
        )
    ]


def _once(places: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(places))


def _lost(written: str, marks: Marks, mail: MarkedMail, after: list[Stand]) -> frozenset[int]:
    """Marks that were written and did not come through; links of ours may get lost, they are nobody's value."""
    left = {stand.number for stand in after}
    numbers = {int(number) for number in marks.pattern.findall(_without_remarks(written))}
    return frozenset(number for number in numbers - left if mail.slots[number] >= 0)


def _deciding(mail: MarkedMail, before: list[Stand]) -> frozenset[int]:
    return frozenset(s.number for s in before if s.place in _DECIDING and mail.slots[s.number] >= 0)


def _preheader(mail: MarkedMail, marks: Marks, read: list[Token]) -> list[tuple[int, int, Pieces]]:
    """The words that inboxes show behind the subject, hidden at the top of the body."""
    words = " ".join(_readable(mail.preheader).split())
    if not words:
        return []
    at = next((t.end for t in read if t.kind == OPEN and t.name == "body" and not t.outlook), None)
    if at is None:
        return []
    pieces = _cut(entities.escape(words), marks, mail, Escape.HTML)
    return [(at, at, (_PREHEADER, *pieces, f"{_FILLER}</div>"))]


def _pieces(html: str, edits: list[tuple[int, int, Pieces]], found: list[Stand], mail: MarkedMail) -> Pieces:
    """The page in pieces, with the edits made and the marks as holes."""
    holes = [(s.start, s.end, (Hole(mail.slots[s.number], s.escape or Escape.HTML),)) for s in found]
    pieces: list[str | Hole] = []
    at = 0
    for start, end, new in sorted([*edits, *holes], key=lambda place: place[:2]):
        pieces += [html[at:start], *new]
        at = end
    pieces.append(html[at:])
    return _joined(pieces)


def _joined(pieces: Iterable[str | Hole]) -> Pieces:
    """The pieces with neighbouring constants made one; an entity for CR must not end a line."""
    joined: list[str | Hole] = []
    for piece in pieces:
        if isinstance(piece, str):
            piece = piece.replace("\r", "\n")
            if joined and isinstance(joined[-1], str):
                joined[-1] += piece
                continue
        if piece:
            joined.append(piece)
    return tuple(joined)
