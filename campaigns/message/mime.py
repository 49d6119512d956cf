"""A message as the bytes of a mail (RFC 5322, RFC 2045): what stands in every mail of a shape is encoded once.

    text alone                  text/plain
    text and HTML               multipart/alternative: text/plain, text/html
    with images in the HTML     multipart/alternative: text/plain, multipart/related: text/html, image...
    with files                  multipart/mixed: one of these, file...

Every line ends in CRLF and is ASCII (but for addresses outside it, see `headers.py`); bodies have at most 76 columns.
No line begins with a dot. The same message gives the same bytes at every retry, but for its Date.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from functools import lru_cache
from itertools import groupby

from campaigns.message import attachment, headers
from campaigns.message.fill import escaped, fill, subject, value_of
from campaigns.message.frame import Frame
from campaigns.message.message import Message, handle, internet_message_id, list_headers
from campaigns.message.quoted import SOFT_BREAK, in_base64, quoted
from campaigns.message.shape import UNSUBSCRIBE_URL, Escape, Hole, InlineImage, Pieces, Shape

_CACHE_BYTES = 16_000_000  # encoded shapes kept for the next message
_VERSION = b"\r\nMIME-Version: 1.0\r\n"  # the last line of what is about the whole mail; no header value holds CRLF
_PROBE = (0, b"\xfe\xdc\xba\x98\x76\x54\x32\x10")  # id and token that stand for any message's


def to_bytes(message: Message) -> bytes:
    """The whole mail, ended by CRLF; without the dot that ends it on the wire."""
    if message.files:
        return b"".join(pieces(message))
    return _CACHE.encoder(message).encode(message)


def pieces(message: Message) -> list[bytes]:
    """The mail of `to_bytes` in pieces, so that large files need not be joined; no piece ends within a CRLF."""
    mail = _CACHE.encoder(message).encode(message)
    if not message.files:
        return [mail]
    head, version, content = mail.partition(_VERSION)
    boundary = f"=_m.{handle(message.id, message.token)}".encode()
    made = [
        b'%b%bContent-Type: multipart/mixed;\r\n boundary="%b"\r\n\r\n--%b\r\n' % (head, version, boundary, boundary),
        content,
    ]
    for file in message.files:
        made += [b"\r\n--%b\r\n%b" % (boundary, attachment.header_lines(file)), attachment.in_lines(file)]
    return [*made, b"\r\n--%b--\r\n" % boundary]


class _Cache:
    """Encoders of the shapes used last, bounded in bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._encoders: OrderedDict[int, _Encoder] = OrderedDict()
        self._last: _Encoder | None = None  # most messages are of the shape of the one before
        self._lock = threading.Lock()

    def encoder(self, message: Message) -> "_Encoder":
        last = self._last
        if last is not None and last.shape is message.shape and last.sender is message.sender:
            return last
        self._last = found = self._found(message)
        return found

    def _found(self, message: Message) -> "_Encoder":
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
        self._parts = [_Part("plain", message.shape.text, self._links)]
        if message.shape.html is not None:
            self._parts.append(_Part("html", message.shape.html, self._links))
        self._images = [_image_part(image) for image in message.shape.images] if message.shape.html is not None else []
        self._usual = None if any(part.is_foreign for part in self._parts) else tuple(None for _ in self._parts)
        self._room = min(part.room for part in self._parts)
        self._frames: dict[tuple[bool, ...], Frame] = {}  # by which parts are base64
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
        bodies = self._in_base64(message)
        which = tuple([body is not None for body in bodies])
        frame = self._frames.get(which)
        if frame is None:
            frame = self._frames[which] = self._lay_out(which)
        mail = frame.filled(message.values, name.encode(), [self._head(message), *filter(None, bodies)])
        if not mail.endswith(b"\r\n"):  # one part alone
            # SMTP ends a mail with CRLF, which is no part of the text: base64 ignores it, a soft break takes it back.
            mail += b"\r\n" if which[0] else SOFT_BREAK
        return mail

    def _in_base64(self, message: Message) -> Sequence[bytes | None]:
        """For each part its body where that is base64 for this message."""
        if self._usual is not None:
            together = "".join(message.values)
            if len(together) <= self._room or together.isascii():
                return self._usual
        return [part.in_base64(message) for part in self._parts]

    def _head(self, message: Message) -> bytes:
        """The header lines that are made for each message."""
        to = headers.mailbox("To", "", message.to)
        about = headers.unstructured("Subject", subject(message))
        return f"{self._from}\r\n{to}\r\n{self._reply_to}{about}\r\n{headers.date(message.leased_at)}\r\n".encode()

    def _lay_out(self, in_base64: Sequence[bool]) -> Frame:
        frame = Frame()
        frame.add_own()  # the head
        for around in self._links.headers:
            frame.add_around_name(around)
        frame.add(b"MIME-Version: 1.0\r\n")
        parts = list(zip(self._parts, in_base64, strict=True))
        if len(parts) == 1:
            parts[0][0].lay_out(frame, in_base64[0])
            return frame
        # `=_` stands in no quoted-printable and no base64 (RFC 2045 6.7)
        with _multipart(frame, "multipart/alternative", b"=_a.") as delimit:
            parts[0][0].lay_out(frame, in_base64[0])
            delimit()
            if self._images:
                with _multipart(frame, 'multipart/related; type="text/html"', b"=_r.") as delimit_related:
                    parts[1][0].lay_out(frame, in_base64[1])
                    for image in self._images:
                        delimit_related()
                        frame.add_shared(image)
            else:
                parts[1][0].lay_out(frame, in_base64[1])
        return frame


