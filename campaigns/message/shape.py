"""Shapes: what all messages of one path through a template share, with holes where a recipient's values stand.

A shape is made once (`campaigns/compose`), kept once (`campaigns/store`) and filled for each recipient (`fill.py`).
Values are the message's slots: raw text, each stored once; the hole says how a value is escaped where it stands.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from campaigns.message.attachment import Attachment


class Escape(IntEnum):
    """How a value is written where its hole stands."""

    PLAIN = 0  # text part, subject: as it is
    HTML = 1  # HTML text or quoted attribute: & < > " ' become entities
    HTML_URL = 2  # a whole URL, at the start of href or src in HTML: illegal characters percent-encoded, then as HTML
    HTML_URL_PART = 3  # a piece inside a URL in HTML: all but unreserved characters percent-encoded (RFC 3986 2.3)
    PLAIN_URL = 4  # a whole URL in the text part
    PLAIN_URL_PART = 5  # a piece inside a URL in the text part


UNSUBSCRIBE_URL = -1  # slots below zero are no stored values: they are computed from the message's id and token
VIEW_URL = -2


@dataclass(frozen=True, slots=True)
class Hole:
    slot: int  # which of the message's values, or UNSUBSCRIBE_URL, VIEW_URL
    escape: Escape


Pieces = tuple[str | Hole, ...]  # line ends in the constant pieces are \n


@dataclass(frozen=True, slots=True)
class InlineImage:
    """An image that travels with the mail; the HTML shows it as `cid:<cid>`."""

    cid: str  # ASCII, unique in the mail, no angle brackets
    file_name: str
    mime_type: str  # "image/png"
    data: bytes


@dataclass(frozen=True, slots=True)
class Shape:
    subject: Pieces
    text: Pieces
    html: Pieces | None = None
    images: tuple[InlineImage, ...] = ()
    files: tuple[Attachment, ...] = ()  # the same for all; without their bytes
    own_files: bool = False  # each message has its own besides (`campaigns/store/files.py`)


def pack_shape(shape: Shape, constant: Callable[[bytes], int]) -> bytes:
    """The shape as it is stored; `constant` keeps a piece of text or an image and returns its number."""

    def pack(pieces: Pieces | None) -> list[int | list[int]] | None:
        if pieces is None:
            return None
        return [[p.slot, int(p.escape)] if isinstance(p, Hole) else constant(p.encode()) for p in pieces]

    images = [[i.cid, i.file_name, i.mime_type, constant(i.data)] for i in shape.images]
    document: dict[str, Any] = {
        "subject": pack(shape.subject),
        "text": pack(shape.text),
        "html": pack(shape.html),
        "images": images,
    }
    if shape.files:
        document["files"] = [[f.name, f.sha256, f.size] for f in shape.files]
    if shape.own_files:
        document["own_files"] = True
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def unpack_shape(parts: bytes, constant: Callable[[int], bytes]) -> Shape:
    """The shape that `pack_shape` stored; `constant` finds a kept piece by its number."""

    def unpack(packed: list[int | list[int]]) -> Pieces:
        return tuple(Hole(p[0], Escape(p[1])) if isinstance(p, list) else constant(p).decode() for p in packed)

    document = json.loads(parts)
    return Shape(
        subject=unpack(document["subject"]),
        text=unpack(document["text"]),
        html=None if document["html"] is None else unpack(document["html"]),
        images=tuple(InlineImage(c, f, m, constant(n)) for c, f, m, n in document["images"]),
        files=tuple(Attachment(name, sha256, size) for name, sha256, size in document.get("files", ())),
        own_files=document.get("own_files", False),
    )
