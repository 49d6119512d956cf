"""SendGrid's mail/send requests: one shape with tags for its holes, and for each recipient the values of the tags.

It may look for tags in values again (its pages disagree): a value that holds the campaign's tags goes alone, with
literal content.
"""

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from campaigns.message import fill
from campaigns.message.attachment import Attachment, in_one_line, kind_of
from campaigns.message.headers import split_mailbox
from campaigns.message.message import Message, Sender, list_headers
from campaigns.message.shape import InlineImage, Shape
from scheduler.transports.sendgrid_options import Options
from scheduler.transports.sendgrid_rows import (
    CONSTANT_HEADER,
    LITERAL,
    columns,
    constant_subject,
    dump,
    rows,
    tagged,
)

MOST_ROWS = 1_000  # personalizations in a request
MOST_BYTES = 30_000_000  # of a request; also what a mail with its attachments may weigh
MOST_SUBSTITUTIONS = 10_000  # in a request, over all its personalizations
MOST_SUBSTITUTION_BYTES = 10_000  # of one personalization, keys and values; a newer page says 50,000, an older 10,000
_BEGIN = b'{"personalizations":['
_PIECE = 200  # rows that are joined at a time
_NOT_IN_NAMES = re.compile(r"[;,\r\n]")  # SendGrid refuses them in file names
_PLAIN = Options()


@dataclass(frozen=True, slots=True)
class Request:
    """One request, its rows kept apart so that it can be sent again without some of them."""

    places: tuple[int, ...]  # which of the hand-over's messages its rows are, in order
    rows: tuple[bytes, ...]  # the personalizations
    tail: tuple[bytes, ...]  # all that the rows share, in pieces: files may be large

    @property
    def size(self) -> int:
        return len(_BEGIN) + sum(map(len, self.rows)) + len(self.rows) - 1 + sum(map(len, self.tail))

    def pieces(self) -> Iterator[bytes]:
        """The body, which never stands in memory as a whole."""
        yield _BEGIN
        for start in range(0, len(self.rows), _PIECE):
            yield (b"," if start else b"") + b",".join(self.rows[start : start + _PIECE])
        yield from self.tail

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces())

    def without(self, rows: frozenset[int]) -> "Request":
        """The same request without those of its rows."""
        kept = [n for n in range(len(self.rows)) if n not in rows]
        return replace(self, places=tuple(self.places[n] for n in kept), rows=tuple(self.rows[n] for n in kept))


def requests(messages: Sequence[Message], options: Options = _PLAIN) -> list[Request]:
    """As few requests as carry the messages: each of one sender, shape and files, no address twice, within all limits."""
    return [
        request
        for places in _agreeing(messages)
        for request in (
            _together(places, messages, options) if len(places) > 1 else [_alone(places[0], messages, options)]
        )
    ]


def _agreeing(messages: Sequence[Message]) -> list[list[int]]:
    """The places of the messages, grouped by what one request must agree in."""
    like = messages[0]
    alike = all(m.shape is like.shape and m.sender is like.sender and m.files is like.files for m in messages)
    if alike and len(set("\n".join([m.to for m in messages]).casefold().split("\n"))) == len(messages):
        return [list(range(len(messages)))]
    groups: list[tuple[Message, set[str], list[int]]] = []
    for place, message in enumerate(messages):
        address = message.to.casefold()
        for like, addresses, places in groups:
            same = message.sender == like.sender and message.shape == like.shape and message.files == like.files
            if same and address not in addresses:
                addresses.add(address)
                places.append(place)
                break
        else:
            groups.append((message, {address}, [place]))
    return [places for _, _, places in groups]


def _alone(place: int, messages: Sequence[Message], options: Options) -> Request:
    """A request for one person, in which the content is literal."""
    message = messages[place]
    tail = _tail(message, fill.text(message), fill.html_body(message), options)
    return Request((place,), tuple(rows([message], columns([message]), LITERAL, options)), tail)