@contextmanager
def _multipart(frame: Frame, kind: str, prefix: bytes) -> Iterator[Callable[[], None]]:
    """A multipart entity; call what is given between two of its parts."""
    frame.add_around_name(
        [b'Content-Type: %b;\r\n boundary="%b' % (kind.encode(), prefix), b'"\r\n\r\n--' + prefix, b"\r\n"]
    )
    yield lambda: frame.add_around_name([b"\r\n--" + prefix, b"\r\n"])
    frame.add_around_name([b"\r\n--" + prefix, b"--\r\n"])


class _Part:
    """The text or the HTML of a shape."""

    def __init__(self, subtype: str, pieces: Pieces, links: "_Links") -> None:
        self._pieces = pieces
        self._links = links
        self._kind = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: ".encode()
        constants = "".join(piece for piece in pieces if isinstance(piece, str))
        self._slots = [piece.slot for piece in pieces if isinstance(piece, Hole) and piece.slot >= 0]
        self._octets = len(constants.encode())
        self._foreign = self._octets - sum(map(str.isascii, constants))
        self.is_foreign = 3 * self._foreign > self._octets  # whatever the values are
        most = max(Counter(self._slots).values(), default=1)  # times that a value stands in it
        self.room = (self._octets - 3 * self._foreign) // (
            12 * most
        )  # characters that all values may have before it is

    def in_base64(self, message: Message) -> bytes | None:
        """The body in base64 where it is over a third non-ASCII."""
        if self.is_foreign or self._may_be_foreign(message.values):
            text = fill(self._pieces, message)
            octets = len(text.encode())
            if 3 * (octets - sum(map(str.isascii, text))) > octets:
                return in_base64(text)
        return None

    def lay_out(self, frame: Frame, in_base64: bool) -> None:
        """Header lines and body."""
        if in_base64:
            frame.add(self._kind + b"base64\r\n\r\n")
            frame.add_own()
            return
        frame.add(self._kind + b"quoted-printable\r\n\r\n")
        line_ended = True
        for piece in _merged(_cut(self._pieces, self._links)):  # with a soft break between two unless a line ends there
            if isinstance(piece, str):
                frame.add((b"" if line_ended or piece.startswith("\n") else SOFT_BREAK) + quoted(piece))
                line_ended = piece.endswith("\n")
                continue
            before = b"" if line_ended else SOFT_BREAK
            if piece is _HANDLE:
                frame.add_around_name((before, b""))
            else:
                frame.add(before)
                frame.add_value(piece.slot, piece.escape)
            line_ended = False

    def _may_be_foreign(self, values: Sequence[str]) -> bool:
        """False where no filling needs to be looked at: even the most octets that these values have are too few."""
        most = self._foreign
        for slot in self._slots:
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
        self.headers = [f"{line}\r\n".encode().split(self._name.encode()) for line in lines]  # around the handle

    def around_name(self, hole: Hole) -> list[str]:
        """The hole's text, escaped, cut where the handle stands; no escape changes a handle."""
        return escaped(value_of(hole, self._probe), hole.escape).split(self._name)


def _from_and_reply_to(message: Message) -> tuple[str, str]:
    sender = message.sender
    reply_to = f"{headers.mailbox('Reply-To', *headers.split_mailbox(sender.reply_to))}\r\n" if sender.reply_to else ""
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
