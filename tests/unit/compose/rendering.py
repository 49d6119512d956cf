"""What the tests of rendering share: a sheet with a column of each kind, and mails as people would read them."""

from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from campaigns.compose.job import RenderJob
from campaigns.compose.marked import TemplateKind
from campaigns.compose.render import Batch, Session
from campaigns.compose.source import BUILT_IN, TemplateSource
from campaigns.message import fill
from campaigns.message.message import Message, Sender
from campaigns.model.column import CellKind, Column

COLUMNS = (
    Column(0, "First name", "first_name"),
    Column(1, "Amount", "amount", CellKind.NUMBER),
    Column(2, "Due", "due", CellKind.DATE),
    Column(3, "Member", "member", CellKind.YES_NO),
    Column(4, "Items", "items"),
    Column(5, "Locale", "locale"),
)
ADA: list[Any] = ["Ada", ["1.234,50", 1234.5], ["01.12.2026", "2026-12-01"], ["ja", True], "tea, milk", "de"]
EMPTY: list[Any] = [None] * 6
TODAY = date(2026, 11, 24)
SENDER = Sender(1, "winter", True, "Ada", "ada@example.com", "", "https://mail.example.org")


def source(body: str, kind: str = "html", subject: str = "Hello", **files: str) -> TemplateSource:
    name = f"templates/mail.{kind}"
    plain = Path(__file__).parents[3] / "campaigns/compose/plain.html"
    text = body if body.startswith("---") else f"---\nsubject: {subject}\n---\n{body}"
    parts = {f"templates/{path.replace('__', '/')}": part for path, part in files.items()}
    return TemplateSource(name, TemplateKind(kind), {name: text, **parts, BUILT_IN: plain.read_text()})


def job(template: TemplateSource, locale: str = "en_US", *, bulk: bool = False, public: bool = False) -> RenderJob:
    return RenderJob(template, COLUMNS, locale, TODAY, "winter", bulk, public, Path("/nonexistent"))


def render(body: str, *rows: list[Any], kind: str = "html", **options: Any) -> Batch:
    """Rows 2, 3, ... of the sheet through a template."""
    session = Session(job(source(body, kind, options.pop("subject", "Hello"), **options.pop("files", {})), **options))
    return session.render(list(enumerate(rows or [ADA], 2)))


def mails(batch: Batch) -> list[Message]:
    """The messages of a batch; all rows must have one."""
    assert not batch.problems, batch.problems
    shapes = dict(batch.shapes)
    leased_at = datetime(2026, 11, 24, tzinfo=UTC)
    return [
        Message(
            n, b"8 bytes!", SENDER, shape, shapes[shape], "x@example.com", tuple(values.split("\0")[:-1]), leased_at
        )
        for n, (_, shape, values) in enumerate(batch.rows, 1)
    ]


def read(body: str, *rows: list[Any], **options: Any) -> list[str]:
    """The words of each mail's HTML, as a reader sees them."""
    return [words(fill.html_body(mail) or "") for mail in mails(render(body, *rows, **options))]


def words(html: str) -> str:
    reader = _Words()
    reader.feed(html)
    reader.close()
    return " ".join("".join(reader.seen).split())


def problem(body: str, row: list[Any] | None = None, **options: Any) -> Any:
    """The Finding that one row ends with."""
    return render(body, row or ADA, **options).problems[0]


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._hidden += tag in ("style", "title")
        if tag in ("p", "br", "div", "li", "td"):
            self.seen.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "title")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.seen.append(data)
