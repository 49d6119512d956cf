"""What Jinja hands to layout: one recipient's mail with a mark in the place of each printed value.

`marks.py` makes marks: unguessable words of ASCII letters and digits that Markdown, MJML, HTML parsers and CSS inliners
carry along untouched. Layout finds them again and turns them into the holes of a shape.
"""

import re
import secrets
from dataclasses import dataclass, field
from enum import StrEnum


class TemplateKind(StrEnum):
    MARKDOWN = "md"
    MJML = "mjml"
    HTML = "html"
    TEXT = "txt"


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of one rendering session; the nonce keeps data and templates from forging one."""

    nonce: str = field(default_factory=lambda: "q" + secrets.token_hex(5))

    def mark(self, number: int) -> str:
        """The mark of the `number`-th printed value of a mail; none contains another."""
        return f"{self.nonce}n{number}z"

    @property
    def content(self) -> str:
        """The word that stands in a frame where the Markdown body goes."""
        return f"{self.nonce}content"

    @property
    def pattern(self) -> re.Pattern[str]:
        """Finds marks; group 1 is the number. Case matters: a filter that changed the case destroyed the mark."""
        return re.compile(rf"{self.nonce}n(\d+)z")


@dataclass(frozen=True, slots=True)
class MarkedMail:
    """A mail after Jinja and before layout; equal ones (but for values) share a shape."""

    kind: TemplateKind
    subject: str
    preheader: str
    body: str  # Markdown, MJML, HTML or plain text, layouts and blocks already in place
    slots: tuple[int, ...]  # slots[number] = which value the mark prints: a slot >= 0, UNSUBSCRIBE_URL or VIEW_URL
    encoded: frozenset[int] = frozenset()  # numbers of marks whose value went through |urlencode
    frame: str | None = None  # the layout around a Markdown body; `Marks.content` stands in it once
    frame_kind: TemplateKind = TemplateKind.HTML  # HTML or MJML
