"""A message as the bytes of a mail (RFC 5322, RFC 2045): what stands in every mail of a shape is encoded once.

    text alone                  text/plain
    text and HTML               multipart/alternative: text/plain, text/html
    with images in the HTML     multipart/alternative: text/plain, multipart/related: text/html, image...

Every line ends in CRLF and is ASCII (but for addresses outside it, see `headers.py`); bodies have at most 76 columns.
No line begins with a dot. The same message gives the same bytes at every retry, but for its Date.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from email.message import EmailMessage
from email.policy import SMTP
from functools import lru_cache
from itertools import groupby

from campaigns.message import headers
from campaigns.message.fill import escaped, fill, subject, value_of
from campaigns.message.message import Message, handle, internet_message_id, list_headers
from campaigns.message.quoted import SOFT_BREAK, in_base64, quoted
from campaigns.message.shape import UNSUBSCRIBE_URL, Escape, Hole, InlineImage, Pieces, Shape

_CACHE_BYTES = 16_000_000  # encoded shapes kept for the next message
_REMEMBERED = 80  # characters of a value that is kept encoded for the next message
_PROBE = (0, b"\xfe\xdc\xba\x98\x76\x54\x32\x10")  # id and token that stand for any message's


def to_bytes(message: Message) -> bytes:
    """The whole mail, ended by CRLF; without the dot that ends it on the wire."""
    return _CACHE.encoder(message).encode(message)


class _Cache:
    """Encoders of the shapes used last, bounded in bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._encoders: OrderedDict[int, _Encoder] = OrderedDict()
        self._lock = threading.Lock()

    def encoder(self, message: Message) -> "_Encoder":
        with self._lock:
            found = self._encoders.get(message.shape_id)
            if found is not None and found.is_for(message):
                self._encoders.move_to_end(message.shape_id)
                return found
            if found is not None:
                self._held -= self._encoders.pop(message.shape_id).size
            made = self._encoders[message.shape_id] = _Encoder(message)
            self._held += made.size
            while self._held > self._most and len(self._encoders) > 1:
                self._held -= self._encoders.popitem(last=False)[1].size
            return made


_CACHE = _Cache(_CACHE_BYTES)


class _Encoder:
    """One shape from one sender, with everything encoded that no recipient changes."""

    def __init__(self, message: Message) -> None:
        self.shape = message.shape
        self.sender = message.sender
        self._from, self._reply_to = _from_and_reply_to(message)
        self._links = _Links(message)
        self._text = _Part("plain", message.shape.text, self._links)
        self._html = None if message.shape.html is None else _Part("html", message.shape.html, self._links)
        self._images = [_image_part(image) for image in message.shape.images] if self._html else []
        self.size = _size(message.shape) + sum(len(image) for image in self._images)

    def is_for(self, message: Message) -> bool:
        """Whether shape and sender are this encoder's; equal ones read anew from the store are."""
        if message.shape is not self.shape:
            if message.shape != self.shape:
                return False
            self.shape = message.shape
        if message.sender is not self.sender:
            if message.sender != self.sender:
                return False
            self.sender = message.sender
        return True

    def encode(self, message: Message) -> bytes:
        name = handle(message.id, message.token)
        mail = [self._head(message, name).encode()]
        if self._html is None:
            self._write_text_alone(message, name, mail)
            return b"".join(mail)
        boundary = f"=_a.{name}".encode()  # `=_` stands in no quoted-printable and no base64 (RFC 2045 6.7)
        mail.append(b'Content-Type: multipart/alternative;\r\n boundary="%b"\r\n\r\n--%b\r\n' % (boundary, boundary))
        self._text.write(message, name, mail)
        mail.append(b"\r\n--%b\r\n" % boundary)
        if self._images:
            self._write_related(self._html, message, name, mail)
        else:
            self._html.write(message, name, mail)
        mail.append(b"\r\n--%b--\r\n" % boundary)
        return b"".join(mail)

    def _head(self, message: Message, name: str) -> str:
        lines = [
            self._from,
            headers.mailbox("To", "", message.to),
            *self._reply_to,
            headers.unstructured("Subject", subject(message)),
            headers.date(message.leased_at),
            *self._links.headers(name),
            "MIME-Version: 1.0\r\n",
        ]
        return "\r\n".join(lines)

    def _write_text_alone(self, message: Message, name: str, mail: list[bytes]) -> None:
        """SMTP ends a mail with CRLF, which is no part of the text: base64 ignores it, a soft break takes it back."""
        is_base64 = self._text.write(message, name, mail)
        if not mail[-1].endswith(b"\r\n"):
            mail.append(b"\r\n" if is_base64 else SOFT_BREAK)

    def _write_related(self, html: "_Part", message: Message, name: str, mail: list[bytes]) -> None:
        boundary = f"=_r.{name}".encode()
        kind = b'Content-Type: multipart/related; type="text/html";\r\n boundary="%b"\r\n\r\n--%b\r\n'
        mail.append(kind % (boundary, boundary))
        html.write(message, name, mail)
        for image in self._images:
            mail += (b"\r\n--%b\r\n" % boundary, image)
        mail.append(b"\r\n--%b--\r\n" % boundary)


