"""Filling a shape: each value escaped by where its hole stands."""

import html
from urllib.parse import quote

from campaigns.message.message import Message, unsubscribe_url, view_url
from campaigns.message.shape import UNSUBSCRIBE_URL, VIEW_URL, Escape, Hole, Pieces

_LEGAL_IN_URL = "!#$%&'()*+,/:;=?@[]~"  # RFC 3986: reserved characters and the percent sign stay in a whole URL


def subject(message: Message) -> str:
    """The decoded subject: every run of white space, line separators included, becomes one blank."""
    return " ".join(fill(message.shape.subject, message).split())


def text(message: Message) -> str:
    return fill(message.shape.text, message)


def html_body(message: Message) -> str | None:
    return None if message.shape.html is None else fill(message.shape.html, message)


def fill(pieces: Pieces, message: Message) -> str:
    """The text of `pieces` for this message; line ends are \\n."""
    return "".join(
        [piece if isinstance(piece, str) else escaped(value_of(piece, message), piece.escape) for piece in pieces]
    )


def value_of(hole: Hole, message: Message) -> str:
    """What stands in the hole before it is escaped."""
    if hole.slot == UNSUBSCRIBE_URL:
        return unsubscribe_url(message)
    if hole.slot == VIEW_URL:
        return view_url(message)
    return message.values[hole.slot]


def escaped(value: str, escape: Escape) -> str:
    """The value as its hole demands it; line ends become \\n."""
    if "\r" in value:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    if escape is Escape.PLAIN:
        return value
    if escape is Escape.HTML:
        return html.escape(value)
    value = quote(value, safe=_LEGAL_IN_URL if escape in (Escape.HTML_URL, Escape.PLAIN_URL) else "")
    return html.escape(value) if escape in (Escape.HTML_URL, Escape.HTML_URL_PART) else value