def _together(places: Sequence[int], messages: Sequence[Message], options: Options) -> list[Request]:
    """Requests that share content with tags, and one alone for each message that cannot."""
    like = messages[places[0]]
    key = tag_key(like.sender)
    sharing = [] if _constants_hold(like.shape, key) else _sharing(places, messages, key)
    together = [messages[place] for place in sharing]
    values = columns(together)
    filling = tagged(together[0], values, key) if together else LITERAL
    if not together or filling.number > MOST_SUBSTITUTIONS:
        return [_alone(place, messages, options) for place in places]

    written = rows(together, values, filling, options)
    if max(map(len, written)) > MOST_SUBSTITUTION_BYTES:
        sharing, written = _small(sharing, written)
    tail = _tail(like, filling.in_place(like.shape.text), filling.in_place(like.shape.html or ()), options)
    most = min(MOST_ROWS, MOST_SUBSTITUTIONS // max(1, filling.number))
    alone = sorted(set(places).difference(sharing))
    return [
        *_within_limits(sharing, written, tail, most),
        *(_alone(place, messages, options) for place in alone),
    ]


def _sharing(places: Sequence[int], messages: Sequence[Message], key: str) -> list[int]:
    """The places whose values hold no tag, nor a NUL, which stands between values."""
    every = "".join(chain.from_iterable(messages[place].values for place in places))
    if key not in every and "\0" not in every:
        return list(places)
    return [place for place in places if not any(key in v or "\0" in v for v in messages[place].values)]


def _small(places: Sequence[int], written: Sequence[bytes]) -> tuple[list[int], list[bytes]]:
    """Without the rows that SendGrid takes only alone."""
    kept = [n for n, row in enumerate(written) if not _too_large(row)]
    return [places[n] for n in kept], [written[n] for n in kept]


def _within_limits(
    places: Sequence[int], written: Sequence[bytes], tail: tuple[bytes, ...], most: int
) -> Iterator[Request]:
    """The rows in as many requests as they need."""
    room = MOST_BYTES - sum(map(len, tail)) - 100
    for start in range(0, len(places), most):
        yield from _in_the_room(places[start : start + most], written[start : start + most], tail, room)


def _in_the_room(
    places: Sequence[int], written: Sequence[bytes], tail: tuple[bytes, ...], room: int
) -> Iterator[Request]:
    """One request, or two halves where that would be too long."""
    if len(places) > 1 and sum(map(len, written)) + len(written) > room:
        half = len(places) // 2
        yield from _in_the_room(places[:half], written[:half], tail, room)
        yield from _in_the_room(places[half:], written[half:], tail, room)
    else:
        yield Request(tuple(places), tuple(written), tail)


def tag_key(sender: Sender) -> str:
    """What stands in all tags of the campaign: nobody who writes a cell can guess it."""
    salt = sender.tag_salt or secrets.token_bytes(16)
    return hashlib.blake2b(sender.campaign_id.to_bytes(8), key=salt[:64], digest_size=6).hexdigest()


def _constants_hold(shape: Shape, key: str) -> bool:
    """Substitutions reach the subject too."""
    return any(key in piece for piece in (*shape.subject, *shape.text, *(shape.html or ())) if isinstance(piece, str))


def _too_large(row: bytes) -> bool:
    """Whether SendGrid takes no so many bytes of substitutions; JSON's own marks do not count."""
    if len(row) <= MOST_SUBSTITUTION_BYTES:
        return False
    substitutions: dict[str, str] = json.loads(row).get("substitutions", {})
    return sum(len(tag) + len(value.encode()) for tag, value in substitutions.items()) > MOST_SUBSTITUTION_BYTES


def _tail(like: Message, text: str, html: str | None, options: Options) -> tuple[bytes, ...]:
    """All that stands once in a request, from the end of the personalizations on."""
    sender, shape = like.sender, like.shape
    document: dict[str, Any] = {"from": _person(sender.name, sender.address)}
    if sender.reply_to:
        document["reply_to"] = _person(*split_mailbox(sender.reply_to))
    if constant_subject(shape):
        document["subject"] = fill.subject(like)
    if not options.owns_unsubscribe and (constant := list_headers(like).get(CONSTANT_HEADER)):
        document["headers"] = {CONSTANT_HEADER: constant}
    # text/plain first, then text/html; neither may be empty, and one must be there
    parts = {"text/plain": text if text or html else "\n", "text/html": html}
    document["content"] = [{"type": kind, "value": value} for kind, value in parts.items() if value]
    images = [_attachment(image) for image in shape.images]
    if images and not like.files:
        document["attachments"] = images
    tail = ("]," + dump(document | options.document())[1:]).encode()
    if not like.files:
        return (tail,)
    before = b"".join(dump(image).encode() + b"," for image in images)
    return tail[:-1], b',"attachments":[' + before, *_files(like.files), b"]}"


def _files(files: Sequence[Attachment]) -> Iterator[bytes]:
    """Each file as an object of `attachments`; its bytes are encoded once, whoever else gets it."""
    for n, one in enumerate(files):
        about = {
            "filename": _NOT_IN_NAMES.sub("_", one.name),
            "type": kind_of(one.name),
            "disposition": "attachment",
        }
        yield (b"," if n else b"") + dump(about)[:-1].encode() + b',"content":"'
        yield in_one_line(one)
        yield b'"}'


def _person(name: str, address: str) -> dict[str, str]:
    name = " ".join(name.split())
    return {"email": address, "name": name} if name else {"email": address}


def _attachment(image: InlineImage) -> dict[str, str]:
    return {
        "content": base64.b64encode(image.data).decode(),
        "filename": _NOT_IN_NAMES.sub("_", image.file_name) or image.cid,
        "type": image.mime_type,
        "disposition": "inline",
        "content_id": image.cid,
    }