class _Part:
    """The text or the HTML of a shape: encoded constants, and the holes between them."""

    def __init__(self, subtype: str, pieces: Pieces, links: "_Links") -> None:
        self._pieces = pieces
        kind = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: "
        self._in_base64 = f"{kind}base64\r\n\r\n".encode()
        constants = "".join(piece for piece in pieces if isinstance(piece, str))
        self._octets = len(constants.encode())
        self._foreign = self._octets - sum(map(str.isascii, constants))
        self._is_foreign = 3 * self._foreign > self._octets  # whatever the values are
        self._frame = [f"{kind}quoted-printable\r\n\r\n".encode()]  # encoded constants, b"" where a hole is
        self._holes: list[tuple[int, int, Escape]] = []  # place in the frame, slot, how to escape it
        self._named: list[int] = []  # places in the frame where the message's handle stands
        self._encode_constants(pieces, links)

    def _encode_constants(self, pieces: Pieces, links: "_Links") -> None:
        """Fill the frame, with a soft break between two pieces unless a line ends there anyway."""
        frame = self._frame
        line_ended = True
        for piece in _merged(_cut(pieces, links)):
            if isinstance(piece, str):
                frame[-1] += (b"" if line_ended or piece.startswith("\n") else SOFT_BREAK) + quoted(piece)
                line_ended = piece.endswith("\n")
                continue
            if not line_ended:
                frame[-1] += SOFT_BREAK
            if piece is _HANDLE:
                self._named.append(len(frame))
            else:
                self._holes.append((len(frame), piece.slot, piece.escape))
            frame += (b"", b"")
            line_ended = False

    def write(self, message: Message, name: str, mail: list[bytes]) -> bool:
        """Append header lines and body; True when the body is base64, because it is over a third non-ASCII."""
        if self._is_foreign or (not "".join(message.values).isascii() and self._may_be_foreign(message.values)):
            text = fill(self._pieces, message)
            octets = len(text.encode())
            if 3 * (octets - sum(map(str.isascii, text))) > octets:
                mail += (self._in_base64, in_base64(text))
                return True
        body = self._frame.copy()
        values = message.values
        for place, slot, escape in self._holes:
            body[place] = _filled(values[slot], escape)
        for place in self._named:
            body[place] = name.encode()  # hexadecimal digits and a dot
        mail += body
        return False

    def _may_be_foreign(self, values: Sequence[str]) -> bool:
        """False where no filling needs to be looked at: even the most octets that these values have are too few."""
        most = self._foreign
        for _, slot, _ in self._holes:
            if not values[slot].isascii():
                most += 4 * len(values[slot])
        return 3 * most > self._octets


_HANDLE = Hole(UNSUBSCRIBE_URL, Escape.PLAIN)  # stands for the handle within a link


def _cut(pieces: Pieces, links: "_Links") -> Iterator[str | Hole]:
    """The pieces with constants around the message's handle instead of whole links."""
    for piece in pieces:
        if isinstance(piece, str) or piece.slot >= 0:
            yield piece
            continue
        first, *rest = links.around_name(piece)
        yield first
        for constant in rest:
            yield from (_HANDLE, constant)


def _filled(value: str, escape: Escape) -> bytes:
    """What stands in a hole; names, dates and amounts come again and again, long values do not."""
    return _remembered(value, escape) if len(value) <= _REMEMBERED else quoted(escaped(value, escape))


@lru_cache(maxsize=4096)
def _remembered(value: str, escape: Escape) -> bytes:
    return quoted(escaped(value, escape))


def _merged(pieces: Iterable[str | Hole]) -> Iterator[str | Hole]:
    """The pieces without empty constants, and neighbouring constants as one."""
    for is_text, run in groupby(pieces, key=lambda piece: isinstance(piece, str)):
        if not is_text:
            yield from run
        elif text := "".join(str(piece) for piece in run):
            yield text


class _Links:
    """What a message's handle stands in: computed once with a handle that stands for any."""

    def __init__(self, message: Message) -> None:
        self._probe = message._replace(id=_PROBE[0], token=_PROBE[1])
        self._name = handle(*_PROBE)
        lines = [f"Message-ID: {internet_message_id(self._probe)}"]
        lines += [headers.listed(name, value) for name, value in list_headers(self._probe).items()]
        self._headers = [line.split(self._name) for line in lines]

    def headers(self, name: str) -> list[str]:
        """Message-ID and the list headers."""
        return [name.join(around) for around in self._headers]

    def around_name(self, hole: Hole) -> list[str]:
        """The hole's text, escaped, cut where the handle stands; no escape changes a handle."""
        return escaped(value_of(hole, self._probe), hole.escape).split(self._name)


def _from_and_reply_to(message: Message) -> tuple[str, list[str]]:
    sender = message.sender
    reply_to = [headers.mailbox("Reply-To", *headers.split_mailbox(sender.reply_to))] if sender.reply_to else []
    return headers.mailbox("From", sender.name, sender.address), reply_to


@lru_cache(maxsize=8)  # shapes of one template share their images
def _image_part(image: InlineImage) -> bytes:
    part = EmailMessage(policy=SMTP)
    main, _, sub = image.mime_type.partition("/")
    part.set_content(
        image.data, maintype=main, subtype=sub, disposition="inline", filename=image.file_name, cid=f"<{image.cid}>"
    )
    del part["MIME-Version"]
    return part.as_bytes().removesuffix(b"\r\n")


def _size(shape: Shape) -> int:
    texts = (*shape.text, *(shape.html or ()))
    return sum(len(piece) for piece in texts if isinstance(piece, str))
