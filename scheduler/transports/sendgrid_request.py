"""SendGrid's mail/send requests: one shape with tags for its holes, and for each recipient the values of the tags.

SendGrid replaces a tag in the content as plain text, so each pair of slot and escape has a tag of its own. It may look
for tags in values again (its pages disagree): a value that holds the campaign's tags goes alone, with literal content.
"""

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat
from json.encoder import encode_basestring
from typing import Any
from urllib.parse import quote

from campaigns.message import fill
from campaigns.message.attachment import Attachment, in_one_line, kind_of
from campaigns.message.headers import split_mailbox
from campaigns.message.message import Message, Sender, handle, internet_message_id, list_headers
from campaigns.message.shape import Escape, Hole, InlineImage, Pieces, Shape
from scheduler.transports.sendgrid_options import Options

HANDLE_ARG = "mergecast_message"  # our name for the message in custom_args; prefixed, since events merge them flat
MOST_ROWS = 1_000  # personalizations in a request
MOST_BYTES = 30_000_000  # of a request; also what a mail with its attachments may weigh
MOST_SUBSTITUTIONS = 10_000  # in a request, over all its personalizations
MOST_SUBSTITUTION_BYTES = 10_000  # of one personalization, keys and values; a newer page says 50,000, an older 10,000
_ASCII = "".join(map(chr, range(0x20, 0x7F)))
_EACH = "\0"  # stands for a value that each row has its own of, and between values: none holds one
_EACH_AS_JSON = "\\u0000"
_NOT_IN_NAMES = re.compile(r"[;,\r\n]")  # SendGrid refuses them in file names
_CONSTANT_HEADER = "List-Unsubscribe-Post"  # the one header that is the same for everybody
_PLAIN = Options()


@dataclass(frozen=True, slots=True)
class Request:
    """One request, its rows kept apart so that it can be sent again without some of them."""

    places: tuple[int, ...]  # which of the hand-over's messages its rows are, in order
    rows: tuple[bytes, ...]  # the personalizations
    tail: tuple[bytes, ...]  # all that the rows share, in pieces: files may be large

    @property
    def pieces(self) -> tuple[bytes, ...]:
        return b'{"personalizations":[', b",".join(self.rows), *self.tail

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

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
    first = messages[0]
    agree = all(
        (m.sender is first.sender or m.sender == first.sender)
        and (m.shape is first.shape or m.shape == first.shape)
        and m.files == first.files
        for m in messages
    )
    if agree and len({m.to.casefold() for m in messages}) == len(messages):
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
    return Request((place,), tuple(_rows([message], {}, options)), tail)


