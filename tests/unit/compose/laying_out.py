"""Helpers of the layout tests: a marked mail by hand, a filled message, HTML as a tree to compare."""

from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

from campaigns.compose.images import ImageFolder
from campaigns.compose.layout import LaidOut, NeedsLiterals, lay_out
from campaigns.compose.marked import MarkedMail, Marks, TemplateKind
from campaigns.message.message import Message, Sender
from campaigns.message.shape import Hole, Pieces, Shape

MARKS = Marks("q0123456789")
NOWHERE = ImageFolder(Path("/nonexistent"), Path("/nonexistent/templates"))
M = [MARKS.mark(number) for number in range(40)]
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}


def mail(kind: str, body: str, *, subject: str = "Hello", **more: object) -> MarkedMail:
    given = {"preheader": "", "slots": tuple(range(40)), **more}
    return MarkedMail(TemplateKind(kind), subject, body=body, **given)  # type: ignore[arg-type]


def laid_out(kind: str, body: str, images: ImageFolder = NOWHERE, **more: object) -> LaidOut:
    """As for a rehearsal of transactional mail: of examples and preheaders nothing is said."""
    result = lay_out(mail(kind, body, **more), MARKS, images)
    assert isinstance(result, LaidOut), result
    said = tuple(one for one in result.findings if one.code not in ("no_preheader", "example_link"))
    return replace(result, findings=said)


def needed(kind: str, body: str, **more: object) -> frozenset[int]:
    result = lay_out(mail(kind, body, **more), MARKS, NOWHERE)
    return result.numbers if isinstance(result, NeedsLiterals) else frozenset()


def codes(result: LaidOut) -> list[str]:
    return [finding.code for finding in result.findings]


def holes(pieces: Pieces | None) -> list[Hole]:
    return [piece for piece in pieces or () if isinstance(piece, Hole)]


def shown(pieces: Pieces | None) -> str:
    """The pieces as text, holes as «slot ESCAPE»."""
    return "".join(p if isinstance(p, str) else f"«{p.slot} {p.escape.name}»" for p in pieces or ())


def message(shape: Shape, values: tuple[str, ...] = ()) -> Message:
    sender = Sender(1, "autumn", True, "Ada", "ada@example.com", public_url="https://mail.example.org")
    return Message(7, b"12345678", sender, 1, shape, "bob@example.net", values, datetime(2026, 11, 24, tzinfo=UTC))


class _Tree(HTMLParser):
    """HTML as a list of what a reader gets: tags with their attributes, text with its white space."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[tuple[object, ...]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(("open", tag, tuple(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(("close", tag))

    def handle_data(self, data: str) -> None:
        if self.seen and self.seen[-1][0] == "text":
            data = str(self.seen.pop()[1]) + data
        self.seen.append(("text", data))

    def handle_comment(self, data: str) -> None:
        inside = _Tree()
        inside.feed(data)
        inside.close()
        self.seen.append(("comment", tuple(inside.seen)))


def tree(html: str | None) -> list[tuple[object, ...]]:
    parser = _Tree()
    parser.feed(html or "")
    parser.close()
    return parser.seen


def balanced(html: str) -> bool:
    """Whether each tag is closed, in its turn."""
    names: list[str] = []
    for kind, name, *_ in tree(html):
        if kind == "open" and name not in VOID:
            names.append(str(name))
        elif kind == "close" and (not names or names.pop() != name):
            return False
    return not names
