"""A frozen message, and all that follows from it: values, links, header values."""

import re
import urllib.parse
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from campaigns.message.attachment import Attachment
from campaigns.message.shape import Shape

_RAW, _ZIPPED = b"\x01", b"\x02"  # the first byte of stored slots: which codec
_HANDLE = re.compile(r"<?(?P<id>[0-9a-f]{1,16})\.(?P<token>[0-9a-f]{16})(?:@[^>]*)?>?", re.IGNORECASE)
_ZIP_FROM = 200  # bytes; below it zlib saves nothing
_IDS_END = 2**63  # no store counts further


@dataclass(frozen=True, slots=True)
class Sender:
    """What all messages of a campaign share and the shape does not hold; frozen when the campaign is queued."""

    campaign_id: int
    campaign: str  # its name
    bulk: bool  # bulk mail carries List-Unsubscribe; transactional mail does not
    name: str  # display name of From, "" for none
    address: str  # From and the envelope's sender
    reply_to: str = ""  # one address, maybe with a display name; "" for none
    public_url: str = ""  # "https://mail.example.org", without a slash at its end; "" until there is one
    tag_salt: bytes = b""  # what makes the campaign's SendGrid tags unguessable


class Message(NamedTuple):
    """One mail to one person; everything but `leased_at` was frozen when it was queued."""

    id: int
    token: bytes  # 8 random bytes
    sender: Sender
    shape_id: int
    shape: Shape
    to: str  # the address as it goes on the wire
    values: tuple[str, ...]  # raw, by slot number
    leased_at: datetime  # becomes the Date header
    files: tuple[Attachment, ...] = ()  # with their bytes: those of the shape, then the message's own


class Envelope(NamedTuple):
    """Who a mail is from and for on the wire (RFC 5321 4.1.1), known before the message is leased."""

    message_id: int  # the outbox row
    mail_from: str
    rcpt_to: str


def pack_values(joined: str) -> bytes:
    """Values as they are stored; in `joined` a NUL ends each of them (no value holds one)."""
    raw = joined.encode()
    if len(raw) >= _ZIP_FROM:
        zipped = zlib.compress(raw, 6)
        if len(zipped) < len(raw):
            return _ZIPPED + zipped
    return _RAW + raw


def unpack_values(stored: bytes) -> tuple[str, ...]:
    """The values of a message, by slot number."""
    return tuple(_unzipped(stored).decode().split("\0")[:-1])


def unpack_all_values(stored: Sequence[bytes]) -> list[tuple[str, ...]]:
    """Those of many messages; where each has as many, as those of one shape have, in half the time."""
    bodies = list(map(_unzipped, stored))
    slots = {body.count(b"\0") for body in bodies}
    if len(slots) != 1 or not all(body.endswith(b"\0") for body in bodies):
        return list(map(unpack_values, stored))
    values = b"".join(bodies).decode().split("\0")[:-1]
    return list(zip(*[iter(values)] * slots.pop(), strict=True))


def _unzipped(stored: bytes) -> bytes:
    return zlib.decompress(stored[1:]) if stored[:1] == _ZIPPED else stored[1:]


def handle(message_id: int, token: bytes) -> str:
    """The message's name in links, Message-IDs and mailto subjects: enough to find it, useless to guess."""
    return f"{message_id:x}.{token.hex()}"


def read_handle(text: str) -> tuple[int, bytes] | None:
    """The id and token that a handle, or the Message-ID around it, names; None if it is neither."""
    found = _HANDLE.fullmatch(text.strip())
    if found is None or int(found["id"], 16) >= _IDS_END:
        return None
    return int(found["id"], 16), bytes.fromhex(found["token"])


def internet_message_id(message: Message) -> str:
    """The Message-ID header's value, the same at every retry (RFC 5322 3.6.4)."""
    domain = message.sender.address.rpartition("@")[2]
    return f"<{handle(message.id, message.token)}@{domain}>"


def unsubscribe_url(message: Message) -> str:
    """Where this person leaves: a page under `public_url`, or a mail to the sender until there is one."""
    if message.sender.public_url:
        return f"{message.sender.public_url}/u/{handle(message.id, message.token)}"
    return unsubscribe_mailto(message)


def unsubscribe_mailto(message: Message) -> str:
    address = _bare(message.sender.reply_to) or message.sender.address
    subject = urllib.parse.quote(f"unsubscribe {handle(message.id, message.token)}")
    return f"mailto:{urllib.parse.quote(address, safe='@+')}?subject={subject}"


def view_url(message: Message) -> str:
    """The mail as a page; only campaigns with a `public_url` may print it."""
    return f"{message.sender.public_url}/v/{handle(message.id, message.token)}"


def list_headers(message: Message) -> dict[str, str]:
    """List-Unsubscribe (RFC 2369) and, where there is an https page, its one-click mark (RFC 8058)."""
    if not message.sender.bulk:
        return {}
    mailto = f"<{unsubscribe_mailto(message)}>"
    if not message.sender.public_url:
        return {"List-Unsubscribe": mailto}
    headers = {"List-Unsubscribe": f"<{unsubscribe_url(message)}>, {mailto}"}
    if message.sender.public_url.startswith("https://"):
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def _bare(address: str) -> str:
    return address.rpartition("<")[2].rstrip(">").strip()