def _together(places: Sequence[int], messages: Sequence[Message], options: Options) -> list[Request]:
    """Requests that share content with tags, and one alone for each message that cannot."""
    like = messages[places[0]]
    key = tag_key(like.sender)
    tags = _tags(like.shape, key)
    if len(tags) > MOST_SUBSTITUTIONS or _constants_hold(like.shape, key):
        return [_alone(place, messages, options) for place in places]

    sharing = list(places)
    if key in "\0".join(chain.from_iterable(messages[place].values for place in places)):
        sharing = [place for place in places if key not in "\0".join(messages[place].values)]
    rows = zip(sharing, _rows([messages[place] for place in sharing], tags, options) if sharing else (), strict=True)
    fitting = [(place, row) for place, row in rows if not _too_large(row)]
    most = min(MOST_ROWS, MOST_SUBSTITUTIONS // max(1, len(tags)))
    tail = _tail(like, _tagged(like.shape.text, tags), _tagged(like.shape.html or (), tags), options)
    alone = sorted(set(places) - {place for place, _ in fitting})
    return [*_within_limits(fitting, tail, most), *(_alone(place, messages, options) for place in alone)]


def _within_limits(rows: Sequence[tuple[int, bytes]], tail: tuple[bytes, ...], most: int) -> Iterator[Request]:
    """The rows in as many requests as they need."""
    start, size = 0, 0
    room = MOST_BYTES - sum(map(len, tail)) - 100
    for n, (_, row) in enumerate(rows):
        if n > start and (n - start == most or size + len(row) + 1 > room):
            yield _request(rows[start:n], tail)
            start, size = n, 0
        size += len(row) + 1
    if rows:
        yield _request(rows[start:], tail)


def _request(rows: Sequence[tuple[int, bytes]], tail: tuple[bytes, ...]) -> Request:
    return Request(tuple(place for place, _ in rows), tuple(row for _, row in rows), tail)


def tag_key(sender: Sender) -> str:
    """What stands in all tags of the campaign: nobody who writes a cell can guess it."""
    salt = sender.tag_salt or secrets.token_bytes(16)
    return hashlib.blake2b(sender.campaign_id.to_bytes(8), key=salt[:64], digest_size=6).hexdigest()


def _tags(shape: Shape, key: str) -> dict[Hole, str]:
    """One tag for each slot and escape, all of one length and closed: none holds another, nor do two side by side."""
    holes = list(dict.fromkeys(p for p in (*shape.text, *(shape.html or ())) if isinstance(p, Hole)))
    width = len(str(len(holes)))
    return {hole: f"-{key}{n:0{width}}-" for n, hole in enumerate(holes)}


def _tagged(pieces: Pieces, tags: dict[Hole, str]) -> str:
    return "".join(tags[piece] if isinstance(piece, Hole) else piece for piece in pieces)


def _constants_hold(shape: Shape, key: str) -> bool:
    """Substitutions reach the subject too."""
    return any(key in piece for piece in (*shape.subject, *shape.text, *(shape.html or ())) if isinstance(piece, str))


def _rows(messages: Sequence[Message], tags: dict[Hole, str], options: Options) -> list[bytes]:
    """The personalizations of messages that agree; column by column, since escaping many values costs little more than one.

    Links, list headers and Message-ID differ between people only in the message's handle, which is made of
    hexadecimal digits and a dot, so that no escaping touches it: they are written once, around it.
    """
    like = messages[0]
    own = handle(like.id, like.token)
    links = {tag: fill.escaped(fill.value_of(hole, like), hole.escape) for hole, tag in tags.items() if hole.slot < 0}
    values = {tag: _EACH for hole, tag in tags.items() if hole.slot >= 0}
    row = {
        "to": [{"email": _EACH}],
        **({} if _constant_subject(like.shape) else {"subject": _EACH}),
        "headers": _headers(like, options),
        "custom_args": {HANDLE_ARG: own},
        **({"substitutions": links | values} if tags else {}),
    }
    constants = _dump(row).replace(own, _EACH_AS_JSON).split(_EACH_AS_JSON)
    columns = [_column([m.to for m in messages])]
    if "subject" in row:
        columns.append(_column([fill.subject(m) for m in messages]))
    slots = [hole for hole in tags if hole.slot >= 0]
    columns += [[handle(m.id, m.token) for m in messages]] * (len(constants) - 1 - len(columns) - len(slots))
    values_of = list(zip(*(m.values for m in messages), strict=True))  # by slot
    columns += [_column(values_of[hole.slot], hole.escape) for hole in slots]
    woven = [
        part for constant, column in zip(constants[:-1], columns, strict=True) for part in (repeat(constant), column)
    ]
    return [row.encode() for row in map("".join, zip(*woven, repeat(constants[-1])))]


def _column(values: Sequence[str], escape: Escape = Escape.PLAIN) -> list[str]:
    """What all the messages have in one place: escaped, and as JSON writes it between quotes."""
    if escape in (Escape.PLAIN, Escape.HTML):  # they leave NUL alone, so that one call serves all
        filled = encode_basestring(fill.escaped(_EACH.join(values), escape))[1:-1].split(_EACH_AS_JSON)
        if len(filled) == len(values):  # else one of them holds what looks like a NUL in JSON
            return filled
    known = {value: encode_basestring(fill.escaped(value, escape))[1:-1] for value in set(values)}
    return [known[value] for value in values]


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
    if _constant_subject(shape):
        document["subject"] = fill.subject(like)
    if not options.owns_unsubscribe and (constant := list_headers(like).get(_CONSTANT_HEADER)):
        document["headers"] = {_CONSTANT_HEADER: constant}
    # text/plain first, then text/html; neither may be empty, and one must be there
    parts = {"text/plain": text if text or html else "\n", "text/html": html}
    document["content"] = [{"type": kind, "value": value} for kind, value in parts.items() if value]
    images = [_attachment(image) for image in shape.images]
    if images and not like.files:
        document["attachments"] = images
    tail = ("]," + _dump(document | options.document())[1:]).encode()
    if not like.files:
        return (tail,)
    before = b"".join(_dump(image).encode() + b"," for image in images)
    return tail[:-1], b',"attachments":[' + before, *_files(like.files), b"]}"


def _files(files: Sequence[Attachment]) -> Iterator[bytes]:
    """Each file as an object of `attachments`; its bytes are encoded once, whoever else gets it."""
    for n, one in enumerate(files):
        about = {
            "filename": _NOT_IN_NAMES.sub("_", one.name),
            "type": kind_of(one.name),
            "disposition": "attachment",
        }
        yield (b"," if n else b"") + _dump(about)[:-1].encode() + b',"content":"'
        yield in_one_line(one)
        yield b'"}'


def _person(name: str, address: str) -> dict[str, str]:
    name = " ".join(name.split())
    return {"email": address, "name": name} if name else {"email": address}


def _constant_subject(shape: Shape) -> bool:
    return all(isinstance(piece, str) for piece in shape.subject)


def _headers(message: Message, options: Options) -> dict[str, str]:
    """The headers that are this person's own.

    They hold URIs and a msg-id, where no encoded-word may stand (RFC 2047 5 (3)): other letters are percent-encoded.
    """
    own = {} if options.owns_unsubscribe else list_headers(message)
    headers = {"Message-ID": internet_message_id(message), **own}
    headers.pop(_CONSTANT_HEADER, None)
    return {name: quote(value, safe=_ASCII) for name, value in headers.items()}


def _attachment(image: InlineImage) -> dict[str, str]:
    return {
        "content": base64.b64encode(image.data).decode(),
        "filename": _NOT_IN_NAMES.sub("_", image.file_name) or image.cid,
        "type": image.mime_type,
        "disposition": "inline",
        "content_id": image.cid,
    }


def _dump(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
